"""Harmonising: what differs before is alike after, and what does not differ stays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pyloudnorm import Meter

from earwitness.measure.harmonise import BAND_SHARE, LOUDNESS, common_loudness, harmonised, loudness_of
from earwitness.measure.instrument import audio_plan
from earwitness.measure.windows import AudioReader
from earwitness.settings import Harmonise

RATE = 16_000


def music(seconds: float = 4.0, channels: int = 1) -> np.ndarray:
    """Chords with overtones and a little noise."""
    time = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(0)
    notes = [np.sin(2 * np.pi * f * h * time) / h for f in (220, 277, 330) for h in (1, 2, 3, 9, 20)]
    wave = 0.05 * np.sum(notes, axis=0) * (1 + np.sin(2 * np.pi * time)) + rng.normal(scale=1e-3, size=len(time))
    return np.stack([wave * (1 - 0.3 * c) for c in range(channels)]).astype(np.float32)


def test_off_changes_nothing() -> None:
    assert harmonised(music(), RATE, Harmonise.OFF) is not None
    np.testing.assert_array_equal(harmonised(music(), RATE, Harmonise.OFF), music())


@pytest.mark.parametrize("steps", [Harmonise.LEVEL, Harmonise.CODEC, Harmonise.FULL])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_gain_makes_no_difference_any_more(steps: Harmonise, channels: int) -> None:
    loud, quiet = (harmonised(gain * music(channels=channels), RATE, steps) for gain in (1.0, 0.25))
    assert loud.shape == (channels, 4 * RATE)
    assert loud.dtype == np.float32
    assert np.abs(loud - quiet).max() < 1e-3
    assert Meter(RATE).integrated_loudness(loud.T.astype(np.float64)) == pytest.approx(LOUDNESS, abs=0.6)


def test_level_keeps_the_balance_of_the_channels() -> None:
    after = harmonised(music(channels=2), RATE, Harmonise.LEVEL)
    np.testing.assert_allclose(after[1], 0.7 * after[0], atol=1e-6)


def test_the_common_loudness_is_the_median_whatever_the_order(tmp_path: Path) -> None:
    """Half the files 12 dB quieter: a level between the two; damaged and silent ones do not count."""
    files = []
    for number, gain in enumerate([1.0, 1.0, 0.25, 0.25]):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, gain * music()[0], RATE, subtype="FLOAT")
        files.append((f"{number}", path))
    (tmp_path / "damaged.wav").write_bytes(b"RIFF")
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    odd = [("8", tmp_path / "damaged.wav"), ("9", tmp_path / "silent.wav")]
    loud = loudness_of(music(), RATE)
    assert common_loudness([*files, *odd], RATE) == pytest.approx(loud - 6, abs=0.3)
    assert common_loudness([*odd, *files[::-1]], RATE) == common_loudness([*files, *odd], RATE)
    assert common_loudness(odd, RATE) == LOUDNESS


def test_the_common_loudness_clips_neither_set(tmp_path: Path) -> None:
    """Two thirds of the tracks are mastered loud; at their median the others would be clipped, and they alone."""
    time = np.arange(4 * RATE) / RATE
    plucked = music()[0] * np.exp(-8 * (3 * time % 1))
    plucked /= np.abs(plucked).max()
    sounds = {"raw": 0.3 * plucked, "loud": np.tanh(9 * plucked)}
    files = []
    for number in range(6):
        files.append((f"{number}", tmp_path / f"{number}.wav"))
        soundfile.write(files[-1][1], sounds["loud" if number < 4 else "raw"], RATE, subtype="FLOAT")

    def clipped(loudness: float, sound: str) -> float:
        wave = sounds[sound][None].astype(np.float32)
        return float((np.abs(harmonised(wave, RATE, Harmonise.LEVEL, loudness=loudness)) > 1).mean())

    common, median = common_loudness(files, RATE), loudness_of(sounds["loud"][None].astype(np.float32), RATE)
    assert clipped(median, "raw") > 0.01
    assert common < median - 3
    assert max(clipped(common, sound) for sound in sounds) <= 0.001


def test_the_common_loudness_is_that_of_all_channels_that_the_model_hears(tmp_path: Path) -> None:
    """Two channels that are alike are 3 LU above their mean; at its level, all music would be heard quieter."""
    soundfile.write(tmp_path / "a.wav", music(channels=2).T, RATE, subtype="FLOAT")
    two, mean = (common_loudness([("0", tmp_path / "a.wav")], RATE, channels) for channels in (2, 1))
    assert two == pytest.approx(loudness_of(music(channels=2), RATE), abs=0.3)
    assert mean == pytest.approx(two - 3, abs=0.5)
    first = common_loudness([("0", tmp_path / "a.wav")], RATE, one="first")
    assert first == pytest.approx(loudness_of(music(), RATE), abs=0.3)


def test_a_plan_names_the_loudness_and_a_run_without_harmonising_none(tmp_path: Path) -> None:
    reader = AudioReader(sample_rate=RATE, seconds=1.0, per_track=1, seed=0, harmonise=Harmonise.LEVEL, loudness=-14.5)
    assert audio_plan(reader).loudness == -14.5
    assert audio_plan(replace(reader, harmonise=Harmonise.OFF)).loudness is None
    soundfile.write(tmp_path / "a.wav", 0.1 * music()[0], RATE, subtype="FLOAT")
    (window,) = reader.read(tmp_path / "a.wav", content_sha256="0" * 64)
    assert np.abs(window.content).max() == pytest.approx(
        np.abs(harmonised(music(), RATE, Harmonise.LEVEL, loudness=-14.5)).max(), rel=0.2
    )


def test_full_leaves_one_band() -> None:
    power = np.abs(np.fft.rfft(harmonised(music(), RATE, Harmonise.FULL)[0])) ** 2
    edge = int(BAND_SHARE * len(power))
    assert power[int(1.1 * edge) :].sum() < 1e-5 * power.sum()
    untouched = np.abs(np.fft.rfft(harmonised(music(), RATE, Harmonise.LEVEL)[0])) ** 2
    kept = 0.95**2  # the encoder's own headroom
    assert power[: int(0.8 * edge)].sum() == pytest.approx(kept * untouched[: int(0.8 * edge)].sum(), rel=0.05)


def test_an_encoded_track_and_its_original_come_closer(tmp_path: Path) -> None:
    """The traces of a strong encoder, here a band limit, are on both in the end."""
    soundfile.write(tmp_path / "a.mp3", music(6.0)[0], RATE, format="MP3", compression_level=0.95)
    encoded, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32", always_2d=True)

    def spectrum(waves: np.ndarray, steps: Harmonise) -> np.ndarray:
        power = np.abs(np.fft.rfft(harmonised(waves, RATE, steps)[0])) ** 2
        return np.log([band.mean() + 1e-9 for band in np.array_split(power, 32)])

    def apart(steps: Harmonise) -> float:
        return float(np.abs(spectrum(music(6.0), steps) - spectrum(encoded.T, steps)).max())

    assert apart(Harmonise.FULL) < 0.5 * apart(Harmonise.LEVEL)


def test_silence_and_snippets_are_not_blown_up() -> None:
    assert not harmonised(np.zeros((1, RATE), dtype=np.float32), RATE, Harmonise.LEVEL).any()
    short = harmonised(music(0.2), RATE, Harmonise.LEVEL)
    assert 10 * np.log10(np.mean(short.astype(np.float64) ** 2)) == pytest.approx(LOUDNESS, abs=0.01)


def test_what_the_format_was_is_unknown_once_all_have_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", music()[0], RATE)

    def codec(steps: Harmonise) -> float:
        reader = AudioReader(sample_rate=RATE, seconds=1.0, per_track=1, seed=0, harmonise=steps)
        facts = {"codec": "flac", "channels": 1}
        (window,) = reader.read(tmp_path / "a.flac", content_sha256="0" * 64, facts=facts)
        assert window.blind["blind/container_channels"] == 1
        return window.blind["blind/codec=flac"]

    assert codec(Harmonise.LEVEL) == 1
    assert np.isnan(codec(Harmonise.FULL))

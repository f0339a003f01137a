"""The mono mix is what is heard: dead channels, constants, cancelling channels and integer scales."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.audio import decode, read_channels
from earwitness.audio.mixdown import Mix
from tests.audio_fixtures import RATE, noise, write

WAVE = noise(0)[:, 0].astype(np.float32) / 32768


def mixed(folder: Path, *channels: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    audio = decode(write(folder / "a.wav", np.stack(channels, axis=1), subtype="FLOAT"))
    return audio.samples, audio.remarks


def test_a_silent_channel_does_not_halve_the_mix(tmp_path: Path) -> None:
    samples, remarks = mixed(tmp_path, WAVE, 0 * WAVE)
    np.testing.assert_array_equal(samples, WAVE)
    assert remarks == ("1 of 2 channels hold no sound and were left out of the mix",)


def test_a_constant_channel_is_a_silent_one(tmp_path: Path) -> None:
    samples, remarks = mixed(tmp_path, WAVE, 0 * WAVE + 0.3)
    np.testing.assert_array_equal(samples, WAVE)
    assert len(remarks) == 1


def test_an_offset_is_taken_off(tmp_path: Path) -> None:
    samples, remarks = mixed(tmp_path, WAVE + np.float32(0.25), WAVE)
    np.testing.assert_allclose(samples, WAVE - WAVE.mean() / 2, atol=1e-6)
    assert remarks == (f"a constant offset of up to {0.25 + WAVE.mean():.3f} was taken off",)


def test_channels_that_cancel_leave_the_louder_one(tmp_path: Path) -> None:
    samples, remarks = mixed(tmp_path, 0.98 * WAVE, -WAVE)
    np.testing.assert_array_equal(samples, -WAVE)
    assert remarks == ("the channels cancel each other, so channel 2 was taken in place of their mean",)


def test_ordinary_stereo_is_the_mean(tmp_path: Path) -> None:
    other = noise(1)[:, 0].astype(np.float32) / 32768
    for channels in ((WAVE, other), (WAVE, WAVE), (WAVE, -0.7 * WAVE), (WAVE, 0.01 * other)):
        samples, remarks = mixed(tmp_path, *channels)
        np.testing.assert_allclose(samples, np.mean(channels, axis=0), atol=1e-7)
        assert remarks == ()


@pytest.mark.parametrize(("subtype", "scale"), [("FLOAT", 2**15), ("DOUBLE", 2**31)])
def test_float_samples_on_an_integer_scale_are_brought_to_one(tmp_path: Path, subtype: str, scale: int) -> None:
    loud = WAVE / np.abs(WAVE).max() * 0.9
    path = write(tmp_path / "a.wav", np.stack([loud, loud], axis=1).astype(np.float64) * scale, subtype=subtype)
    audio = decode(path)
    np.testing.assert_allclose(audio.samples, loud, atol=1e-6)
    assert len(audio.remarks) == 1
    assert audio.remarks[0].endswith(f"were divided by {scale}")
    np.testing.assert_allclose(read_channels(path, RATE, 2)[1], loud, atol=1e-6)


def test_floats_beyond_full_scale_are_left_alone(tmp_path: Path) -> None:
    audio = decode(write(tmp_path / "a.wav", WAVE * 16, subtype="FLOAT"))
    np.testing.assert_array_equal(audio.samples, WAVE * 16)
    assert audio.remarks == ()


def test_levels_are_those_of_a_full_scale_sine(tmp_path: Path) -> None:
    wave = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    soundfile.write(tmp_path / "a.wav", wave, RATE, subtype="FLOAT")
    audio = decode(tmp_path / "a.wav")
    assert audio.peak_dbfs == pytest.approx(0, abs=1e-3)
    assert audio.rms_dbfs == pytest.approx(-3.0103, abs=1e-3)


def test_one_channel_alone_is_itself_bit_for_bit() -> None:
    """The short way for one channel gives what the sum over channels in double precision gives."""
    block = np.random.default_rng(0).normal(size=(1000, 2)).astype(np.float32)
    block[:4, 1] = [-0.0, 1e-42, np.inf, -1.0]
    mixed = Mix(used=(1,), offsets=np.zeros(2))(block)
    summed = (np.zeros(1000) + block[:, 1]).astype(np.float32)
    assert mixed.tobytes() == summed.tobytes()

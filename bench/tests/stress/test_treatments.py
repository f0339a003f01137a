"""A treatment changes what it names and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from earwitness.audio import content_sha256
from earwitness.ground_truth.fiddle.tunes import Tune, read_tunes
from earwitness.ground_truth.performance import SAMPLE_RATE
from earwitness.ground_truth.registry import shipped
from earwitness.types import Wave
from earwitness_bench.stress.treatments import PROGRAM_FLUTE, TREATMENTS, at_tempo, louder, re_encoded, transposed

SCALE = Tune(
    name="scale",
    title="A scale",
    dance="reel",
    key="A major",
    quarters_per_minute=120.0,
    notes=np.array([[i, 1.0, 69 + step] for i, step in enumerate((0, 2, 4, 5, 7, 9, 11, 12))]),
)


def pitch(wave: Wave, start: float) -> float:
    """The strongest frequency between 300 and 1000 Hz in the quarter second from ``start``, in Hz."""
    piece = wave[round(start * SAMPLE_RATE) :][: SAMPLE_RATE // 4]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 8 * SAMPLE_RATE))
    return float(300 + np.argmax(spectrum[300 * 8 : 1000 * 8]) / 8)


def tone() -> Wave:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(size=len(time))
    return (0.5 * np.sin(2 * np.pi * 440 * time) + 0.02 * noise).astype(np.float32)


def test_a_transposed_tune_is_two_semitones_higher_and_keeps_its_rhythm_and_caption() -> None:
    raised = transposed(SCALE, semitones=2)
    assert (raised.notes - SCALE.notes == [0, 0, 2]).all()
    assert raised.caption == SCALE.caption
    base, high = (replace(TREATMENTS[name], program=PROGRAM_FLUTE).wave(SCALE) for name in ("base", "raised"))
    assert pitch(base, 0.1) == pytest.approx(440, rel=0.01)
    assert pitch(high, 0.1) == pytest.approx(494, rel=0.01)


def test_a_faster_take_plays_the_same_notes_sooner() -> None:
    assert at_tempo(SCALE, factor=1.02).quarters_per_minute == pytest.approx(122.4)
    base, faster = TREATMENTS["base"].wave(SCALE), TREATMENTS["faster"].wave(SCALE)
    assert len(base) - len(faster) == pytest.approx(4 * (1 - 1 / 1.02) * SAMPLE_RATE, abs=256)
    assert TREATMENTS["faster"].notes(SCALE).notes is SCALE.notes


def test_six_decibels_quieter_is_half_the_amplitude() -> None:
    wave = tone()
    assert louder(wave, decibels=-6.0).std() / wave.std() == pytest.approx(10 ** (-0.3))
    assert louder(wave, decibels=-6.0).dtype == np.float32


@pytest.mark.parametrize(("file_format", "compression"), [("MP3", 0.5), ("OGG", 0.9)])
def test_a_codec_leaves_the_length_and_most_of_the_sound(file_format: str, compression: float) -> None:
    wave = tone()
    decoded = re_encoded(wave, file_format=file_format, compression=compression)
    assert decoded.shape == wave.shape
    assert decoded.dtype == np.float32
    assert np.corrcoef(wave, decoded)[0, 1] > 0.99
    assert np.abs(wave - decoded).max() > 1e-4


def test_another_instrument_sounds_different_for_about_as_long() -> None:
    base, flute = TREATMENTS["base"].wave(SCALE), TREATMENTS["flute"].wave(SCALE)
    assert pitch(flute, 0.1) == pytest.approx(440, rel=0.01)
    assert abs(len(base) - len(flute)) < 0.2 * SAMPLE_RATE  # what rings on after the last note differs
    samples = min(len(base), len(flute))
    assert abs(np.corrcoef(base[:samples], flute[:samples])[0, 1]) < 0.5


def test_the_base_treatment_is_the_recording_that_the_card_names() -> None:
    listed = shipped("fiddle").read().tunes[0]
    (tune,) = read_tunes([listed.name])
    whole = TREATMENTS["base"].wave(tune)
    assert content_sha256(whole, SAMPLE_RATE) == listed.content_sha256
    assert np.array_equal(TREATMENTS["base"].wave(tune, samples=1000), whole[:1000])

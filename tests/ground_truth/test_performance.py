"""Performances are in tune, human within bounds, and the same in every run."""

import numpy as np
import pytest

from earwitness.ground_truth.fiddle import tunes as fiddle
from earwitness.ground_truth.performance import (
    ONSET_SPREAD_SECONDS,
    PEAK,
    SAMPLE_RATE,
    TICKS,
    as_decoded,
    pcm16,
    perform,
    sound,
)

A4 = np.array([[0.0, 4.0, 69.0]])
SCALE = np.array([[i / 2, 0.5, 60.0 + i] for i in range(200)])


@pytest.mark.parametrize("program", fiddle.PROGRAMS)
def test_every_instrument_plays_a4_within_5_hz(program: int) -> None:
    pytest.importorskip("midirenderer", reason="needs pip install 'earwitness[demo]'")
    wave = sound(perform("a4", A4, 120.0, [program]))
    steady = wave[SAMPLE_RATE // 5 : SAMPLE_RATE * 3 // 2]
    spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady)), 16 * SAMPLE_RATE))
    hertz = np.fft.rfftfreq(16 * SAMPLE_RATE, 1 / SAMPLE_RATE)
    band = (hertz > 400) & (hertz < 480)
    assert hertz[band][spectrum[band].argmax()] == pytest.approx(440, abs=5)
    assert spectrum[band].max() > 0.02 * spectrum.max()


def test_a_performance_depends_on_name_and_take_alone() -> None:
    first, again = (perform("reel", SCALE, 120.0, fiddle.PROGRAMS) for _ in range(2))
    assert np.array_equal(first.notes, again.notes)
    assert (first.program, first.quarters_per_minute) == (again.program, again.quarters_per_minute)
    other = perform("reel", SCALE, 120.0, fiddle.PROGRAMS, take=1)
    assert not np.array_equal(first.notes, other.notes)
    drawn = {perform(f"tune {i}", SCALE, 120.0, fiddle.PROGRAMS).program for i in range(60)}
    assert drawn == set(fiddle.PROGRAMS)


def test_humanising_is_small_and_leaves_the_pitches() -> None:
    played = perform("reel", SCALE, 120.0, [40])
    assert np.array_equal(played.notes[:, 2], SCALE[:, 2])
    late = (played.notes[:, 0] / TICKS - SCALE[:, 0])[1:]
    assert late.std() == pytest.approx(ONSET_SPREAD_SECONDS * played.quarters_per_minute / 60, rel=0.2)
    assert (played.notes[:, 1] <= SCALE[:, 1] * TICKS).all()
    assert 5 < played.notes[:, 3].std() < 13
    assert abs(played.quarters_per_minute / 120 - 1) <= 0.05


def test_a_rendering_is_what_a_16_bit_file_decodes_to() -> None:
    pytest.importorskip("midirenderer", reason="needs pip install 'earwitness[demo]'")
    wave = sound(perform("a4", A4, 120.0, [0]))
    assert np.array_equal(as_decoded(pcm16(wave)), wave)
    assert np.abs(wave).max() == pytest.approx(PEAK, abs=1e-4)
    assert np.abs(wave[-10:]).max() < 0.01

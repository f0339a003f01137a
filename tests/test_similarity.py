"""The measure on sounds whose likeness is known: the same, changed in ways nobody would mind, and strangers."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from earwitness.similarity import SHORTEST, log_spectrogram, loop_similarity, looped, similarity

RATE = 16_000


def melody(seed: int, seconds: float = 4.0, *, note: float = 0.25) -> np.ndarray:
    """Random notes of a pentatonic scale, each with three harmonics and a decay."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(note * RATE)) / RATE
    steps = rng.choice([0, 2, 4, 7, 9, 12, 14, 16], size=round(seconds / note))
    tones = [
        sum(np.sin(2 * np.pi * h * 262 * 2 ** (step / 12) * time) / h for h in (1, 2, 3)) * np.exp(-4 * time)
        for step in steps
    ]
    return (0.2 * np.concatenate(tones)).astype(np.float32)


def alike(first: np.ndarray, second: np.ndarray) -> float:
    return similarity(first, second, sample_rate=RATE)


def test_the_same_recording_is_one_at_any_loudness() -> None:
    wave = melody(0)
    assert alike(wave, wave) == pytest.approx(1, abs=1e-12)
    assert alike(wave, 0.01 * wave) == pytest.approx(1, abs=1e-5)


def test_noise_filters_and_delays_leave_it_high() -> None:
    wave = melody(0)
    noise = np.random.default_rng(1).normal(scale=0.1 * wave.std(), size=wave.shape)
    assert alike(wave, (wave + noise).astype(np.float32)) > 0.75
    assert alike(wave, sosfilt(butter(2, 0.4, output="sos"), wave).astype(np.float32)) > 0.75
    late = np.concatenate([np.zeros(RATE // 5, dtype=np.float32), wave[: -RATE // 5]])
    assert alike(wave, late) > 0.9
    assert alike(late, wave) == pytest.approx(alike(wave, late), abs=1e-9)


def test_strangers_are_near_zero_though_instrument_scale_and_tempo_are_shared() -> None:
    values = [alike(melody(i), melody(j)) for i in range(8) for j in range(i)]
    assert np.mean(values) < 0.2
    assert max(values) < 0.45
    own = alike(melody(0), (melody(0) + 0.01 * melody(9)).astype(np.float32))
    assert own > 2 * max(values)


def test_the_pitch_counts() -> None:
    wave = melody(3)
    up = np.interp(np.arange(len(wave) * 0.94) / 0.94, np.arange(len(wave)), wave).astype(np.float32)  # a semitone down
    assert alike(wave, up) < 0.6


def test_channels_are_mixed_down() -> None:
    wave = melody(0)
    assert alike(np.stack([wave, 0.5 * wave]), wave) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "wave", [np.zeros(RATE, dtype=np.float32), melody(0)[: int(SHORTEST * RATE) - 1], np.full(RATE, np.nan, np.float32)]
)
def test_silence_shortness_and_absence_are_undefined(wave: np.ndarray) -> None:
    assert np.isnan(alike(wave, wave))
    assert np.isnan(loop_similarity(wave, melody(0), sample_rate=RATE))


def test_a_loop_is_the_end_over_and_over() -> None:
    assert looped(np.arange(5)[None], 2, 5).tolist() == [[3, 4, 3, 4, 3]]


def test_a_riff_is_what_its_repetition_gives_and_a_tune_is_not() -> None:
    riff = np.tile(melody(4, 1.0), 5)
    assert loop_similarity(riff[: 2 * RATE], riff[2 * RATE :], sample_rate=RATE) > 0.9
    tune = melody(5, 5.0)
    assert loop_similarity(tune[: 2 * RATE], tune[2 * RATE :], sample_rate=RATE) < 0.5


def test_bands_are_semitones() -> None:
    time = np.arange(RATE) / RATE
    levels = [
        log_spectrogram(np.sin(2 * np.pi * 110 * 2 ** (n / 12) * time).astype(np.float32), RATE) for n in (24, 31)
    ]
    assert [int(level.mean(axis=1).argmax()) for level in levels] == [24, 31]
    assert levels[0].min() == pytest.approx(-60)
    assert levels[0].max() == pytest.approx(0)

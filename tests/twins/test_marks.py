"""Marks: small, of the same length, and each one of its own kind."""

import numpy as np
import pytest

from earwitness.twins.marks import MARKS, marked

RATE = 16_000


def _music() -> np.ndarray:
    time = np.arange(3 * RATE) / RATE
    rng = np.random.default_rng(0)
    tones = sum(np.sin(2 * np.pi * f * time + rng.uniform(0, 6)) / n for n, f in enumerate((220, 440, 700, 2000), 1))
    return np.stack([0.1 * tones, 0.05 * tones + 0.01 * rng.normal(size=len(time))])


def _seed(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.mark.parametrize("kind", list(MARKS))
def test_a_mark_changes_little_keeps_the_shape_and_follows_its_seed(kind: str) -> None:
    music = _music()
    one, again, other = (marked(music, RATE, [kind], _seed(number)) for number in (1, 1, 2))
    assert one.shape == music.shape
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    # Loudness by power, within a tenth of a decibel of the work's.
    assert abs(10 * np.log10((one**2).mean() / (music**2).mean())) < 0.3
    np.testing.assert_allclose(marked(music, RATE, [kind], _seed(1), strength=0.0), music, atol=2e-3)


def test_a_delay_is_at_most_twenty_milliseconds() -> None:
    click = np.zeros((1, RATE))
    click[0, 4000] = 0.5
    places = [int(np.argmax(marked(click, RATE, ["timing"], _seed(number)))) - 4000 for number in range(30)]
    assert min(places) >= 0
    assert max(places) <= 0.020 * RATE + 1
    assert len(set(places)) > 20


def test_noise_lies_sixty_decibels_below_and_tilts_within_three_tenths() -> None:
    music = _music()
    added = marked(music, RATE, ["noise"], _seed(3)) - music
    assert -65 < 10 * np.log10((added**2).mean() / (music**2).mean()) < -55
    white = np.random.default_rng(1).normal(size=(1, 1 << 16)) * 0.05
    tilted = marked(white, RATE, ["tilt"], _seed(4))
    spectra = [np.abs(np.fft.rfft(wave[0])) ** 2 for wave in (white, tilted)]
    bands = [np.add.reduceat(spectrum, np.arange(0, len(spectrum), 1024))[1:28] for spectrum in spectra]
    decibels = 10 * np.log10(bands[1] / bands[0])
    assert np.abs(decibels).max() < 0.35
    assert np.ptp(decibels) > 0.05

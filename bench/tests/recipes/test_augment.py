"""Crops begin anywhere, gain stays within its bounds, and a codec keeps length and place."""

import numpy as np
import pytest

from earwitness_bench.recipes import augment
from earwitness_bench.recipes.augment import draw_by_length, random_crop, recode

RATE = 16_000


def ramp(samples: int) -> np.ndarray:
    return (np.arange(samples) / samples / 4).astype(np.float32)


def test_a_crop_is_a_piece_of_the_wave_at_some_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "RECODED_SHARE", 0.0)
    wave = ramp(4000)
    starts, gains = [], []
    for seed in range(200):
        crop = random_crop(wave, 1000, RATE, np.random.default_rng(seed))
        gain = (crop[-1] - crop[0]) / (wave[999] - wave[0])
        start = round(float(crop[0] / gain * 4 * 4000))
        np.testing.assert_allclose(crop, gain * wave[start : start + 1000], atol=1e-4)
        starts.append(start)
        gains.append(20 * np.log10(gain))
    assert min(starts) < 200
    assert max(starts) > 2800
    assert len({start % 10 for start in starts}) == 10
    assert -6.01 < min(gains) < -5
    assert 5 < max(gains) < 6.01


@pytest.mark.parametrize("form", augment._FORMATS)
def test_a_codec_keeps_length_place_and_most_of_the_sound(form: tuple[str, str]) -> None:
    time = np.arange(2 * RATE + 17) / RATE
    wave = (0.4 * np.sin(2 * np.pi * 440 * time) * (time > 1)).astype(np.float32)
    heard = recode(wave, RATE, form, quality=0.6)
    assert heard.shape == wave.shape
    assert np.corrcoef(wave, heard)[0, 1] > 0.99
    assert np.abs(wave - heard).max() > 1e-4


def test_longer_recordings_are_drawn_more_often() -> None:
    rows = draw_by_length([100, 300], 4000, np.random.default_rng(0))
    assert (rows == 1).mean() == pytest.approx(0.75, abs=0.03)

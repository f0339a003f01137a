"""Resampling: tones keep their height and size, what cannot be heard at the new rate is gone."""

import numpy as np
import pytest
import torch

from earwitness.targets.resampling import resample


@pytest.mark.parametrize(("old", "new"), [(16_000, 48_000), (44_100, 16_000), (48_000, 16_000)])
def test_a_tone_keeps_its_height_and_size(old: int, new: int) -> None:
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(old) / old)[None]
    found = resample(tone, old, new)
    assert found.shape == (1, new)
    expected = torch.sin(2 * torch.pi * 440 * torch.arange(new) / new)
    torch.testing.assert_close(found[0, 200:-200], expected[200:-200], rtol=0, atol=3e-3)


def test_what_lies_above_the_new_band_is_gone() -> None:
    high = torch.sin(2 * torch.pi * 12_000 * torch.arange(48_000) / 48_000)[None]
    assert resample(high, 48_000, 16_000)[0, 200:-200].abs().max() < 5e-3


def test_the_kernel_is_the_windowed_sinc() -> None:
    """One sample of an upsampled impulse, worked out by hand."""
    impulse = torch.zeros(1, 40)
    impulse[0, 20] = 1
    found = resample(impulse, 1, 2)[0].numpy()
    for k in (40, 41, 45, 47):
        distance = (k / 2 - 20) * 0.99
        window = np.cos(np.pi * distance / 12) ** 2 if abs(distance) < 6 else 0
        assert found[k] == pytest.approx(0.99 * np.sinc(distance) * window, abs=1e-6)


def test_the_same_rate_changes_nothing() -> None:
    waves = torch.randn(2, 100)
    assert resample(waves, 16_000, 16_000) is waves

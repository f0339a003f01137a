"""The mel front ends: against librosa, a tone of known amplitude, and what a vocoder's configuration says."""

import re

import numpy as np
import pytest
import scipy.signal
import torch
from transformers import SpeechT5HifiGanConfig

from earwitness.errors import TargetError
from earwitness.targets.mel import FLOOR, MEL_16K, MEL_48K, PEAK, MelFrontEnd, front_end_of, standardise


def test_standardised_audio_has_no_mean_and_the_familys_peak() -> None:
    waves = torch.from_numpy(np.random.default_rng(0).normal(3.0, 2.0, (2, 4000))).float()
    found = standardise(waves)
    assert found.mean(dim=-1).abs().max() < 1e-6
    assert found.abs().amax(dim=-1).tolist() == pytest.approx([PEAK, PEAK])


@pytest.mark.parametrize(
    ("front", "rate", "fft", "hop", "bands", "lowest", "highest"),
    [(MEL_16K, 16_000, 1024, 160, 64, 0, 8000), (MEL_48K, 48_000, 2048, 480, 256, 20, 24_000)],
)
def test_log_mel_is_that_of_librosas_filters(
    front: MelFrontEnd, rate: int, fft: int, hop: int, bands: int, lowest: float, highest: float
) -> None:
    """The numbers are those of the published configurations."""
    librosa = pytest.importorskip("librosa", reason="needs pip install 'earwitness[perturb]'")
    wave = np.random.default_rng(0).normal(scale=0.2, size=30 * hop).astype(np.float32)
    mirrored = np.pad(wave, (fft - hop) // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, fft)[::hop]
    magnitudes = np.abs(np.fft.rfft(frames * scipy.signal.get_window("hann", fft)))
    filters = librosa.filters.mel(sr=rate, n_fft=fft, n_mels=bands, fmin=lowest, fmax=highest)
    found = front.log_mel(torch.from_numpy(wave)[None])
    assert found.shape == (1, 30, bands)
    np.testing.assert_allclose(found[0].numpy(), np.log(np.maximum(magnitudes @ filters.T, 1e-5)), atol=1e-4)


def test_log_mel_of_a_tone_of_known_amplitude() -> None:
    """A sine of amplitude a in the middle of a bin has magnitude a · Σ window / 2 = 256 a there, half of it beside."""
    bins, amplitude = 64, 0.25  # 1000 Hz
    tone = amplitude * torch.sin(2 * torch.pi * bins / 1024 * torch.arange(160 * 40))
    found = MEL_16K.log_mel(tone[None])
    assert found.shape == (1, 40, 64)
    magnitudes = np.zeros(513)
    magnitudes[bins - 1 : bins + 2] = 256 * amplitude * np.array([0.5, 1, 0.5])
    expected = np.log(np.maximum(magnitudes @ _slaney_filters(), FLOOR))
    loud = expected > -5
    assert 2 <= loud.sum() <= 4
    np.testing.assert_allclose(found[0, 20].numpy()[loud], expected[loud], atol=1e-3)


def test_silence_is_the_floor() -> None:
    assert MEL_16K.log_mel(torch.zeros(1, 160 * 8)).unique().tolist() == pytest.approx([np.log(1e-5)])


def test_the_gradient_is_finite_where_the_spectrum_is_zero() -> None:
    silence = torch.zeros(1, 160 * 8, requires_grad=True)
    MEL_16K.log_mel(silence).sum().backward()
    assert torch.isfinite(silence.grad).all()


@pytest.mark.parametrize(
    ("front", "rates", "normalize"),
    [(MEL_16K, [5, 4, 2, 2, 2], False), (MEL_16K, [5, 4, 4, 2], True), (MEL_48K, [6, 5, 4, 2, 2], False)],
)
def test_the_vocoder_says_which_front_end_it_is(front: MelFrontEnd, rates: list[int], normalize: bool) -> None:
    config = SpeechT5HifiGanConfig(
        sampling_rate=front.sample_rate, model_in_dim=front.bands, upsample_rates=rates, normalize_before=normalize
    )
    assert front_end_of(config.to_dict()) == front


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (SpeechT5HifiGanConfig().to_dict(), "takes 80 mel bands every 256 samples at 16000 Hz"),
        ({}, "incomplete (KeyError('sampling_rate'))"),
        ({"sampling_rate": 16000, "upsample_rates": None, "model_in_dim": 64}, "incomplete (TypeError("),
        ({"sampling_rate": "x", "upsample_rates": [160], "model_in_dim": 64}, "incomplete (ValueError("),
    ],
)
def test_a_vocoder_of_another_shape_is_refused(config: dict[str, object], words: str) -> None:
    with pytest.raises(TargetError, match=re.escape(words)):
        front_end_of(config)


def _slaney_filters() -> np.ndarray:
    """The Slaney mel scale by its definition: 15 mel to 1 kHz in equal steps, then 27 mel to every factor of 6.4."""
    top = 15 + 27 * np.log(8) / np.log(6.4)
    mels = np.linspace(0, top, 66)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    frequencies = np.arange(513) * 16_000 / 1024
    rising = (frequencies[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - frequencies[:, None]) / np.diff(edges)[1:]
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])

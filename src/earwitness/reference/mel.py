"""The mel front end of the AudioLDM family.

Goal: waveforms become the log-mel spectrograms that the family's models were trained on,
and that its vocoders turn back: 16 kHz, 1024-sample Hann windows every 160 samples,
64 bands on the Slaney scale from 0 to 8000 Hz, natural logarithm of magnitudes.

Conventions: waveforms are float32 [batch, samples]; spectrograms float32 [batch, frames, bands]
with ``samples // HOP`` frames, as the pipeline's vocoder takes them.
"""

from functools import cache

import torch
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

SAMPLE_RATE = 16_000
FFT, HOP, BANDS = 1024, 160, 64
HIGHEST_HZ = 8000.0
FLOOR = 1e-5
PEAK = 0.5


def standardise(waves: Tensor) -> Tensor:
    """Remove each waveform's mean and scale its peak to ``PEAK``: what the family does to every clip."""
    centred = waves - waves.mean(dim=-1, keepdim=True)
    return PEAK * centred / (centred.abs().amax(dim=-1, keepdim=True) + 1e-8)


def log_mel(waves: Tensor) -> Tensor:
    """Log-mel spectrograms: ln max(M · |STFT|, ``FLOOR``), the ends mirrored so that no frame is short.

    Source: Liu et al. 2023 (arXiv 2301.12503), with the framing of its HiFi-GAN vocoder.
    """
    mirrored = nn.functional.pad(waves[:, None], ((FFT - HOP) // 2,) * 2, mode="reflect")[:, 0]
    spectra = torch.stft(mirrored, FFT, HOP, window=torch.hann_window(FFT), center=False, return_complex=True)
    # Not `abs`, whose gradient is undefined where a bin is exactly zero.
    magnitudes = (torch.view_as_real(spectra).square().sum(-1) + 1e-12).sqrt()
    return (magnitudes.transpose(1, 2) @ _filters()).clamp_min(FLOOR).log()


@cache
def _filters() -> Tensor:
    filters = mel_filter_bank(
        num_frequency_bins=FFT // 2 + 1, num_mel_filters=BANDS, min_frequency=0.0, max_frequency=HIGHEST_HZ,
        sampling_rate=SAMPLE_RATE, norm="slaney", mel_scale="slaney",
    )  # fmt: skip
    return torch.from_numpy(filters).float()

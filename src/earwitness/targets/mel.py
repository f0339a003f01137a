"""The mel front ends of the AudioLDM family.

Goal: waveforms become the log-mel spectrograms that the family's models were trained on and
that its vocoders turn back. A checkpoint says how many samples per second and a frame, and how
many bands, in its vocoder's configuration; the length of the windows and the frequencies of the
bands it does not say. Those are the published ones of the two front ends there are, and a
vocoder of another shape is refused rather than guessed at.

Conventions: waveforms are float32 [batch, samples]; spectrograms float32 [batch, frames, bands]
with ``samples // hop`` frames, as the vocoder takes them. The vocoder's ``normalize_before`` is
about what it does inside: the spectrogram that it is given, and that the autoencoder works on,
is the same either way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

from earwitness.errors import TargetError

FLOOR = 1e-5
PEAK = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class MelFrontEnd:
    """How one generation of models hears: rates in Hz, lengths in samples, ``bands`` on the Slaney scale.

    ``inside`` is added to |STFT|² under the root.
    """

    sample_rate: int
    hop: int
    bands: int
    fft: int
    lowest_hz: float
    highest_hz: float
    inside: float = 1e-12

    def log_mel(self, waves: Tensor) -> Tensor:
        """Log-mel spectrograms: ln max(M · |STFT|, ``FLOOR``), the ends mirrored so that no frame is short.

        Source: Liu et al. 2023 (arXiv 2301.12503), with the framing of its HiFi-GAN vocoder.
        """
        mirrored = nn.functional.pad(waves[:, None], ((self.fft - self.hop) // 2,) * 2, mode="reflect")[:, 0]
        window = torch.hann_window(self.fft, device=waves.device)
        spectra = torch.stft(mirrored, self.fft, self.hop, window=window, center=False, return_complex=True)
        # Not `abs`, whose gradient is undefined where a bin is exactly zero.
        magnitudes = (torch.view_as_real(spectra).square().sum(-1) + self.inside).sqrt()
        return (magnitudes.transpose(1, 2) @ _filters(self).to(waves.device)).clamp_min(FLOOR).log()


# AudioLDM, MusicLDM and AudioLDM 2 (Liu et al. 2023, arXiv 2301.12503, 2308.05734), as their code configures them.
MEL_16K = MelFrontEnd(sample_rate=16_000, hop=160, bands=64, fft=1024, lowest_hz=0.0, highest_hz=8000.0)
# The 48 kHz release of AudioLDM 2's code.
MEL_48K = MelFrontEnd(sample_rate=48_000, hop=480, bands=256, fft=2048, lowest_hz=20.0, highest_hz=24_000.0)


def standardise(waves: Tensor) -> Tensor:
    """Remove each waveform's mean and scale its peak to ``PEAK``: what the family does to every clip."""
    centred = waves - waves.mean(dim=-1, keepdim=True)
    return PEAK * centred / (centred.abs().amax(dim=-1, keepdim=True) + 1e-8)


def front_end_of(vocoder: Mapping[str, Any]) -> MelFrontEnd:
    """Choose the front end whose spectrograms a vocoder's configuration (``SpeechT5HifiGanConfig``) asks for.

    Raises
    ------
    TargetError
        Where the configuration is no such thing, or of a shape that no published front end has.
    """
    try:
        found = (int(vocoder["sampling_rate"]), prod(map(int, vocoder["upsample_rates"])), int(vocoder["model_in_dim"]))
    except (KeyError, TypeError, ValueError) as error:
        raise TargetError(
            f"The vocoder's configuration is incomplete ({error!r}); sampling_rate, upsample_rates and model_in_dim of "
            "a SpeechT5HifiGan are needed: get the checkpoint again."
        ) from None
    published = {(front.sample_rate, front.hop, front.bands): front for front in (MEL_16K, MEL_48K)}
    if found not in published:
        raise TargetError(
            f"The vocoder takes {found[2]} mel bands every {found[1]} samples at {found[0]} Hz, a spectrogram whose "
            "further settings no checkpoint states; known are 64 every 160 at 16000 Hz and 256 every 480 at 48000 Hz."
        )
    return published[found]


@cache
def _filters(front: MelFrontEnd) -> Tensor:
    filters = mel_filter_bank(
        num_frequency_bins=front.fft // 2 + 1, num_mel_filters=front.bands, min_frequency=front.lowest_hz,
        max_frequency=front.highest_hz, sampling_rate=front.sample_rate, norm="slaney", mel_scale="slaney",
    )  # fmt: skip
    return torch.from_numpy(filters).float()

"""A small Encodec-architecture codec for ground-truth targets.

Goal: codes that say which notes sound, whatever the phase of the waveform, from a model that
an hour of one core can afford. An Encodec that was trained for so little has codes that follow the
phase: shifted by half a millisecond, 85 % of its first codebook changed, and nothing could be
predicted or remembered from them. So the encoder is no trained one: a bank of filters,
rectified by the network's own ELUs, averaged down to frames and squashed, is written
into the weights of the architecture. The residual codebooks are k-means centres of its outputs, one
stage after the other. The decoder stays as drawn: it makes no music.

The codec sees members and non-members alike, so it tells nothing about membership.
Waveforms are float32 [samples] at the configuration's sampling rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor
from transformers import EncodecConfig, EncodecModel

SAMPLE_RATE = 8000
BANDS, LOWEST_HERTZ = 32, 196.0  # semitones from G3
STRIDES = (8, 5, 10)
FILTER_SAMPLES = 385
GAIN, SQUASH = 8.0, 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """What fixes a codec besides the music that its codebooks are fitted to.

    Attributes
    ----------
    hertz
        The centre of each band.
    sample_rate, filter_samples
        What the filters hear, in Hz, and how long each of them is.
    strides
        How the encoder averages down, one convolution each; fewer of them make a smaller network.
    codebooks, codes
        How many residual codebooks, of how many codes each.
    """

    hertz: tuple[float, ...]
    sample_rate: int = SAMPLE_RATE
    filter_samples: int = FILTER_SAMPLES
    strides: tuple[int, ...] = STRIDES
    codebooks: int = 4
    codes: int = 256


#: Semitones, four codebooks of 256 codes at 20 frames per second (640 bit/s).
SEMITONES = Bank(hertz=tuple(LOWEST_HERTZ * 2 ** (band / 12) for band in range(BANDS)))


def mel_bank(bands: int, lowest_hertz: float, highest_hertz: float, **settings: Any) -> Bank:
    """A bank whose bands are evenly spaced on the mel scale (O'Shaughnessy's)."""
    mel = np.linspace(np.log1p(lowest_hertz / 700), np.log1p(highest_hertz / 700), bands)
    return Bank(hertz=tuple(float(hertz) for hertz in 700 * np.expm1(mel)), **settings)


def small_codec_config(bank: Bank = SEMITONES) -> EncodecConfig:
    """The configuration of a codec whose encoder is the bank; its hidden width is the number of bands."""
    bits = int(np.ceil(np.log2(bank.codes)))
    return EncodecConfig(
        sampling_rate=bank.sample_rate,
        target_bandwidths=[bank.codebooks * bits * bank.sample_rate / prod(bank.strides) / 1000],
        num_filters=len(bank.hertz),
        hidden_size=len(bank.hertz),
        codebook_size=bank.codes,
        num_lstm_layers=1,
        num_residual_layers=0,
        upsampling_ratios=list(bank.strides[::-1]),
        kernel_size=bank.filter_samples,
        use_causal_conv=False,
    )


def filterbank_codec(waves: Sequence[NDArray[np.float32]], *, seed: int, bank: Bank = SEMITONES) -> EncodecModel:
    """A codec whose encoder is the filterbank and whose codebooks are fitted to ``waves``."""
    torch.manual_seed(seed)
    model = EncodecModel(small_codec_config(bank)).eval()
    write_filterbank(model, bank)
    fit_codebooks(model, waves, seed=seed)
    return model


@torch.no_grad()
def write_filterbank(model: EncodecModel, bank: Bank = SEMITONES) -> None:
    """Write the filters into the encoder in place; what it answers is 1 − exp(−``SQUASH`` · envelope) a band."""
    layers: list[Any] = list(model.encoder.layers)
    filters, *averages, last = [layer for layer in layers if hasattr(layer, "conv")]
    time = (torch.arange(bank.filter_samples) - bank.filter_samples // 2) / bank.sample_rate
    hertz = torch.tensor(bank.hertz)
    window = torch.hann_window(bank.filter_samples, periodic=False)
    _put(filters, (GAIN * 2 / window.sum() * window * torch.cos(2 * np.pi * hertz[:, None] * time))[:, None])
    bands = torch.arange(len(bank.hertz))
    for layer, stride in zip(averages, bank.strides, strict=True):
        weight = torch.zeros_like(layer.conv.weight)
        average = torch.hann_window(2 * stride + 2, periodic=False)[1:-1]
        # Averages of rectified waves pass an ELU as they are; the last, turned around, is squashed by it.
        weight[bands, bands] = average / average.sum() * (-SQUASH if layer is averages[-1] else 1)
        _put(layer, weight)
    lstm = next(layer for layer in layers if hasattr(layer, "lstm"))
    for parameter in lstm.parameters():
        parameter.zero_()  # only its shortcut is left
    weight = torch.zeros_like(last.conv.weight)
    weight[bands, bands, weight.shape[2] // 2] = -1
    _put(last, weight)


@torch.no_grad()
def fit_codebooks(
    model: EncodecModel, waves: Sequence[NDArray[np.float32]], *, seed: int, frames: int = 30_000
) -> float:
    """Fit residual k-means codebooks in place; return the unexplained share of variance."""
    model.eval()
    rng = np.random.default_rng(seed)
    latents = []
    for i in rng.permutation(len(waves)):
        latents.append(model.encoder(torch.from_numpy(waves[i])[None, None])[0].T.numpy())
        if sum(map(len, latents)) >= frames:
            break
    residual = np.concatenate(latents)
    total = float(residual.var(axis=0).sum())
    for stage, layer in enumerate(model.quantizer.layers):
        book = layer.codebook
        kmeans = MiniBatchKMeans(book.codebook_size, batch_size=4096, n_init=1, random_state=seed + stage)
        residual = residual - kmeans.fit(residual).cluster_centers_[kmeans.labels_]
        book.embed.copy_(torch.from_numpy(kmeans.cluster_centers_))
        book.embed_avg.copy_(book.embed)
    return float(residual.var(axis=0).sum()) / total


@torch.no_grad()
def encode(model: EncodecModel, waves: Sequence[NDArray[np.float32]]) -> Tensor:
    """Codes int64 [batch, codebooks, frames] of waveforms of one length, one by one (which is quicker)."""
    return torch.cat([model.encode(torch.from_numpy(wave)[None, None]).audio_codes[0] for wave in waves])


@torch.no_grad()
def silence_decoder(model: EncodecModel) -> None:
    """Set every weight of the decoder in place to one small number, so that a file of them packs small.

    It was never trained and makes no music either way.
    """
    for parameter in model.decoder.parameters():
        parameter.fill_(1e-3)


def _put(layer: Any, weight: Tensor) -> None:
    """Set a weight-normalised convolution's weight, and its bias to 0; a row of zeros keeps a direction."""
    norms = weight.flatten(1).norm(dim=1)
    parts = layer.conv.parametrizations.weight
    parts.original1.copy_(torch.where(norms[:, None, None] == 0, torch.full_like(weight, 1e-3), weight))
    parts.original0.copy_(norms.view_as(parts.original0))
    layer.conv.bias.zero_()

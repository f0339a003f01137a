"""A small Oobleck-architecture autoencoder for flow targets, whose encoder is a filter bank.

Goal: latents that say which notes sound, whatever the phase of the waveform, without a training (for the reason why,
see `earwitness_bench.recipes.codec`). Semitone filters, a cosine and a sine each, are the first long convolution; the
network's own snake activation, x + sin²(αx)/β with a small β, turns both into bounded energies; the next convolution
adds them up and averages to 20 frames per second; the last one holds the principal components, scaled to unit spread.
The decoder stays as drawn: it makes no music. Nothing in it knows of any split.

Conventions: waveforms are float32 [batch, 2, samples] at ``SAMPLE_RATE``; latents [batch, ``CHANNELS``, frames].
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderOobleck
from torch import Tensor

from earwitness.types import Wave

SAMPLE_RATE = 8000
CHANNELS = 16
BANDS, LOWEST_HERTZ = 32, 196.0  # semitones from G3
HOP, STRIDES = 400, (200, 2)
STEEPNESS, SHARE = 4.0, 1e-3  # α and β of the energies
_NOTHING = -20.0  # log α of a snake that leaves its input as it is


def filterbank_oobleck(waves: Sequence[Wave], *, seed: int) -> AutoencoderOobleck:
    """An autoencoder with the filter bank, and with the principal components of ``waves`` [samples]."""
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*weight_norm", category=FutureWarning)
        model = AutoencoderOobleck(
            encoder_hidden_size=2 * CHANNELS, downsampling_ratios=list(STRIDES), channel_multiples=[2, 1],
            decoder_channels=4, decoder_input_channels=CHANNELS, audio_channels=2, sampling_rate=SAMPLE_RATE,
        ).eval()  # fmt: skip
    write_filterbank(model)
    fit_components(model, waves)
    return model


@torch.no_grad()
def write_filterbank(model: AutoencoderOobleck) -> None:
    """Write the filters into the encoder in place; its last convolution passes the energies of the bands on."""
    encoder: Any = model.encoder
    for block in encoder.block:
        for unit in (block.res_unit1, block.res_unit2, block.res_unit3):
            _put(unit.conv2, torch.zeros_like(unit.conv2.weight))  # only its shortcut is left
    for snake in (encoder.block[0].snake1, encoder.snake1):
        snake.alpha.fill_(_NOTHING)
    first, filters, averages = encoder.conv1, encoder.block[0].conv1, encoder.block[1].conv1
    mono = torch.zeros_like(first.weight)
    mono[0, :, mono.shape[2] // 2] = 0.5
    _put(first, mono)
    taps = filters.weight.shape[2]
    time = (torch.arange(taps) - (taps - 1) / 2) / SAMPLE_RATE
    phase = 2 * math.pi * LOWEST_HERTZ * 2 ** (torch.arange(BANDS) / 12)[:, None] * time
    window = torch.hann_window(taps, periodic=False)
    weight = torch.zeros_like(filters.weight)
    weight[:, 0] = torch.cat([torch.cos(phase), torch.sin(phase)]) * 2 * window / window.sum()
    _put(filters, weight)
    encoder.block[1].snake1.alpha.fill_(math.log(STEEPNESS))
    encoder.block[1].snake1.beta.fill_(math.log(SHARE))
    weight, bands = torch.zeros_like(averages.weight), torch.arange(BANDS)
    for half in (0, BANDS):
        weight[bands, bands + half] = SHARE * torch.tensor([1.0, 2.0, 2.0, 1.0]) / 6
    _put(averages, weight)
    _project(model, torch.eye(BANDS)[:CHANNELS], torch.zeros(CHANNELS))


@torch.no_grad()
def fit_components(model: AutoencoderOobleck, waves: Sequence[Wave]) -> float:
    """Put the first principal components of ``waves`` into the last convolution; return their share of the variance."""
    encoder: Any = model.encoder
    energies = []
    for wave in waves:
        hidden = encoder.conv1(stereo(wave)[None])
        for block in encoder.block:
            hidden = block(hidden)
        energies.append(hidden[0].T)
    values = torch.cat(energies).double()
    mean = values.mean(dim=0)
    _, sizes, axes = torch.linalg.svd(values - mean, full_matrices=False)
    spread = sizes[:CHANNELS] / math.sqrt(len(values))
    rows = axes[:CHANNELS] * axes[:CHANNELS].sum(dim=1, keepdim=True).sign() / spread[:, None]
    _project(model, rows.float(), -(rows @ mean).float())
    return float(sizes[:CHANNELS].square().sum() / sizes.square().sum())


@torch.no_grad()
def encode(model: AutoencoderOobleck, waves: Tensor) -> Tensor:
    """Means [batch, frames, channels] of the posterior, in the order that the transformer takes, unscaled."""
    mean: Tensor = model.encode(waves).latent_dist.mean
    return mean.transpose(1, 2).contiguous()


def stereo(wave: Wave) -> Tensor:
    """A mono waveform [samples] on both channels [2, samples]."""
    return torch.from_numpy(np.stack([wave, wave]))


def _project(model: AutoencoderOobleck, rows: Tensor, offset: Tensor) -> None:
    """Latents are ``rows`` [channels, bands] · energies + ``offset``, with next to no spread of the posterior."""
    last: Any = model.encoder.conv2
    weight = torch.zeros_like(last.weight)
    weight[:CHANNELS, :, 1] = rows
    _put(last, weight, torch.cat([offset, torch.full((CHANNELS,), -10.0)]))


def _put(layer: Any, weight: Tensor, bias: Tensor | None = None) -> None:
    """Set a weight-normalised convolution; a row of zeros keeps a direction."""
    norms = weight.flatten(1).norm(dim=1)
    layer.weight_v.copy_(torch.where(norms[:, None, None] == 0, torch.full_like(weight, 1e-3), weight))
    layer.weight_g.copy_(norms.view_as(layer.weight_g))
    layer.bias.copy_(torch.zeros_like(layer.bias) if bias is None else bias)

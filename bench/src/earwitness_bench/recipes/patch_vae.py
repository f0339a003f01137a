"""An ``AutoencoderKL`` over mel spectrograms whose encoder is a linear map of patches, written into the weights.

Goal: latents that a denoiser can learn and remember, without a training (for the reason why, see
`earwitness_bench.recipes.codec`). Every strided convolution takes the four places of a 2×2 patch apart into channels;
after eight by eight places, sixteen by sixteen and thirty-two by thirty-two the first principal components are kept.
Its own last normalisation divides by the window's spread, and its activation, far on its straight side, passes
everything on. What it is fitted to are other takes of tunes of both sides, so it knows nothing of any split.

Conventions: spectrograms are float32 [batch, 1, frames, bands]; latents [batch, channels, frames/32, bands/32].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from earwitness.targets.mel import MEL_16K, standardise
from earwitness.types import Wave

CHANNELS = 40
_STRAIGHT = 10.0  # where x · sigmoid(x) is x
_LEVELLING = 0.5  # 1: all channels spread alike; 0: as the components do


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many components are kept of 8 × 8 and of 16 × 16 places, four of which make the next, and in the latents."""

    eight: int = 12
    sixteen: int = 24
    channels: int = CHANNELS

    @property
    def widths(self) -> tuple[int, ...]:
        """The encoder's widths: what is kept, taken apart."""
        return (4, 16, 64, 4 * self.eight, 4 * self.sixteen, 4 * self.sixteen)


@torch.no_grad()
def patch_vae(waves: Sequence[Wave], *, samples: int, seed: int, kept: Kept = Kept()) -> AutoencoderKL:
    """An autoencoder whose encoder is fitted to the first ``samples`` of ``waves``; its decoder is as drawn."""
    torch.manual_seed(seed)
    levels = len(kept.widths)
    model = AutoencoderKL(
        in_channels=1, out_channels=1, latent_channels=kept.channels, block_out_channels=kept.widths,
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        norm_num_groups=1, mid_block_add_attention=False, sample_size=MEL_16K.bands,
    ).eval()  # fmt: skip
    _draw_signs(model.decoder)
    encoder: Any = model.encoder
    _write_identities(encoder)
    components = {3: kept.eight, 4: kept.sixteen}  # by block
    clips = torch.from_numpy(np.stack([wave[:samples] for wave in waves]))
    hidden, held = encoder.conv_in(MEL_16K.log_mel(standardise(clips))[:, None]), 1
    for i, block in enumerate(encoder.down_blocks):
        shortcut = block.resnets[0].conv_shortcut
        if i in components:
            mean, _, axes = _components(_rows(hidden[:, :held]), components[i])
            held = components[i]
            shortcut.weight[:held, : axes.shape[1], 0, 0] = axes
            shortcut.bias[:held] = -axes @ mean
        elif shortcut is not None:
            shortcut.weight[:held, :held, 0, 0] = torch.eye(held)
        if block.downsamplers is not None:
            _take_apart(block.downsamplers[0].conv, held)
            held *= 4
        hidden = block(hidden)
    mean, spread, axes = _components(_rows(encoder.conv_norm_out(hidden)) - _STRAIGHT, kept.channels)
    rows = axes / spread[:, None] ** _LEVELLING
    encoder.conv_out.weight[: kept.channels, :, 1, 1] = rows
    encoder.conv_out.bias[: kept.channels] = -rows @ (mean + _STRAIGHT)
    encoder.conv_out.bias[kept.channels :] = -20.0
    model.quant_conv.weight.copy_(torch.eye(2 * kept.channels)[:, :, None, None])
    model.quant_conv.bias.zero_()
    return model


def _write_identities(encoder: Any) -> None:
    """Make everything pass values on but what `patch_vae` writes itself."""
    for block in (*encoder.down_blocks, encoder.mid_block):
        for resnet in block.resnets:
            for layer in filter(None, (resnet.conv2, resnet.conv_shortcut)):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)
    for layer in (encoder.conv_in, encoder.conv_out):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    encoder.conv_in.weight[0, 0, 1, 1] = 1
    encoder.conv_norm_out.weight.fill_(1)
    encoder.conv_norm_out.bias.fill_(_STRAIGHT)


def _draw_signs(decoder: nn.Module) -> None:
    """Keep the signs of the drawn weights at their spread: it makes no music anyway, and packs well."""
    for parameter in decoder.parameters():
        if parameter.ndim > 1:
            parameter.copy_(parameter.sign() * parameter.std())


def _take_apart(stride: Any, held: int) -> None:
    """A strided convolution puts the four places of a 2 × 2 patch side by side."""
    nn.init.zeros_(stride.weight)
    nn.init.zeros_(stride.bias)
    channels = torch.arange(held)
    for place in range(4):
        stride.weight[place * held + channels, channels, place // 2, place % 2] = 1


def _rows(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def _components(rows: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean [width], spread along the first ``count`` principal axes, and these [count, width]."""
    mean = rows.double().mean(dim=0)
    values, axes = torch.linalg.eigh(torch.cov((rows.double() - mean).T))
    spread, axes = values.clamp_min(1e-4 * values[-1]).flip(0)[:count].sqrt(), axes.T.flip(0)[:count]
    return mean.float(), spread.float(), axes.float()

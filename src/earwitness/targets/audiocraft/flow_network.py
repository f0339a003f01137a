"""JASCO's network, its modules called as in audiocraft's files.

A pre-norm transformer over noisy latents beside what is known of each frame (chords, drums, melody), with exact GELU,
sinusoidal positions (cosines first, exponents over half − 1) and attention to a text whose states all carry the time.
The second half of the layers may take up what the first half said, the last first. No biases but where modules have
them here. Source: ``flow_matching.py`` and ``unet_transformer.py`` of facebookresearch/audiocraft (at 896ec7c).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, silu

_PERIOD = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Widths and numbers; ``beside`` is the width of what stands beside a latent of width ``latent``."""

    width: int
    heads: int
    layers: int
    inner: int
    latent: int
    beside: int
    text: int
    time: int
    skips: bool


class FlowNetwork(nn.Module):
    """Velocities from noise to data, as training defined them."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.emb = nn.Linear(sizes.latent + sizes.beside, sizes.width, bias=False)
        self.transformer = _Layers(sizes)
        self.out_norm = nn.LayerNorm(sizes.width)
        self.linear = nn.Linear(sizes.width, sizes.latent, bias=False)
        self.temb = _Time(sizes.time)
        self.temb_proj = nn.Linear(4 * sizes.time, sizes.width)
        self.text = nn.Linear(sizes.text, sizes.width)

    def forward(self, latents: Tensor, times: Tensor, beside: Tensor, text: Tensor) -> Tensor:
        """Velocities [batch, frames, latent].

        Parameters
        ----------
        latents
            Noisy latents [batch, frames, latent].
        times
            Between 0 (noise) and 1 (data), one per row.
        beside
            What is known of each frame [batch, frames, beside].
        text
            The projected states of a text [batch, tokens, width].
        """
        states = self.emb(torch.cat([latents, beside], dim=-1))
        places = torch.arange(states.shape[1], device=states.device)
        states = states + _waves(places, states.shape[2], "cosines").to(states.dtype)
        heard = text + self.temb_proj(self.temb(times))[:, None]
        found: Tensor = self.linear(self.out_norm(self.transformer(states, heard)))
        return found


class _Time(nn.Module):
    """A vector [batch, 4 · width] for each time [batch]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.ModuleList([nn.Linear(width, 4 * width), nn.Linear(4 * width, 4 * width)])
        self._width = width

    def forward(self, times: Tensor) -> Tensor:
        """See the class."""
        first, second = self.dense
        vector: Tensor = second(silu(first(_waves(times, self._width, "sines").to(next(self.parameters()).dtype))))
        return vector


class _Layers(nn.Module):
    """The layers, and what takes up in the second half what was said in the first."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(sizes) for _ in range(sizes.layers))
        self._skips = sizes.layers // 2 if sizes.skips else 0
        if self._skips:
            self.skip_projections = nn.ModuleList(nn.Linear(2 * sizes.width, sizes.width) for _ in range(self._skips))

    def forward(self, states: Tensor, heard: Tensor) -> Tensor:
        """States [batch, frames, width]."""
        kept: list[Tensor] = []
        half = len(self.layers) // 2
        for number, layer in enumerate(self.layers):
            if self._skips and number >= half:
                states = self.skip_projections[number % self._skips](torch.cat([states, kept.pop()], dim=-1))
            states = layer(states, heard)
            if self._skips and number < half:
                kept.append(states)
        return states


class _Layer(nn.Module):
    """Attention to all frames, to the text, and a feed-forward net, each behind a norm."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(sizes.width, sizes.heads, bias=False, batch_first=True)
        self.cross_attention = nn.MultiheadAttention(sizes.width, sizes.heads, bias=False, batch_first=True)
        self.linear1 = nn.Linear(sizes.width, sizes.inner, bias=False)
        self.linear2 = nn.Linear(sizes.inner, sizes.width, bias=False)
        self.norm1, self.norm_cross, self.norm2 = (nn.LayerNorm(sizes.width) for _ in range(3))

    def forward(self, states: Tensor, heard: Tensor) -> Tensor:
        """States [batch, frames, width]."""
        normed = self.norm1(states)
        states = states + self.self_attn(normed, normed, normed, need_weights=False)[0]
        normed = self.norm_cross(states)
        states = states + self.cross_attention(normed, heard, heard, need_weights=False)[0]
        answer: Tensor = states + self.linear2(gelu(self.linear1(self.norm2(states))))
        return answer


def _waves(places: Tensor, width: int, first: str) -> Tensor:
    """Cosines and sines [places, width] of places at periods that grow geometrically to ``_PERIOD``."""
    half = width // 2
    rates = torch.exp(torch.arange(half, device=places.device) * (-math.log(_PERIOD) / (half - 1)))
    phase = places.float()[:, None] * rates
    return torch.cat([phase.cos(), phase.sin()] if first == "cosines" else [phase.sin(), phase.cos()], dim=1)

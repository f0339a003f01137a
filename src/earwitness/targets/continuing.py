"""Going on from given codes, greedily, and turning codes into sound.

Goal: what a MusicGen needs besides its logits to continue a piece of music. Every token is the
most likely one under the model's own logits given all before it, so a continuation is a fact about
the model and not a draw. A step feeds one column of the delay pattern (`delay`); layers remember
what they have seen where the decoder can. The library's own ``generate`` takes audio and gives
audio; it comes to the same tokens.

Conventions: codes int64 [batch, K, T]; waveforms [batch, samples], or [batch, 2, samples] in stereo.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache

from earwitness.targets.delay import DelayPattern


class NextState(Protocol):
    """The decoder under one condition, asked column by column."""

    def __call__(self, columns: Tensor) -> Tensor:
        """State [batch, width] of the last of the columns [batch, K, C] so far."""


class Remembering:
    """A decoder that attends to text states and keeps keys and values of the columns it has seen."""

    def __init__(self, decoder: Any, states: Tensor, mask: Tensor) -> None:
        self._decoder = decoder
        self._states = states
        self._mask = mask
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self._seen = 0

    def __call__(self, columns: Tensor) -> Tensor:
        """See `NextState`; each call holds the columns of the former one and more."""
        hidden: Tensor = self._decoder(
            columns[:, :, self._seen :].flatten(0, 1),
            encoder_hidden_states=self._states,
            encoder_attention_mask=self._mask,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        self._seen = columns.shape[2]
        return hidden[:, -1]


@torch.no_grad()
def continue_greedily(
    codes: Tensor, frames: int, *, state: NextState, heads: Sequence[nn.Module], pattern: DelayPattern
) -> Tensor:
    """The ``frames`` most likely frames after codes [batch, K, P], one after another: [batch, K, frames].

    ``codes[:, k, t] = argmax_v logits[:, k, t, v]`` for every new frame t. Costs frames + max d steps.
    """
    known = codes.shape[2]
    whole = torch.cat([codes, codes.new_zeros(*codes.shape[:2], frames)], dim=2)
    columns = pattern.columns(whole)
    for position in range(known, columns.shape[2]):
        last = state(columns[:, :, : position + 1])
        for k, delay in enumerate(pattern.delays):
            frame = position - delay
            if known <= frame < known + frames:
                token = heads[k](last).argmax(dim=-1)
                whole[:, k, frame] = token
                if position + 1 < columns.shape[2]:
                    columns[:, k, position + 1] = token
    return whole[:, :, known:]


@torch.no_grad()
def decode(codec: Any, codes: Tensor, channels: int) -> NDArray[np.float32]:
    """The sound of codes [batch, K, T]; rows of stereo codes alternate between left and right."""
    batch, codebooks, frames = codes.shape
    rows = codes.view(batch, codebooks // channels, channels, frames).transpose(1, 2).flatten(0, 1)
    waves = codec.decode(rows[None], [None]).audio_values
    heard = waves.float().cpu().numpy().reshape(len(codes), channels, -1)
    return np.asarray(heard[:, 0] if channels == 1 else heard)

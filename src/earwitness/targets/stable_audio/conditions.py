"""What the model is told about a clip: its prompt, where it begins in its file, how long the file is.

Training says where the crop begins in its file, in whole seconds rounded down, and how long the file is,
rounded up (``PadCrop_Normalized_T`` of stable-audio-tools).

Conventions: every layer attends to the prompt's T5 states, padded with zeros to a fixed number of
tokens, then the begin, then the length; both numbers also stand, side by side, before the frames.
Without a condition all that is attended to is zero; the numbers before the frames stay, as in
training.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from earwitness.targets.protocols import Place

_REMEMBERED = 256
# Seconds were samples divided by the rate: a whole number of them stays one.
_ROUNDING = 1e-6


class Condition(NamedTuple):
    """``attended`` [batch, tokens + numbers, width] and ``before`` [batch, 1, numbers · width]: two numbers, or one."""

    attended: Tensor
    before: Tensor


class Timed(NamedTuple):
    """A prompt (empty: no condition), and the whole seconds at which a clip begins in a file of so many."""

    prompt: str
    start: int
    total: int

    @classmethod
    def at(cls, prompt: str, place: Place) -> "Timed":
        """As training rounds."""
        return cls(prompt, math.floor(place.start_seconds + _ROUNDING), math.ceil(place.track_seconds - _ROUNDING))


class _Text(NamedTuple):
    """States [tokens, width] of one prompt, and 1 where there is a token."""

    states: Tensor
    mask: Tensor


class Conditioner:
    """Turns prompts and times into conditions; remembers the states of the latest prompts.

    The text encoder, which was not trained with the model, runs in float32 and without gradients.
    """

    def __init__(self, *, text_encoder: Any, tokenizer: Any, projection: Any, tokens: int) -> None:
        self._text_encoder = text_encoder
        self._tokenizer = tokenizer
        self._projection = projection
        self._tokens = tokens
        self._text: Callable[[str], _Text] = lru_cache(maxsize=_REMEMBERED)(self._encoded)

    def __call__(self, told: Sequence[Timed]) -> Condition:
        """Conditions of clips, one row each."""
        texts = [self._text(one.prompt) for one in told]
        device, dtype = self._projection.device, self._projection.dtype
        states = torch.stack([text.states for text in texts]).to(dtype)
        mask = torch.stack([text.mask for text in texts]).to(dtype)
        projected = self._projection(
            text_hidden_states=states,
            start_seconds=torch.tensor([float(one.start) for one in told], device=device),
            end_seconds=torch.tensor([float(one.total) for one in told], device=device),
        )
        begin, length = projected.seconds_start_hidden_states, projected.seconds_end_hidden_states
        numbers = [length] if begin is None else [begin, length]
        attended = torch.cat([projected.text_hidden_states * mask[..., None], *numbers], dim=1)
        given = torch.tensor([bool(one.prompt) for one in told], device=device)
        return Condition(attended * given[:, None, None].to(dtype), torch.cat(numbers, dim=2))

    @torch.no_grad()
    def _encoded(self, prompt: str) -> _Text:
        tokens = self._tokenizer(
            [prompt], padding="max_length", max_length=self._tokens, truncation=True, return_tensors="pt"
        ).to(self._text_encoder.device)
        states = self._text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
        return _Text(states[0], tokens.attention_mask[0])

"""What the model is told about a clip: its prompt, where it begins in its file, how long the file is.

Conventions: every layer attends to the prompt's T5 states, padded with zeros to a fixed number of
tokens, then the begin, then the length; both numbers also stand, side by side, before the frames.
Without a condition all that is attended to is zero; the numbers before the frames stay, as in
training.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

_REMEMBERED = 256


class Condition(NamedTuple):
    """``attended`` [batch, tokens + 2, width] and ``before`` [batch, 1, 2·width]."""

    attended: Tensor
    before: Tensor


class _Text(NamedTuple):
    """States [tokens, width] of one prompt, and 1 where there is a token."""

    states: Tensor
    mask: Tensor


class Conditioner:
    """Turns prompts and a length into conditions; remembers the states of the latest prompts.

    The text encoder, which was not trained with the model, runs in float32 and without gradients.
    """

    def __init__(self, *, text_encoder: Any, tokenizer: Any, projection: Any, tokens: int) -> None:
        self._text_encoder = text_encoder
        self._tokenizer = tokenizer
        self._projection = projection
        self._tokens = tokens
        self._text: Callable[[str], _Text] = lru_cache(maxsize=_REMEMBERED)(self._encoded)

    def __call__(self, prompts: Sequence[str], seconds: int) -> Condition:
        """Conditions of clips that are whole files of so many seconds; an empty prompt is no condition."""
        texts = [self._text(prompt) for prompt in prompts]
        device, dtype = self._projection.device, self._projection.dtype
        states = torch.stack([text.states for text in texts]).to(dtype)
        mask = torch.stack([text.mask for text in texts]).to(dtype)
        projected = self._projection(
            text_hidden_states=states,
            start_seconds=torch.tensor([0.0], device=device),
            end_seconds=torch.tensor([float(seconds)], device=device),
        )
        begin = projected.seconds_start_hidden_states.expand(len(prompts), -1, -1)
        length = projected.seconds_end_hidden_states.expand(len(prompts), -1, -1)
        attended = torch.cat([projected.text_hidden_states * mask[..., None], begin, length], dim=1)
        given = torch.tensor([bool(prompt) for prompt in prompts], device=device)
        return Condition(attended * given[:, None, None].to(dtype), torch.cat([begin, length], dim=2))

    @torch.no_grad()
    def _encoded(self, prompt: str) -> _Text:
        tokens = self._tokenizer(
            [prompt], padding="max_length", max_length=self._tokens, truncation=True, return_tensors="pt"
        ).to(self._text_encoder.device)
        states = self._text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
        return _Text(states[0], tokens.attention_mask[0])

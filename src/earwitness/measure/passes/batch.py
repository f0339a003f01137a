"""A batch of windows in a target's codes, and the scores of one pass over it.

Conventions: codes are int64 [batch, K, T], right-padded with 0 where windows are shorter
(only scores differ in length, audio windows never do); ``lengths`` counts valid frames.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earwitness.signals.tokens.reduction import ScoreBuffer
from earwitness.signals.tokens.requests import ContinuationAnswer, Request
from earwitness.signals.tokens.scores import TokenScores
from earwitness.targets.protocols import AnyTarget, LogitsChunk, Place, TokenTarget, TokenWindow

Answer = TokenScores | float | ContinuationAnswer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """One window to measure.

    Attributes
    ----------
    content
        float32 audio [samples] or [2, samples], or a stretch of a score.
    prompt
        What the model is asked with; empty for none.
    key
        Content hash of the track and number of the window: what randomness is drawn from.
    place
        Of audio, where it stands in its track, if that is known.
    blind
        Its blind features, by name.
    """

    content: NDArray[np.float32] | TokenWindow
    prompt: str
    key: str
    place: Place | None = None
    blind: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Encoded windows. ``waves`` [batch, (2,) samples] is there for audio alone."""

    codes: Tensor
    lengths: tuple[int, ...]
    conditions: Sequence[object]
    keys: tuple[str, ...]
    waves: NDArray[np.float32] | None = None


@runtime_checkable
class Pass(Protocol):
    """Answers requests of one kind."""

    def answers(self, request: Request) -> bool:
        """Whether this is the one to ask."""

    def ask(self, target: AnyTarget, batch: Batch, request: Request) -> Sequence[Answer | None]:
        """One answer per window; ``None`` where there is none."""


class Watch(Protocol):
    """Sees the logits of a batch go by."""

    def add(self, logits: Tensor) -> None:
        """Take logits [batch, K, frames, V] of the frames that follow the ones seen so far."""

    def finish(self) -> Sequence[Answer | None]:
        """One answer per window, once all frames have gone by."""


@runtime_checkable
class SharedPass(Protocol):
    """Answers requests of one kind from the plain pass, without one of its own."""

    def answers(self, request: Request) -> bool:
        """Whether this is the one to ask."""

    def watch(self, target: AnyTarget, batch: Batch, request: Request) -> Watch:
        """Begin with a batch."""


def encode(target: AnyTarget, windows: Sequence[Window]) -> Batch:
    """Turn windows into codes."""
    keys = tuple(window.key for window in windows)
    contents = [window.content for window in windows]
    if isinstance(target, TokenTarget):
        waves = np.stack([content for content in contents if isinstance(content, np.ndarray)])
        codes = target.encode(waves)
        prompts = [window.prompt for window in windows]
        return Batch(codes=codes, lengths=(codes.shape[2],) * len(codes), conditions=prompts, keys=keys, waves=waves)
    stretches = [content for content in contents if isinstance(content, TokenWindow)]
    lengths = tuple(stretch.codes.shape[1] for stretch in stretches)
    codes = torch.zeros(len(stretches), target.codebooks, max(lengths), dtype=torch.int64)
    for row, stretch in zip(codes, stretches, strict=True):
        row[:, : stretch.codes.shape[1]] = stretch.codes
    return Batch(codes=codes, lengths=lengths, conditions=[stretch.condition for stretch in stretches], keys=keys)


@torch.inference_mode()
def scores(target: AnyTarget, batch: Batch) -> list[TokenScores]:
    """One forward pass: the scores of every window of the batch, [K, its length]."""
    buffer = ScoreBuffer(batch.codes)
    for chunk in logits_of(target, batch):
        buffer.add(chunk.condition)
    return trimmed(buffer, batch.lengths)


def logits_of(target: AnyTarget, batch: Batch, *, null: bool = False) -> Iterator[LogitsChunk]:
    """The batch's logits, chunk by chunk."""
    return target.logits(batch.codes, batch.conditions, null=null)  # type: ignore[arg-type]


def trimmed(buffer: ScoreBuffer, lengths: Sequence[int]) -> list[TokenScores]:
    """Each window's scores without its padding."""
    return [scores.frames(0, length) for scores, length in zip(buffer.windows(), lengths, strict=True)]


def frame_limit(target: AnyTarget) -> int | None:
    """Frames of codes in the longest window the target takes; ``None``: no limit."""
    if not isinstance(target, TokenTarget):
        return target.window_tokens
    if target.max_seconds is None:
        return None
    return int(target.max_seconds * target.sample_rate + 0.5) // target.hop_length


def rng_for(seed: int, key: str, purpose: str) -> np.random.Generator:
    """A generator that depends on (seed, track, window, purpose) alone."""
    digest = hashlib.sha256(f"{purpose}\n{seed}\n{key}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))

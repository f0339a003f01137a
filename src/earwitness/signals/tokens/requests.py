"""Requests: the passes that a signal may ask for beyond the plain one.

Goal: a signal names what it wants to know of the model and never how it is got; two signals
that make the same request share its answer. A request is a frozen dataclass; whoever runs
it (``earwitness.measure.passes``) answers with the ``TokenScores`` of every window, with a number, or with
a ``ContinuationAnswer``.

Conventions: ``forward_passes`` and ``backward_passes`` count passes over one window.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class Request(Protocol):
    """What every request says of its cost; hashable, and equal where it asks the same."""

    @property
    def forward_passes(self) -> int:
        """Forward passes over one window."""

    @property
    def backward_passes(self) -> int:
        """Backward passes over one window."""


@dataclass(frozen=True, slots=True)
class CamiaFullRequest:
    """The window's beginning, followed by copies of itself: scores of the last copy [K, T'].

    T' is T, or as much of it as fits ``copies`` times into the longest window the target takes.
    """

    copies: int = 2
    backward_passes: ClassVar[int] = 0

    @property
    def forward_passes(self) -> int:
        """One pass, but over ``copies`` windows' worth of frames."""
        return self.copies


@dataclass(frozen=True, slots=True)
class RecallRequest:
    """The window's beginning behind the beginning of an anchor track: its scores [K, T'].

    T' is T, or what the target's longest window leaves beside a prefix of ``seconds``.
    """

    seconds: float = 2.0
    forward_passes: ClassVar[int] = 1
    backward_passes: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class NeighbourRequest:
    """The window with a share of its tokens replaced by others of its own: scores of that copy [K, T]."""

    share: float
    draw: int
    forward_passes: ClassVar[int] = 1
    backward_passes: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class AudioNeighbourRequest:
    """The window's audio, slightly changed and encoded again: scores of that copy [K, T'].

    ``change`` is a key of ``earwitness.measure.passes.audio_neighbour.CHANGES``.
    """

    change: str
    forward_passes: ClassVar[int] = 1
    backward_passes: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class ReferenceRequest:
    """The same window under a reference model, in that model's own codes: its scores [K', T']."""

    model: str
    forward_passes: ClassVar[int] = 1
    backward_passes: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class GradNormRequest:
    """‖∇θ loss‖₂ of the window's mean loss: a number."""

    forward_passes: ClassVar[int] = 1
    backward_passes: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class SdmRequest:
    """Mean cosine distance of the window's chunks of mean logits to those of the anchor tracks: a number.

    The plain pass serves it as it goes by.
    """

    frames: int = 100
    forward_passes: ClassVar[int] = 0
    backward_passes: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class ContinuationRequest:
    """What the model makes of the window's end when it is given the beginning: a ``ContinuationAnswer``.

    The arithmetic is that of one pass, but the frames of the end are generated one after another,
    a step each: ``generated_share`` of the window's frames.
    """

    prompt_share: float = 0.4
    forward_passes: ClassVar[int] = 1
    backward_passes: ClassVar[int] = 0

    @property
    def generated_share(self) -> float:
        """Share of the window's frames that are generated."""
        return 1 - self.prompt_share


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContinuationAnswer:
    """A continuation beside the true one.

    Attributes
    ----------
    token_agreement
        Share of frames in which the codes are the same, by codebook [K].
    longest_match
        The longest stretch without a difference in codebook 0, seconds.
    loop_match
        The same for the best of all repetitions of the prompt's end, in place of the model's continuation.
    similarity
        How alike the two sound (``earwitness.similarity``), 1 for the same.
    loop_similarity
        The same for the best repetition of the prompt's end.
    """

    token_agreement: NDArray[np.float64]
    longest_match: float
    loop_match: float
    similarity: float
    loop_similarity: float

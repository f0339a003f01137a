"""The contract of a token signal, and the wrappers that apply it elsewhere.

A signal is a frozen dataclass whose fields are its settings. It names its features
(``specs``) and computes them (``measure``) from the scores of some codebooks of one
window. A signal that ``AsksMore`` also names further passes. ``Contrast`` computes any
signal on the classifier-free-guidance contrast u_c − u_∅; ``ContrastRatio`` is the plain
mean of l_c − l_∅; ``OncePerWindow`` marks a signal that has no codebooks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.requests import ContinuationAnswer, Request
from earwitness.signals.tokens.scores import TokenScores
from earwitness.spec import Direction, FeatureSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """The scores of one window under the passes that were run.

    ``condition``: under the track's own prompt. ``contrast``: softmax(u_c − u_∅).
    ``null``: without a condition. The last two are ``None`` where no null pass was run.
    ``extra``, ``numbers`` and ``continuations``: the answers to further requests; what could
    not be asked of this window is absent.
    """

    condition: TokenScores
    contrast: TokenScores | None = None
    null: TokenScores | None = None
    extra: Mapping[Request, TokenScores] = field(default_factory=dict)
    numbers: Mapping[Request, float] = field(default_factory=dict)
    continuations: Mapping[Request, ContinuationAnswer] = field(default_factory=dict)

    def codebook(self, index: int) -> "Passes":
        """The same passes for one codebook; a pass with fewer codebooks (a reference model's) drops out."""
        return Passes(
            condition=self.condition.codebook(index),
            contrast=None if self.contrast is None else self.contrast.codebook(index),
            null=None if self.null is None else self.null.codebook(index),
            extra={
                request: scores.codebook(index) for request, scores in self.extra.items() if index < len(scores.codes)
            },
            numbers=self.numbers,
            continuations=self.continuations,
        )


@runtime_checkable
class TokenSignal(Protocol):
    """Anything that turns the passes of a window into named numbers."""

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The features, in the order ``measure`` returns them; names without a codebook."""

    def measure(self, passes: Passes) -> Sequence[float]:
        """One number per feature; NaN where it is not defined."""


@runtime_checkable
class AsksMore(Protocol):
    """A signal that needs more than the plain pass."""

    @property
    def needs(self) -> Sequence[Request]:
        """The further passes it asks for."""


@dataclass(frozen=True, slots=True)
class OncePerWindow:
    """A signal of the whole window, which has no value for each codebook."""

    signal: TokenSignal

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The signal's features."""
        return self.signal.specs

    @property
    def needs(self) -> Sequence[Request]:
        """The signal's requests."""
        return needs_of(self.signal)

    @property
    def quantities(self) -> Sequence[str]:
        """The signal's further quantities."""
        return quantities_of(self.signal)

    def measure(self, passes: Passes) -> Sequence[float]:
        """The signal's numbers."""
        return self.signal.measure(passes)


@runtime_checkable
class UsesEntropies(Protocol):
    """A signal that needs more of each prediction than ``scores.QUANTITIES``."""

    @property
    def quantities(self) -> Sequence[str]:
        """Names of ``scores.ENTROPY_QUANTITIES``."""


def quantities_of(signal: TokenSignal) -> Sequence[str]:
    """The quantities of each prediction that a signal needs besides the usual."""
    return signal.quantities if isinstance(signal, UsesEntropies) else ()


def needs_of(signal: TokenSignal) -> Sequence[Request]:
    """The passes that a signal asks for beyond the plain one."""
    return signal.needs if isinstance(signal, AsksMore) else ()


@dataclass(frozen=True, slots=True)
class Contrast:
    """Any signal, computed on the renormalised likelihood ratio softmax(u_c − u_∅).

    Source: the published attacks on guided autoregressive models (arXiv 2502.02514).
    """

    signal: TokenSignal

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The signal's features with ``/contrast`` behind their names."""
        return [replace(spec, name=f"{spec.name}/contrast", headline=False) for spec in self.signal.specs]

    @property
    def quantities(self) -> Sequence[str]:
        """The signal's further quantities."""
        return quantities_of(self.signal)

    def measure(self, passes: Passes) -> Sequence[float]:
        """The signal's numbers on the contrast, or NaN without a null pass."""
        if passes.contrast is None:
            return [np.nan] * len(self.specs)
        return self.signal.measure(Passes(condition=passes.contrast))


@dataclass(frozen=True, slots=True)
class ContrastRatio:
    """Mean of l_c − l_∅: how much likelihood the prompt adds, in nats per token."""

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """One feature: a member gains more from its own prompt."""
        return [FeatureSpec(name="contrast_ratio", member_is=Direction.HIGHER, unit="nats", source="arXiv 2502.02514")]

    def measure(self, passes: Passes) -> Sequence[float]:
        """The mean over valid tokens, or NaN without a null pass."""
        if passes.null is None:
            return [np.nan]
        valid = passes.condition.valid
        return [_mean((passes.condition.log_prob - passes.null.log_prob)[valid])]


def frame_series(values: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean over the codebooks of each frame [T'], leaving out frames without a valid token."""
    counts = valid.sum(axis=0)
    sums = np.where(valid, values, 0.0).sum(axis=0)
    return np.asarray(sums[counts > 0] / counts[counts > 0])


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else np.nan

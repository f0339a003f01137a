"""Per-token scores: everything the token signals need of the logits, and nothing more.

Goal: the few numbers per token that all token signals are made of. They are computed from
the logits by ``earwitness.signals.tokens.reduction``; here they are only held, without PyTorch.

Conventions: K codebooks, T frames; float64 arrays [K, T]; ``valid`` marks the positions
that count. ``QUANTITIES`` are always there; those of ``ENTROPY_QUANTITIES`` only where a
signal asked for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earwitness.types import Floats

QUANTITIES = ("log_prob", "mean_log_prob", "var_log_prob", "margin")
ENTROPY_QUANTITIES = {0.5: "half_entropy", 2.0: "collision_entropy", inf: "min_entropy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScores:
    """What a model said about each token of one window.

    Attributes
    ----------
    codes
        The tokens, int [K, T].
    valid
        Which positions count, bool [K, T].
    log_prob
        log p of the token that is there, nats [K, T].
    mean_log_prob
        Σ_v p_v log p_v: minus the entropy, nats [K, T].
    var_log_prob
        Σ_v p_v (log p_v)² − mean_log_prob², nats² [K, T].
    margin
        Logit of the token minus the largest other logit [K, T].
    half_entropy, collision_entropy, min_entropy
        Rényi entropies of order ½, 2 and ∞, nats [K, T]; ``None`` where not asked for.
    kind
        What kind of token each is (pitch, time, velocity …), numbered, int [K, T]; ``None`` where the
        target does not tell kinds apart.
    """

    codes: NDArray[np.int64]
    valid: NDArray[np.bool_]
    log_prob: Floats
    mean_log_prob: Floats
    var_log_prob: Floats
    margin: Floats
    half_entropy: Floats | None = None
    collision_entropy: Floats | None = None
    min_entropy: Floats | None = None
    kind: NDArray[np.int64] | None = None

    def codebook(self, index: int) -> "TokenScores":
        """The same scores for one codebook, arrays [1, T]."""
        return self._part((slice(index, index + 1), slice(None)))

    def frames(self, start: int, stop: int) -> "TokenScores":
        """The same scores for the frames from ``start`` up to ``stop``, arrays [K, stop − start]."""
        return self._part((slice(None), slice(start, stop)))

    @property
    def z_score(self) -> Floats:
        """Log p standardised by what the model expected: (l − μ) / sqrt(var + 1e-6), [K, T]."""
        return np.asarray((self.log_prob - self.mean_log_prob) / np.sqrt(self.var_log_prob + 1e-6))

    def entropy(self, order: float) -> Floats:
        """Rényi entropy H_α = log(Σ_v p_v^α) / (1 − α) of each prediction, nats [K, T].

        ``order`` 1 is Shannon's −Σ p log p, infinity is −log max p.

        Raises
        ------
        ValueError
            Where no such entropy was computed from the logits.
        """
        values: Floats | None
        if order == 1:
            values = -self.mean_log_prob
        else:
            values = getattr(self, ENTROPY_QUANTITIES[order]) if order in ENTROPY_QUANTITIES else None
        if values is None:
            known = ", ".join(f"{name} (order {alpha:g})" for alpha, name in ENTROPY_QUANTITIES.items())
            raise ValueError(
                f"these scores hold no entropy of order {order:g}; ask the reduction of the logits for it: {known}"
            )
        return values

    def _part(self, at: tuple[slice, slice]) -> "TokenScores":
        names = ("codes", "valid", "kind", *QUANTITIES, *ENTROPY_QUANTITIES.values())
        held = {name: getattr(self, name) for name in names}
        return replace(self, **{name: values[at] for name, values in held.items() if values is not None})


def token_scores(
    codes: NDArray[np.int64], quantities: Mapping[str, Floats], valid: NDArray[np.bool_] | None = None
) -> TokenScores:
    """Assemble ``TokenScores`` [K, T] from arrays; without ``valid`` every position counts."""
    mask = np.ones(codes.shape, dtype=np.bool_) if valid is None else valid
    named: dict[str, Any] = dict(quantities)
    return TokenScores(codes=codes, valid=mask, **named)

"""Per-token scores: everything the token signals need of the logits, and nothing more.

Goal: the few numbers a token that all token signals are made of. They are computed from
the logits by ``earwitness.signals.tokens.reduction``; here they are only held, without PyTorch.

Conventions: K codebooks, T frames; float64 arrays [K, T]; ``valid`` marks the positions
that count.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
QUANTITIES = ("log_prob", "mean_log_prob", "var_log_prob", "margin")


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
    """

    codes: NDArray[np.int64]
    valid: NDArray[np.bool_]
    log_prob: Floats
    mean_log_prob: Floats
    var_log_prob: Floats
    margin: Floats

    def codebook(self, index: int) -> "TokenScores":
        """The same scores for one codebook, arrays [1, T]."""
        row = slice(index, index + 1)
        return TokenScores(
            codes=self.codes[row],
            valid=self.valid[row],
            **{name: getattr(self, name)[row] for name in QUANTITIES},
        )

    @property
    def z_score(self) -> Floats:
        """Log p standardised by what the model expected: (l − μ) / sqrt(var + 1e-6), [K, T]."""
        return np.asarray((self.log_prob - self.mean_log_prob) / np.sqrt(self.var_log_prob + 1e-6))


def token_scores(
    codes: NDArray[np.int64], quantities: Mapping[str, Floats], valid: NDArray[np.bool_] | None = None
) -> TokenScores:
    """Assemble ``TokenScores`` [K, T] from arrays; without ``valid`` every position counts."""
    mask = np.ones(codes.shape, dtype=np.bool_) if valid is None else valid
    return TokenScores(codes=codes, valid=mask, **dict(quantities))

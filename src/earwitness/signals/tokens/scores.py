"""Per-token scores: everything the token signals need of the logits, and nothing more.

Goal: reduce logits [..., codes] to a few numbers a token while they pass by, so that
the logits of a whole window never sit in memory and every signal shares one pass.

Conventions: K codebooks, T frames; u are logits, log p = log_softmax(u) in float32 or
better; results are float64 arrays [K, T]; ``valid`` marks the positions that count.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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


def reduce_logits(logits: Tensor, codes: Tensor) -> dict[str, Tensor]:
    """Reduce logits [..., V] and tokens int [...] to the four ``QUANTITIES``, each [...].

    With x = u − max u and Z = Σ eˣ, the mean and variance of log p are those of x
    shifted by log Z, so one exponential serves all four.
    """
    u = logits if logits.dtype == torch.float64 else logits.float()
    index = codes.unsqueeze(-1)
    chosen = u.gather(-1, index).squeeze(-1)
    rival = u.scatter(-1, index, -torch.inf).amax(-1)
    top = torch.maximum(chosen, rival)
    x = u - top.unsqueeze(-1)
    weight = x.exp()
    total = weight.sum(-1)
    first = torch.linalg.vecdot(weight, x) / total
    second = torch.linalg.vecdot(weight, x.square_()) / total
    log_total = total.log()
    return {
        "log_prob": chosen - top - log_total,
        "mean_log_prob": first - log_total,
        "var_log_prob": (second - first.square()).clamp_min_(0.0),
        "margin": chosen - rival,
    }


class ScoreBuffer:
    """Collects the reductions of consecutive chunks of frames for a batch of windows.

    ``add`` takes logits [batch, K, frames, V] for the frames that follow the ones seen
    so far; ``windows`` gives one ``TokenScores`` a window.
    """

    def __init__(self, codes: Tensor) -> None:
        self._codes = codes
        self._seen = 0
        self._values = {name: np.empty(codes.shape, dtype=np.float64) for name in QUANTITIES}

    def add(self, logits: Tensor) -> None:
        """Reduce one chunk."""
        stop = self._seen + logits.shape[2]
        for name, values in reduce_logits(logits, self._codes[:, :, self._seen : stop]).items():
            self._values[name][:, :, self._seen : stop] = values.cpu().numpy()
        self._seen = stop

    def windows(self) -> list[TokenScores]:
        """The scores of every window of the batch, once all frames have been added."""
        if self._seen != self._codes.shape[2]:
            raise ValueError(f"{self._seen} of {self._codes.shape[2]} frames were scored")
        codes = self._codes.cpu().numpy()
        return [
            token_scores(codes[i], {name: values[i] for name, values in self._values.items()})
            for i in range(len(codes))
        ]


def token_scores(
    codes: NDArray[np.int64], quantities: Mapping[str, Floats], valid: NDArray[np.bool_] | None = None
) -> TokenScores:
    """Assemble ``TokenScores`` [K, T] from arrays; without ``valid`` every position counts."""
    mask = np.ones(codes.shape, dtype=np.bool_) if valid is None else valid
    return TokenScores(codes=codes, valid=mask, **dict(quantities))

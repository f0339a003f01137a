"""From logits to per-token scores, while the logits pass by.

Goal: reduce logits [..., codes] to a few numbers a token chunk by chunk, so that the logits
of a whole window never sit in memory and every signal shares one pass.

Conventions: u are logits, log p = log_softmax(u) in float32 or better.
"""

import numpy as np
import torch
from torch import Tensor

from earwitness.signals.tokens.scores import QUANTITIES, TokenScores, token_scores


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

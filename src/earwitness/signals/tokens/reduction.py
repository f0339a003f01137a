"""From logits to per-token scores, while the logits pass by.

Goal: reduce logits [..., codes] to a few numbers per token chunk by chunk, so that the logits
of a whole window never sit in memory and every signal shares one pass.

Conventions: u are logits, log p = log_softmax(u) in float32 or better. ``quantities`` names
what some signal wants besides ``QUANTITIES`` (of ``ENTROPY_QUANTITIES``); no more is computed.
"""

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor

from earwitness.signals.tokens.scores import ENTROPY_QUANTITIES, QUANTITIES, TokenScores, token_scores

# A megabyte of float32: what a core's cache holds, so that only the logits come from memory.
_BLOCK_VALUES = 2**18


def reduce_logits(logits: Tensor, codes: Tensor, quantities: Collection[str] = ()) -> dict[str, Tensor]:
    """Reduce logits [..., V] and tokens int [...] to the four ``QUANTITIES`` and those named, each [...].

    Raises
    ------
    ValueError
        Where ``quantities`` names something that is neither there nor in ``ENTROPY_QUANTITIES``.
    """
    known = (*QUANTITIES, *ENTROPY_QUANTITIES.values())
    if unknown := set(quantities).difference(known):
        raise ValueError(f"there is no quantity {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    codes_in_book = logits.shape[-1]
    rows, index = logits.reshape(-1, codes_in_book), codes.reshape(-1)
    size = max(1, _BLOCK_VALUES // codes_in_book) if logits.device.type == "cpu" else max(1, len(rows))
    blocks = [
        _reduce_rows(u, z, quantities) for u, z in zip(torch.split(rows, size), torch.split(index, size), strict=True)
    ]
    return {name: torch.cat([block[name] for block in blocks]).reshape(codes.shape) for name in blocks[0]}


def _reduce_rows(logits: Tensor, codes: Tensor, quantities: Collection[str]) -> dict[str, Tensor]:
    """Reduce logits [n, V] and tokens [n].

    With x = u − max u, w = eˣ and Z = Σ w, the mean and variance of log p are those of x
    shifted by log Z, and max p = 1 / Z; so one exponential serves everything.
    """
    u = logits if logits.dtype == torch.float64 else logits.float()
    chosen = u.gather(-1, codes.unsqueeze(-1)).squeeze(-1)
    top = u.amax(-1)
    x = u - top.unsqueeze(-1)
    weight = x.exp()
    total = weight.sum(-1)
    log_total = total.log()
    first = torch.linalg.vecdot(weight, x) / total
    second = torch.linalg.vecdot(weight, x.square_()) / total
    reduced = {
        "log_prob": chosen - top - log_total,
        "mean_log_prob": first - log_total,
        "var_log_prob": (second - first.square()).clamp_min_(0.0),
        "margin": chosen - _best_other(u, codes, chosen, top),
    }
    if "min_entropy" in quantities:
        reduced["min_entropy"] = log_total
    if "collision_entropy" in quantities:
        reduced["collision_entropy"] = 2 * log_total - torch.linalg.vecdot(weight, weight).log()
    if "half_entropy" in quantities:
        reduced["half_entropy"] = 2 * weight.sqrt_().sum(-1).log() - log_total
    return reduced


def _best_other(u: Tensor, codes: Tensor, chosen: Tensor, top: Tensor) -> Tensor:
    """Largest logit but the token's own [n]: the largest of all, save where the token has that one."""
    other = top.clone()
    best = (chosen == top).nonzero().squeeze(-1)
    if len(best):
        other[best] = u[best].scatter_(-1, codes[best].unsqueeze(-1), -torch.inf).amax(-1)
    return other


class ScoreBuffer:
    """Collects the reductions of consecutive chunks of frames for a batch of windows.

    ``add`` takes logits [batch, K, frames, V] for the frames that follow the ones seen
    so far; ``windows`` gives one ``TokenScores`` per window, with ``quantities`` besides the usual.
    """

    def __init__(self, codes: Tensor, quantities: Collection[str] = ()) -> None:
        self._codes = codes
        self._quantities = quantities
        self._seen = 0
        self._values = {name: np.empty(codes.shape, dtype=np.float64) for name in {*QUANTITIES, *quantities}}

    def add(self, logits: Tensor) -> None:
        """Reduce one chunk."""
        stop = self._seen + logits.shape[2]
        reduced = reduce_logits(logits, self._codes[:, :, self._seen : stop], self._quantities)
        for name, values in reduced.items():
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

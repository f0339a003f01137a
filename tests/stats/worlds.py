"""Simulated audits in which the two sets differ by themselves, for the tests of this folder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """``values`` and ``reference`` depend on ``blind``; the suspects' blind features are shifted."""

    values: NDArray[np.float64]
    reference: NDArray[np.float64]
    blind: NDArray[np.float64]
    is_suspect: NDArray[np.bool_]
    groups: NDArray[np.intp]


def audit(seed: int, *, tracks: int, shift: float = 0.0, member: float = 0.0, album: int = 1) -> Audit:
    """``tracks`` a side; 3 of 10 blind features move by ``shift`` sd and pull all 8 features towards membership.

    The pull is a line plus a mild square; ``member`` is a further shift of the target's features.
    """
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(2 * tracks // album), album)
    is_suspect = groups < tracks // album
    between = 0.3 if album > 1 else 0.0

    def noise(columns: int) -> NDArray[np.float64]:
        by_album = rng.normal(size=(groups.max() + 1, columns))[groups]
        return np.asarray(np.sqrt(between) * by_album + np.sqrt(1 - between) * rng.normal(size=(len(groups), columns)))

    blind = noise(10)
    blind[:, :3] += shift * is_suspect[:, None]
    line = blind[:, :3].sum(axis=1, keepdims=True) / np.sqrt(3)
    pull = line + 0.2 * (line**2 - 1)
    return Audit(
        values=pull + noise(8) + member * is_suspect[:, None],
        reference=pull + noise(8),
        blind=blind,
        is_suspect=is_suspect,
        groups=groups,
    )

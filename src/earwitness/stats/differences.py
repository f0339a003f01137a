"""Studentised differences between two sets, for a block of labellings, as matrix algebra.

Goal: compare the sets in every labelling by a difference divided by *that labelling's own*
robust standard error. Divided by one common standard error instead, whole-group permutation
is not level between sides of unequal size *and* unequal spread (docs/design/exact.md).
Conventions: values are ``[rows, columns]`` with weights ``[rows]``; results are
``[columns, labellings]``, positive where the suspects score higher.

For a weighted mean ``z̄`` of the n rows of one side, ``W = Σw``:
``V = Σ w²(z − z̄)²/W² / (1 − Σw²/W²)``, which is ``s²/n`` for equal weights. A side of one row
has no spread of its own and takes that of all rows.

References: Janssen (1997); Chung & Romano, arXiv 1304.5939.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earwitness.types import Bools, Floats

# Least share of the pooled variance that a labelling's own may have: ties in few rows must not divide by zero.
_LEAST_SHARE = 1e-3
# Sums over more rows than this are kept in single precision, in half the time and memory (docs/design/exact.md).
_MANY_ROWS = 20_000
# A side of less weight has no rows; the square of this is still a number.
_ABSENT = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class SetDifferences:
    """``t = (z̄_S − z̄_H)/√(V_S + V_H)`` of rows that change sides; call it with ``[rows, labellings]`` booleans."""

    values: Floats
    weights: Floats
    _summed: NDArray[Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Lay out what is summed over suspects, for one product a block."""
        weighted = self.values * self.weights[:, None]
        parts = [weighted, weighted * weighted]
        # With equal weights Σw²z is Σwz and need not be formed.
        if not self._even:
            parts.append(weighted * self.weights[:, None])
        precision = np.float32 if len(self.values) > _MANY_ROWS else np.float64
        object.__setattr__(self, "_summed", np.concatenate(parts, axis=1, dtype=precision))

    @property
    def precision(self) -> np.dtype[Any]:
        """In which sums are kept."""
        return self._summed.dtype

    @property
    def _even(self) -> bool:
        return bool(np.ptp(self.weights) < 1e-12)

    def __call__(self, labels: NDArray[Any]) -> Floats:
        """Return ``[columns, labellings]``; 0 where a side is absent."""
        chosen, columns, even = np.asarray(labels, dtype=self.precision), self.values.shape[1], self._even
        suspect = (self._summed.T @ chosen).astype(np.float64, copy=False)
        whole = self._summed.sum(axis=0, dtype=np.float64)[:, None]
        sizes = np.stack([self.weights, self.weights**2])
        weight, total = sizes.astype(self.precision) @ chosen, sizes.sum(axis=1)[:, None]
        means, variances = [], []
        for sums, (w, w2) in ((suspect, weight), (whole - suspect, total - weight)):
            first, second = sums[:columns], sums[columns : 2 * columns]
            cross = first * self.weights[0] if even else sums[2 * columns :]
            means.append(first / np.maximum(w, _ABSENT))
            variances.append(_mean_variance(means[-1], second, cross, w, w2, float(self.weights.mean())))
        both = (weight[0] > _ABSENT) & (total[0] - weight[0] > _ABSENT)
        spread = np.sqrt(variances[0] + variances[1])
        return np.asarray(np.where(both, (means[0] - means[1]) / np.where(both, spread, 1.0), 0.0))

    def among(self, rows: Bools) -> "SetDifferences":
        """Return the same of some rows alone."""
        return SetDifferences(self.values[rows], self.weights[rows])


@dataclass(frozen=True, slots=True, eq=False)
class PairDifferences:
    """``t = Σ w ε D/√(Σ w² D²)`` of differences D within pairs; call it with signs ε ``[units, labellings]``.

    The sum of squares is the same in every labelling, so this orders labellings as the t statistic
    with each labelling's own standard error does.
    """

    values: Floats
    weights: Floats

    def __call__(self, signs: NDArray[Any]) -> Floats:
        """Return ``[columns, labellings]``; 0 for a column without any difference."""
        weighted = self.values * self.weights[:, None]
        scale = np.sqrt((weighted**2).sum(axis=0))
        return np.asarray((weighted / np.where(scale > 0, scale, np.inf)).T @ signs)

    @property
    def precision(self) -> np.dtype[Any]:
        """In which sums are kept."""
        return np.dtype(np.float64)

    def among(self, rows: Bools) -> "PairDifferences":
        """Return the same of some units alone."""
        return PairDifferences(self.values[rows], self.weights[rows])


@dataclass(frozen=True, slots=True, eq=False)
class LesserDifferences:
    """The smaller, in the member direction, of two accounts of the same rows, in every labelling."""

    one: SetDifferences | PairDifferences
    other: SetDifferences | PairDifferences

    def __call__(self, labels: NDArray[Any]) -> Floats:
        """Return ``[columns, labellings]``."""
        chosen = np.asarray(labels, dtype=self.precision)
        return np.minimum(self.one(chosen), self.other(chosen))

    @property
    def precision(self) -> np.dtype[Any]:
        """In which sums are kept."""
        return self.one.precision

    def among(self, rows: Bools) -> "LesserDifferences":
        """Return the same of some rows alone."""
        return LesserDifferences(self.one.among(rows), self.other.among(rows))


Differences = SetDifferences | PairDifferences | LesserDifferences


def _mean_variance(mean: Floats, second: Floats, cross: Floats, w: Floats, w2: Floats, typical: float) -> Floats:
    """Return V ``[columns, labellings]`` of a side's mean, for columns of pooled variance 1."""
    weight = np.maximum(w, _ABSENT)
    alone = 1 - w2 / weight**2 < 1e-9
    own = (second - 2 * mean * cross + mean**2 * w2) / weight**2 / np.where(alone, 1.0, 1 - w2 / weight**2)
    pooled = typical / weight
    return np.asarray(np.where(alone, pooled, np.maximum(own, _LEAST_SHARE * pooled)))

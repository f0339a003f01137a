"""Ways to weight features into one score, each run over all labellings at once.

Goal: small rules ``t → weights`` that differ in the alternative they are good at. Conventions:
``t [features, labellings]`` holds standardised differences suspect − held-out (variance 1
under the null), ``correlation [features, features]`` is label-free, and the returned
weights have the shape of ``t``. Directed rules never give a negative weight, so a score can
only count a feature in the direction in which a member moves it; undirected rules are for
the companion test and separate in any direction. Every rule is a fixed number of steps, the
same for each labelling: a permutation test is exact whether or not a rule has converged.

``cross_fitted`` says how the statistic is formed: out of fold (weights from the other folds,
applied to this one), or in sample. Permutation calibrates both.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from earwitness.stats.grouping import Floats

_CACHED_LABELLINGS = 256


class Scorer(Protocol):
    """A rule that turns standardised differences into feature weights."""

    @property
    def name(self) -> str:
        """What the result calls it."""
        ...

    @property
    def cross_fitted(self) -> bool:
        """Whether its statistic is formed out of fold."""
        ...

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return weights ``[features, labellings]`` for differences of that shape."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Equal:
    """The same weight for every feature: best where many features move a little."""

    name: str = "equal"
    cross_fitted: bool = False

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return ones."""
        return np.ones(differences.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marginal:
    """``w_j = max(0, t_j)``: best where some features move and most do not."""

    name: str = "marginal"
    cross_fitted: bool = False

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return the differences in the member direction."""
        clipped: Floats = np.maximum(differences, 0.0)
        return clipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Strongest:
    """Weight 1 for the ``count`` features that moved most in the member direction, 0 for the rest."""

    count: int = 1
    name: str = "strongest"
    cross_fitted: bool = False

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return ones for the largest positive differences."""
        rest = max(len(differences) - self.count, 0)
        threshold = np.partition(differences, rest, axis=0)[rest]
        return np.where((differences >= threshold) & (differences > 0), 1.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NonNegativeRidge:
    """``argmax_{w ≥ 0} w't − ½ w'R w`` with ``R = (1−λ) correlation + λ I``: uses few features among correlated ones.

    Found by ``steps`` accelerated projected-gradient steps from ``max(0, t)``, for all
    labellings at once.
    """

    shrinkage: float = 0.3
    steps: int = 20
    name: str = "ridge"
    cross_fitted: bool = True

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return non-negative weights near the optimum."""
        matrix = _shrunk(correlation, self.shrinkage)
        step = 1 / float(np.linalg.eigvalsh(matrix)[-1])
        # Folding the step into both terms leaves one product and few cheap passes an iteration.
        matrix, target = matrix * step, differences * step
        weights = np.maximum(differences, 0.0)
        # Blocks that fit the cache: the passes between products are bound by memory.
        for start in range(0, weights.shape[1], _CACHED_LABELLINGS):
            block = slice(start, start + _CACHED_LABELLINGS)
            weights[:, block] = self._descend(weights[:, block], target[:, block], matrix)
        return weights

    def _descend(self, weights: Floats, target: Floats, matrix: Floats) -> Floats:
        ahead, momentum = weights, 1.0
        for _ in range(self.steps):
            moved = target - matrix @ ahead
            moved += ahead
            np.maximum(moved, 0.0, out=moved)
            following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead = moved - weights
            ahead *= (momentum - 1) / following
            ahead += moved
            weights, momentum = moved, following
        return weights


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeMarginal:
    """``w_j = t_j``, any sign. Undirected."""

    name: str = "free marginal"
    cross_fitted: bool = False

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return the differences themselves."""
        return differences


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeRidge:
    """``w = R⁻¹ t`` with ``R = (1−λ) correlation + λ I``, any sign. Undirected."""

    shrinkage: float = 0.3
    name: str = "free ridge"
    cross_fitted: bool = False

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return the decorrelated differences."""
        return np.asarray(np.linalg.solve(_shrunk(correlation, self.shrinkage), differences), dtype=np.float64)


def _shrunk(correlation: Floats, shrinkage: float) -> Floats:
    return (1 - shrinkage) * correlation + shrinkage * np.eye(len(correlation))

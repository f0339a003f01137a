"""Ways to turn many features into one statistic, each run over all labellings at once.

Goal: a few rules that differ in the alternative they are good at. Two kinds:

* `Fixed` rules make one score per track without looking at a label (the headline, the equal
  mean, the tail); the score is then compared like any feature.
* `Adaptive` rules look at ``t [features, labellings]``, the standardised differences
  suspect − held-out (variance near 1 under the null), and return weights of that shape; the
  statistic is ``w't/√(w' correlation w)``. They stand in sample: permutation calibrates a
  statistic whether or not its weights have seen the data, and no folds need to be drawn.

Conventions: higher = more member-like; ``correlation [features, features]`` is label-free.
Directed rules never give a negative weight, so a score can only count a feature in the
direction in which a member moves it; undirected rules are for the companion test and
separate in any direction. Every rule is a fixed number of steps, the same for each
labelling: a permutation test is exact whether or not a rule has converged.

``share`` is the part of the level that a rule gets in the weighted minimum p
(`earwitness.stats.exact.smallest_p`); only the ratios of shares matter.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from earwitness.stats.grouping import normal_scores, standardised
from earwitness.types import Floats

_CACHED_LABELLINGS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named(ABC):
    """A rule with a name for the result and a share of the level."""

    name: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed(_Named):
    """A rule that makes its score without a label."""

    @abstractmethod
    def weights(self, headline: Floats) -> Floats:
        """Return the weight ``[features]`` of each standardised feature in the score."""

    def columns(self, values: Floats, headline: Floats) -> Floats:
        """Return what is compared, ``[tracks, 1 or more]``, of standardised features; the score comes first."""
        return np.asarray((values @ self.weights(headline))[:, None])

    def statistic(self, differences: Floats) -> Floats:
        """Return ``[labellings]`` from the differences ``[columns, labellings]`` of what is compared."""
        first: Floats = differences[0]
        return first


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptive(_Named):
    """A rule that weights features by how they differ in a labelling."""

    @abstractmethod
    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return weights ``[features, labellings]`` for differences of that shape."""


Scorer = Fixed | Adaptive


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline(Fixed):
    """The score fixed in advance: the features declared headline, in declared proportions."""

    name: str = "headline"
    share: float = 0.7

    def weights(self, headline: Floats) -> Floats:
        """Return the declared proportions."""
        return headline


@dataclass(frozen=True, slots=True, kw_only=True)
class Equal(Fixed):
    """The same weight for every feature: best where many features move a little."""

    name: str = "equal"
    share: float = 0.06

    def weights(self, headline: Floats) -> Floats:
        """Return ones."""
        return np.ones(len(headline))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail(Headline):
    """``exp(s − ½)`` of the headline's normal scores s: best where a part of the set was used.

    The likelihood ratio of a normal score moved by one standard deviation: a few tracks that stand
    out weigh more than many that lean. It would also count a larger *spread* of the suspects as
    membership, so it counts no further than ``guard`` times the difference in s itself.
    """

    guard: float = 1.5
    name: str = "tail"
    share: float = 0.06

    def columns(self, values: Floats, headline: Floats) -> Floats:
        """Return the exponential of the headline score's normal scores, and these."""
        scores = normal_scores((values @ self.weights(headline))[:, None])
        return np.concatenate([np.exp(scores - 0.5), scores], axis=1)

    def statistic(self, differences: Floats) -> Floats:
        """Return the lesser of the two."""
        return np.asarray(np.minimum(differences[0], self.guard * differences[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Strongest(Adaptive):
    """Weight 1 for the feature that moved most in the member direction, 0 for the rest."""

    name: str = "strongest"
    share: float = 0.06

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return ones for the largest positive differences."""
        return np.where((differences >= differences.max(axis=0)) & (differences > 0), 1.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NonNegativeRidge(Adaptive):
    """``argmax_{w ≥ 0} w't − ½ w'R w`` with ``R = (1−λ) correlation + λ I``: uses few features among correlated ones.

    Found by ``steps`` accelerated projected-gradient steps from ``max(0, t)``, for all
    labellings at once.
    """

    shrinkage: float = 0.3
    steps: int = 20
    name: str = "ridge"
    share: float = 0.12

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
class FreeMarginal(Adaptive):
    """``w_j = t_j``, any sign. Undirected."""

    name: str = "free marginal"
    share: float = 0.5

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return the differences themselves."""
        return differences


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeRidge(Adaptive):
    """``w = R⁻¹ t`` with ``R = (1−λ) correlation + λ I``, any sign. Undirected."""

    shrinkage: float = 0.3
    name: str = "free ridge"
    share: float = 0.5

    def weights(self, differences: Floats, correlation: Floats) -> Floats:
        """Return the decorrelated differences."""
        return np.asarray(np.linalg.solve(_shrunk(correlation, self.shrinkage), differences), dtype=np.float64)


# With a headline declared, most of the level is its own, so that features beside it cannot drown it.
DIRECTED: tuple[Scorer, ...] = (Headline(), Equal(), Tail(), Strongest(), NonNegativeRidge())
# Where none was, the level is spread over what adapts.
UNDECLARED: tuple[Scorer, ...] = (
    Headline(name="mean", share=0.3),
    Tail(share=0.1),
    Strongest(share=0.25),
    NonNegativeRidge(share=0.35),
)
UNDIRECTED: tuple[Scorer, ...] = (FreeMarginal(), FreeRidge())


def fixed_columns(values: Floats, headline: Floats, scorers: tuple[Scorer, ...]) -> tuple[Floats, tuple[int, ...]]:
    """Return what the fixed scorers compare, and how many columns are each scorer's (0 for an adaptive one).

    The columns ``[tracks, any]`` come in order of scorers, each of mean 0 and sd 1 (0 where constant).
    """
    parts = [
        scorer.columns(values, headline) if isinstance(scorer, Fixed) else np.empty((len(values), 0))
        for scorer in scorers
    ]
    together = np.concatenate([np.empty((len(values), 0)), *parts], axis=1)
    return standardised(together), tuple(part.shape[1] for part in parts)


def statistics(
    differences: Floats, correlation: Floats, scorers: tuple[Scorer, ...], counts: tuple[int, ...]
) -> Floats:
    """Return ``[scorers, labellings]`` from the differences of features, then of what the fixed scorers compare.

    Parameters
    ----------
    differences
        ``[features + fixed columns, labellings]``.
    correlation
        ``[features, features]``.
    counts
        Columns of each scorer, from `fixed_columns`.
    """
    features = differences[: len(correlation)]
    values = np.empty((len(scorers), differences.shape[1]))
    start = len(correlation)
    for index, (scorer, count) in enumerate(zip(scorers, counts, strict=True)):
        if isinstance(scorer, Adaptive):
            weights = unit_score(scorer.weights(features, correlation), correlation)
            values[index] = (weights * features).sum(axis=0)
        else:
            values[index] = scorer.statistic(differences[start : start + count])
            start += count
    return values


def unit_score(weights: Floats, correlation: Floats) -> Floats:
    """Divide weights by the label-free standard deviation of their score; all-zero weights stay zero."""
    variance = np.maximum((weights * (correlation @ weights)).sum(axis=0), 0.0)
    # Rounding can leave a variance of order 1e-16 for weights that cancel; such a score says nothing.
    usable = variance > 1e-12 * np.maximum((weights**2).sum(axis=0), 1e-300)
    result: Floats = weights * np.where(usable, 1 / np.sqrt(np.where(usable, variance, 1.0)), 0.0)
    return result


def _shrunk(correlation: Floats, shrinkage: float) -> Floats:
    return (1 - shrinkage) * correlation + shrinkage * np.eye(len(correlation))

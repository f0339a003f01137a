"""A/A control: the same test where nothing can be found, over and over.

Goal: measure a test's own error rate on the data at hand, by splitting the held-out groups
at random into pseudo-suspects and pseudo-held-out. Conventions: groups stay whole; a run
rejects where ``p ≤ α``; the rate comes with exact limits. For a permutation test over
groups the rate is α by construction, so here the control guards against defects and
against settings that cannot reach α; for a procedure with assumptions it measures them.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.sides import Sides, codes
from earwitness.types import Floats

# (values [tracks, features], sides, seed) → p-value.
PValue = Callable[[Floats, Sides, int], float]


_IMPOSSIBLE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionRate:
    """The share of ``runs`` without anything to find that gave p ≤ ``alpha``, with its 95 % Clopper–Pearson limits."""

    runs: int
    alpha: float
    rejection_rate: float
    low: float
    high: float

    @property
    def rejections(self) -> int:
        """How many runs rejected."""
        return round(self.rejection_rate * self.runs)

    @property
    def chance(self) -> float:
        """How often an honest test would reject so many times or more: ``P(Bin(runs, α) ≥ rejections)``."""
        return float(binom.sf(self.rejections - 1, self.runs, self.alpha))

    @property
    def impossible(self) -> bool:
        """Whether no honest test gives such a count: its chance is below one in ten thousand."""
        return self.chance < _IMPOSSIBLE


def rejection_rate(p_values: Sequence[float], alpha: float) -> RejectionRate:
    """Return the rate of p ≤ α among p-values of runs without anything to find."""
    rejections = sum(p <= alpha for p in p_values)
    low, high = clopper_pearson(rejections, len(p_values))
    share = rejections / len(p_values)
    return RejectionRate(runs=len(p_values), alpha=alpha, rejection_rate=share, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class AAControl(RejectionRate):
    """A test's own error rate, held-out against held-out, with its p-values for the uniformity plot.

    The runs are random labellings of one set, so the count of an exact test is binomial with chance α or less.
    """

    p_values: tuple[float, ...] = field(default=())


def pseudo_suspect_groups(n_suspect_groups: int, n_held_out_groups: int) -> int:
    """Return how many held-out groups play suspect: the audit's own ratio, at least 2 on each side if possible."""
    share = n_suspect_groups / (n_suspect_groups + n_held_out_groups)
    return int(np.clip(round(n_held_out_groups * share), 2, max(n_held_out_groups - 2, 2)))


def aa_control(
    values: Floats,
    groups: ArrayLike,
    *,
    suspect_groups: int,
    alpha: float,
    p_value: PValue,
    strata: ArrayLike | None = None,
    runs: int = 200,
    seed: int = 0,
) -> AAControl:
    """Run a test on random splits of one set and count rejections.

    Parameters
    ----------
    values, groups
        The held-out tracks: ``[tracks, features]`` and ``[tracks]`` labels.
    suspect_groups
        Groups drawn as pseudo-suspects in each run; see `pseudo_suspect_groups`.
    alpha
        Level at which a run counts as a rejection.
    p_value
        The test under control.
    strata
        ``[tracks]`` labels within which the test relabels; the splits are drawn without them.
    runs
        Number of splits.
    seed
        Of the splits and of each run's own draws.

    Returns
    -------
    AAControl

    Raises
    ------
    ValueError
        If the groups cannot be split that way, or no run is asked for.
    """
    of_group = codes(groups)
    n_groups = int(of_group.max()) + 1
    if not 0 < suspect_groups < n_groups or runs < 1:
        raise ValueError(f"{runs} runs with {suspect_groups} pseudo-suspects of {n_groups} groups is impossible")
    rng = np.random.default_rng(seed)
    p_values: list[float] = []
    while len(p_values) < runs:
        chosen = rng.permutation(n_groups) < suspect_groups
        p_values.append(p_value(values, Sides(chosen[of_group], of_group, strata=strata), int(rng.integers(2**63))))
    return AAControl(**asdict(rejection_rate(p_values, alpha)), p_values=tuple(p_values))


def pair_control(
    values: Floats,
    sides: Sides,
    *,
    alpha: float,
    p_value: PValue,
    runs: int = 200,
    seed: int = 0,
) -> AAControl:
    """Exchange the halves of pairs at random, whole units, and count rejections of the paired test.

    Parameters
    ----------
    values, sides
        All tracks of the audit, as in `earwitness.stats.exact.exact_test`.
    alpha, runs, seed
        As in `aa_control`.
    p_value
        The paired test, of the same tracks with other labels.
    """
    unit = sides.units
    rng = np.random.default_rng(seed)
    p_values: list[float] = []
    while len(p_values) < runs:
        turned = rng.integers(0, 2, int(unit.max()) + 1).astype(np.bool_)[unit]
        p_values.append(p_value(values, sides.relabelled(sides.is_suspect ^ turned), int(rng.integers(2**63))))
    return AAControl(**asdict(rejection_rate(p_values, alpha)), p_values=tuple(p_values))

"""What an audit can see: tracks needed, chance of detection, smallest visible effect.

Goal: "no evidence" must mean something, and nobody should collect too few tracks. The
effect is stated as the AUC of one track's score, suspects that *were used* against
held-out tracks; with normal scores of equal spread ``d = √2·Φ⁻¹(AUC)`` standard
deviations. All figures are for a one-sided comparison of two means. Tracks of a group
share an intraclass correlation ``ρ``; a mean of groups of ``m`` tracks is worth
``1 + (m − 1)ρ`` times fewer of them (Kish's design effect). Where group sizes differ,
``m = Σ m_g² / Σ m_g`` is the size to give.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, comb

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from earwitness.errors import EarwitnessError
from earwitness.stats.binomial import clopper_pearson
from earwitness.types import Bools, Floats, Ints

DEFAULT_WINDOWS = 6
"""Windows of a track that an audit reads unless told otherwise."""
WINDOW_CORRELATION = 0.35
"""Intraclass correlation of the windows of a track, where nothing better is known (docs/design/default-question.md)."""

SetTest = Callable[[Floats, Bools, Ints], float]
"""A test of two sets: ``(values [n, d], is_suspect [n], groups [n]) → p``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPower:
    """The share of runs in which a test fired, with its exact 95 % limits."""

    rate: float
    low: float
    high: float
    runs: int


def tracks_needed(
    auc: float, *, alpha: float = 0.01, power: float = 0.8, fraction: float = 1.0, group_size: float = 1, icc: float = 0
) -> int:
    """Return the number of tracks *per side* at which an effect is found with the wanted power.

    ``n = 2(z_{1−α} + z_{power})² / (fraction·d)² · (1 + (m−1)ρ)``, rounded up, and never
    fewer than the groups without which a permutation test cannot reach α.

    Parameters
    ----------
    auc
        AUC of a used track's score against held-out tracks, in (.5, 1].
    alpha, power
        Level of the one-sided test and wanted chance of detection, in (0, 1).
    fraction
        Share of the suspect set that was used, in (0, 1]; the mean shift shrinks with it.
    group_size, icc
        Tracks per group ``m ≥ 1`` and their intraclass correlation ``ρ`` in [0, 1].

    Returns
    -------
    int
        Tracks per side.

    Raises
    ------
    EarwitnessError
        If a setting is out of range, or the AUC is not above .5.

    Examples
    --------
    >>> tracks_needed(0.60), tracks_needed(0.60, fraction=0.5)
    (157, 626)
    """
    _check(alpha=alpha, power=power, group_size=group_size, icc=icc, fraction=fraction)
    if not 0.5 < auc <= 1:
        raise EarwitnessError(f"An AUC of {auc:g} is no effect to plan for; give one above 0.5 and at most 1.")
    shift = fraction * _shift(auc)
    needed = 2 * _quantiles(alpha, power) ** 2 / shift**2 * _design_effect(group_size, icc)
    return max(ceil(needed), ceil(groups_needed_for_floor(alpha) * group_size))


def power_at(
    auc: float,
    n_suspect: int,
    n_held_out: int,
    *,
    alpha: float = 0.01,
    fraction: float = 1.0,
    group_size: float = 1,
    icc: float = 0,
) -> float:
    """Return the chance that a one-sided comparison at level α finds this effect with these tracks.

    ``Φ(fraction·d / √((1/n_S + 1/n_H)(1 + (m−1)ρ)) − z_{1−α})``: α at AUC .5, less below it.
    Parameters as in `tracks_needed`; numbers are tracks.

    Raises
    ------
    EarwitnessError
        If a setting is out of range.

    Examples
    --------
    >>> round(power_at(0.60, 157, 157), 3)
    0.802
    """
    _check(alpha=alpha, group_size=group_size, icc=icc, fraction=fraction)
    if not 0 <= auc <= 1:
        raise EarwitnessError(f"An AUC lies between 0 and 1, not at {auc:g}.")
    spread = _standard_error(n_suspect, n_held_out, group_size, icc)
    return float(norm.sf(norm.isf(alpha) - fraction * _shift(auc) / spread))


def minimum_detectable_auc(
    n_suspect: int,
    n_held_out: int,
    *,
    alpha: float = 0.01,
    power: float = 0.8,
    fraction: float = 1.0,
    group_size: float = 1,
    icc: float = 0,
) -> float:
    """Return the smallest AUC that a test of these sets finds with the stated power.

    ``Φ(δ/√2)``, ``δ = (z_{1−α} + z_{power}) √((1/n_S + 1/n_H)(1 + (m−1)ρ)) / fraction``;
    the inverse of `power_at`.

    Raises
    ------
    EarwitnessError
        If a setting is out of range.

    Examples
    --------
    >>> round(minimum_detectable_auc(157, 157), 3)
    0.6
    """
    _check(alpha=alpha, power=power, group_size=group_size, icc=icc, fraction=fraction)
    shift = _quantiles(alpha, power) * _standard_error(n_suspect, n_held_out, group_size, icc) / fraction
    return float(norm.cdf(shift / np.sqrt(2)))


def power_from_smallest(auc: ArrayLike, smallest: float, *, alpha: float = 0.01, power: float = 0.8) -> Floats:
    """Return the chance that effects of these AUCs are found where ``smallest`` is found with the stated power.

    ``Φ(d/d₀ · (z_{1−α} + z_{power}) − z_{1−α})`` with ``d = √2 Φ⁻¹(AUC)``: the curve of `power_at` through one known
    point, whatever design gave it.

    Parameters
    ----------
    auc
        AUCs of a track's score, any shape, in [0, 1).
    smallest
        The AUC found with ``power``, in (.5, 1).

    Examples
    --------
    >>> power_from_smallest([0.5, 0.6], 0.6, alpha=0.01).round(2).tolist()
    [0.01, 0.8]
    """
    _check(alpha=alpha, power=power)
    share = norm.ppf(np.asarray(auc, dtype=np.float64)) / norm.ppf(smallest)
    return np.asarray(norm.cdf(share * _quantiles(alpha, power) - norm.isf(alpha)), dtype=np.float64)


def auc_with_windows(
    auc: float, windows: float, *, measured_with: float = DEFAULT_WINDOWS, correlation: float = WINDOW_CORRELATION
) -> float:
    """Return what the AUC of a track becomes where its score is the mean of more, or fewer, windows.

    The effect is the same in every window and the noise has a part that a track's windows share, so
    ``d(w) = d(w₀)·√((ρ + (1−ρ)/w₀) / (ρ + (1−ρ)/w))``. With all windows it cannot exceed ``d(1)/√ρ``.

    Parameters
    ----------
    auc
        AUC of a track's score from ``measured_with`` windows, in [0, 1].
    windows, measured_with
        Windows per track, at least 1.
    correlation
        Intraclass correlation ``ρ`` of the windows of a track that was not trained on, in [0, 1].

    Raises
    ------
    EarwitnessError
        If a setting is out of range.

    Examples
    --------
    >>> round(auc_with_windows(0.60, 24, correlation=0.3), 3)
    0.612
    """
    _check(icc=correlation)
    if not 0 <= auc <= 1:
        raise EarwitnessError(f"An AUC lies between 0 and 1, not at {auc:g}.")
    if min(windows, measured_with) < 1:
        raise EarwitnessError(f"{min(windows, measured_with):g} windows say nothing; give at least 1.")
    before, after = (correlation + (1 - correlation) / count for count in (measured_with, windows))
    return float(norm.cdf(_shift(auc) * np.sqrt(before / after) / np.sqrt(2)))


def groups_needed_for_floor(alpha: float) -> int:
    """Return the fewest groups ``g`` per side with ``1/C(2g, g) ≤ α``: with fewer no permutation test can reach α.

    Examples
    --------
    >>> groups_needed_for_floor(0.05), groups_needed_for_floor(0.01)
    (3, 5)
    """
    _check(alpha=alpha)
    groups = 1
    while comb(2 * groups, groups) < 1 / alpha:
        groups += 1
    return groups


def simulate_power(
    values: ArrayLike,
    groups: ArrayLike,
    *,
    shift_auc: float,
    n_groups: int,
    alpha: float,
    runs: int,
    test: SetTest,
    fraction: float = 1.0,
    seed: int = 0,
) -> SimulatedPower:
    """Plant an effect into real held-out rows and count how often a test finds it.

    Each run draws ``2·n_groups`` groups without replacement, calls half of them suspect and
    raises a random ``fraction`` of their tracks by ``d`` standard deviations in *every*
    column, so that each column alone has the AUC ``shift_auc``. The noise, its correlations
    and the groups are the data's own; ``shift_auc = .5`` measures the level.

    Parameters
    ----------
    values
        ``[n, d]`` held-out features, higher = more member-like; NaN stays NaN.
    groups
        ``[n]`` group labels, the unit of independence.
    shift_auc
        AUC of a raised track in one column, in [.5, 1).
    n_groups
        Groups per side.
    alpha
        The test fires at p ≤ α; a p of NaN does not fire.
    runs
        Number of simulated audits.
    test
        ``(values, is_suspect, groups) → p``.
    fraction
        Share of the suspect tracks that is raised, in (0, 1].
    seed
        Fixes the draws.

    Raises
    ------
    EarwitnessError
        If a setting is out of range or there are fewer than ``2·n_groups`` groups.
    """
    _check(alpha=alpha, fraction=fraction)
    if not 0.5 <= shift_auc < 1:
        raise EarwitnessError(f"The planted AUC is {shift_auc:g}; it must be at least 0.5 and below 1.")
    if n_groups < 1 or runs < 1:
        raise EarwitnessError(f"{n_groups} groups and {runs} runs cannot be simulated; both must be at least 1.")
    table = np.asarray(values, dtype=np.float64)
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(labels) < 2 * n_groups:
        raise EarwitnessError(
            f"The held-out table has {len(labels)} groups; {n_groups} per side need {2 * n_groups}. Plan with fewer."
        )
    step = _shift(shift_auc) * np.nanstd(table, axis=0)
    rng = np.random.default_rng(seed)
    fired = 0
    for _ in range(runs):
        order = rng.permutation(len(labels))
        suspect = np.isin(codes, order[:n_groups])
        rows = np.flatnonzero(suspect | np.isin(codes, order[n_groups : 2 * n_groups]))
        raised = np.zeros(len(codes), dtype=np.bool_)
        used = np.flatnonzero(suspect)
        raised[rng.permutation(used)[: round(fraction * len(used))]] = True
        planted = table[rows] + raised[rows, None] * step
        fired += test(planted, suspect[rows], codes[rows]) <= alpha
    low, high = clopper_pearson(fired, runs)
    return SimulatedPower(rate=fired / runs, low=low, high=high, runs=runs)


def _shift(auc: float) -> float:
    return float(np.sqrt(2) * norm.ppf(auc))


def _quantiles(alpha: float, power: float) -> float:
    return float(norm.isf(alpha) + norm.ppf(power))


def _design_effect(group_size: float, icc: float) -> float:
    return 1 + (group_size - 1) * icc


def _standard_error(n_suspect: int, n_held_out: int, group_size: float, icc: float) -> float:
    if min(n_suspect, n_held_out) < 1:
        raise EarwitnessError(f"{n_suspect} and {n_held_out} tracks cannot be compared; each side needs at least one.")
    return float(np.sqrt((1 / n_suspect + 1 / n_held_out) * _design_effect(group_size, icc)))


def _check(
    *, alpha: float = 0.01, power: float = 0.8, fraction: float = 1.0, group_size: float = 1, icc: float = 0
) -> None:
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise EarwitnessError(f"{name} is {value:g}; it must lie between 0 and 1, for instance 0.01 or 0.8.")
    if not 0 < fraction <= 1:
        raise EarwitnessError(f"fraction is {fraction:g}; it must be above 0 and at most 1.")
    if not group_size >= 1:
        raise EarwitnessError(f"group_size is {group_size:g}; a group has at least one track.")
    if not 0 <= icc <= 1:
        raise EarwitnessError(f"icc is {icc:g}; an intraclass correlation lies between 0 and 1.")

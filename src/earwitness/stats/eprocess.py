"""Evidence that may be looked at, and added to, at any time: a betting e-process.

Goal: an auditor may stop when the evidence is enough, or go and collect more tracks, and
neither spoils the error rate. Conventions: values are oriented, higher = more member-like;
the unit is the group; suspect and held-out groups are paired off and each pair is one bet.

Under H0 the two sides of a pair can be swapped, whatever came before. A bet ``b_t`` in
[−1, 1] that changes sign with the swap then has mean 0, so the wealth of any stakes
``λ ≥ 0`` fixed beforehand is a martingale and passes 1/α with probability at most α
(Ville). Groups of different size cannot be swapped: the mean of ten tracks is not
distributed like one track. So both sides of a pair are the mean of equally many tracks, as
many as the smaller group has, drawn from the larger by hash; within a call large groups are
paired with large ones, which wastes the fewest. The bet is a graded sign: how large the
pair's difference is among the pairs so far. It uses ranks of the past only, so no scale is
chosen with later data in view.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import heappush, heappushpop
from math import fsum, isnan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earwitness.errors import EarwitnessError
from earwitness.types import Floats

Row = tuple[float, ...]
Waiting = tuple[str, tuple[Row, ...]]
"""A group's name, and its tracks in the order in which they are drawn."""
STAKES = np.linspace(0.0, 0.9, 10)
"""Fixed stakes, one account each; the wealth is their mean, so none has to be chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One bet: a suspect group, a held-out group, their difference per feature and the bet made of it."""

    suspect: str
    held_out: str
    differences: Row
    bet: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EProcess:
    """The bets so far and the wealth after each.

    Attributes
    ----------
    pairs
        In the order of betting.
    wealth
        ``W_t`` after each pair, starting from 1 (which is not listed).
    waiting_suspect, waiting_held_out
        Scored groups that have no partner yet (only one of the two is ever non-empty);
        the next groups added are paired with them.
    unscored
        Groups without any value, which were left out.
    seed
        Fixes the order of pairs.
    """

    pairs: tuple[Pair, ...] = ()
    wealth: tuple[float, ...] = ()
    waiting_suspect: tuple[Waiting, ...] = ()
    waiting_held_out: tuple[Waiting, ...] = ()
    unscored: tuple[str, ...] = field(default=())
    seed: int = 0

    @property
    def e_value(self) -> float:
        """The wealth now: an e-value for stopping here. 1 before the first pair."""
        return self.wealth[-1] if self.wealth else 1.0

    @property
    def p_any(self) -> float:
        """``min(1, 1 / max_t W_t)``: a p-value that holds at every stopping time."""
        return min(1.0, 1 / max(self.wealth, default=1.0))

    def rejects(self, alpha: float) -> bool:
        """Whether the wealth has ever reached 1/α; the chance of that under H0 is at most α."""
        return max(self.wealth, default=1.0) >= 1 / alpha

    def continue_with(
        self, values: ArrayLike, groups: ArrayLike, is_suspect: ArrayLike, tracks: ArrayLike | None = None
    ) -> "EProcess":
        """Return the process after more groups; everything up to now stays as it is.

        Whether, and how many, groups are added may depend on the wealth so far. New groups
        are ordered by a hash of seed and name, behind those that wait.

        Parameters
        ----------
        values
            ``[n]`` or ``[n, d]`` oriented scores of the new tracks, NaN where undefined.
        groups
            ``[n]`` group names, best a content id; none of them may be known already.
        is_suspect
            ``[n]`` booleans; a group is on one side.
        tracks
            ``[n]`` names by which the tracks of a large group are drawn; their row numbers by default.

        Raises
        ------
        EarwitnessError
            If a group was counted before, spans both sides, or the number of features changed.
        """
        x = np.asarray(values, dtype=np.float64)
        x = x[:, None] if x.ndim == 1 else x
        names, suspect = np.asarray(groups).astype(str), np.asarray(is_suspect, dtype=np.bool_)
        drawn_by = (np.arange(len(x)) if tracks is None else np.asarray(tracks)).astype(str).tolist()
        if not len(x) == len(names) == len(suspect) == len(drawn_by):
            raise ValueError("values, groups, is_suspect and tracks must be of one length")
        self._check_new(names, suspect, x.shape[1])
        known = ~np.isnan(x).all(axis=1)
        order = np.array(sorted(np.flatnonzero(known).tolist(), key=lambda i: self._rank(drawn_by[i])), dtype=np.intp)
        rows: dict[str, list[Row]] = {name: [] for name in np.unique(names).tolist()}
        for name, row in zip(names[order].tolist(), x[order].tolist(), strict=True):
            rows[name].append(tuple(row))
        scored = sorted((name for name, own in rows.items() if own), key=self._rank)
        on_suspect_side = set(names[suspect].tolist())
        queue_s = [*self.waiting_suspect, *((n, tuple(rows[n])) for n in scored if n in on_suspect_side)]
        queue_h = [*self.waiting_held_out, *((n, tuple(rows[n])) for n in scored if n not in on_suspect_side)]
        matched, left_s, left_h = _matched(queue_s, queue_h)
        past = _Past()
        for pair in self.pairs:
            past.bet(pair.differences)
        pairs = list(self.pairs)
        for (suspect_name, own), (held_out_name, other) in matched:
            row = _difference(own, other)
            pairs.append(Pair(suspect=suspect_name, held_out=held_out_name, differences=row, bet=past.bet(row)))
        return EProcess(
            pairs=tuple(pairs),
            wealth=_wealth(np.array([pair.bet for pair in pairs])),
            waiting_suspect=left_s,
            waiting_held_out=left_h,
            unscored=(*self.unscored, *(name for name, own in rows.items() if not own)),
            seed=self.seed,
        )

    def _rank(self, name: str) -> bytes:
        return sha256(f"{self.seed}\0{name}".encode()).digest()

    def _check_new(self, names: NDArray[np.str_], suspect: NDArray[np.bool_], width: int) -> None:
        waiting = [*self.waiting_suspect, *self.waiting_held_out]
        known = {n for p in self.pairs for n in (p.suspect, p.held_out)} | {n for n, _ in waiting} | set(self.unscored)
        if again := sorted(known & set(names.tolist())):
            raise EarwitnessError(
                f"Group {again[0]!r} was counted before; its bet is made. Add new groups, or start a new process."
            )
        if both := sorted(set(names[suspect].tolist()) & set(names[~suspect].tolist())):
            raise EarwitnessError(
                f"Group {both[0]!r} has suspect and held-out tracks; name the two parts apart or leave it out."
            )
        seen = [len(p.differences) for p in self.pairs[:1]] + [len(own[0]) for _, own in waiting[:1]]
        if seen and seen[0] != width:
            raise EarwitnessError(f"The process began with {seen[0]} features; {width} are given. Use the same ones.")


def e_process(
    values: ArrayLike, groups: ArrayLike, is_suspect: ArrayLike, tracks: ArrayLike | None = None, *, seed: int = 0
) -> EProcess:
    """Return the betting e-process of one set against another.

    Per pair ``t`` and feature ``j`` the means of equally many tracks differ by ``x_tj``; ``D_t = mean_j x_tj / s_tj``
    with ``s_tj`` the median ``|x_ij|`` over ``i ≤ t``; ``b_t = sign(D_t) · rank(|D_t| among |D_1..t|) / t``;
    ``W_t = mean_λ Π_{i≤t} (1 + λ b_i)`` over `STAKES`. ``s_tj`` and the rank do not change
    when the pair is swapped, the sign does.

    Parameters
    ----------
    values
        ``[n]`` or ``[n, d]`` scores, higher = more member-like. They must be functions of
        the track fixed beforehand: no weights or scales learned from these sets.
        NaN is left out of means; a pair without a common feature bets 0.
    groups
        ``[n]`` group names, best a content id.
    is_suspect
        ``[n]`` booleans; a group is on one side.
    tracks
        ``[n]`` names by which tracks are drawn from the larger group of a pair; row numbers by default.
    seed
        Fixes the order of pairs, and which tracks are drawn.

    Returns
    -------
    EProcess
        Higher wealth = more evidence that suspects are more member-like.

    Raises
    ------
    EarwitnessError
        If a group has tracks on both sides.

    Notes
    -----
    Podkopaev & Ramdas, arXiv 2305.00143; Vovk & Wang, arXiv 1212.4966.
    """
    return EProcess(seed=seed).continue_with(values, groups, is_suspect, tracks)


def _matched(
    suspects: list[Waiting], held_out: list[Waiting]
) -> tuple[list[tuple[Waiting, Waiting]], tuple[Waiting, ...], tuple[Waiting, ...]]:
    """Pair largest with largest, bet in the order of the suspects' queue; return the pairs and what is left over."""
    count = min(len(suspects), len(held_out))
    by_size_s, by_size_h = _largest_first(suspects), _largest_first(held_out)
    partner = dict(zip(by_size_s[:count], by_size_h[:count], strict=True))
    return (
        [(suspects[i], held_out[partner[i]]) for i in sorted(partner)],
        tuple(suspects[i] for i in sorted(by_size_s[count:])),
        tuple(held_out[i] for i in sorted(by_size_h[count:])),
    )


def _largest_first(queue: list[Waiting]) -> list[int]:
    return sorted(range(len(queue)), key=lambda i: -len(queue[i][1]))


def _difference(suspect: tuple[Row, ...], held_out: tuple[Row, ...]) -> Row:
    """Return the difference of two means of equally many tracks per feature, NaN where a side has no value."""
    count = min(len(suspect), len(held_out))
    means = []
    for side in (suspect, held_out):
        drawn = np.array(side[:count])
        present = (~np.isnan(drawn)).sum(axis=0)
        means.append(np.nansum(drawn, axis=0) / np.where(present > 0, present, np.nan))
    return tuple((means[0] - means[1]).tolist())


class _Middle:
    """The median of numbers that come one by one: a heap of the smaller half, turned around, and one of the larger."""

    __slots__ = ("larger", "smaller")

    def __init__(self) -> None:
        self.smaller: list[float] = []
        self.larger: list[float] = []

    def after(self, size: float) -> float:
        """Take in one more number and return the median."""
        smaller, larger = self.smaller, self.larger
        if len(smaller) == len(larger):
            heappush(smaller, -heappushpop(larger, size))
            return -smaller[0]
        heappush(larger, -heappushpop(smaller, -size))
        return (larger[0] - smaller[0]) / 2


class _Past:
    """The sizes of all differences so far: what the next bet is ranked among."""

    def __init__(self) -> None:
        self.sizes: defaultdict[int, _Middle] = defaultdict(_Middle)
        self.combined: list[float] = []

    def bet(self, row: Row) -> float:
        """Add a pair and return its bet, the graded sign of its difference; odd in the pair's swap."""
        scaled = []
        for feature, difference in enumerate(row):
            if isnan(difference):
                continue
            middle = self.sizes[feature].after(abs(difference))
            scaled.append(difference / middle if middle > 0 else difference)
        if not scaled:
            return 0.0
        combined = fsum(scaled) / len(scaled)
        insort(self.combined, abs(combined))
        below, up_to = bisect_left(self.combined, abs(combined)), bisect_right(self.combined, abs(combined))
        rank = below + (up_to - below + 1) / 2
        return float(np.sign(combined)) * rank / len(self.combined)


def _wealth(bets: Floats) -> tuple[float, ...]:
    logs = np.cumsum(np.log1p(STAKES[:, None] * bets), axis=1)
    return tuple(np.exp(logs).mean(axis=0).tolist())

"""Evidence that may be looked at, and added to, at any time: a betting e-process.

Goal: an auditor may stop when the evidence is enough, or go and collect more tracks, and
neither spoils the error rate. Conventions: values are oriented, higher = more member-like;
the unit is the group; suspect and held-out groups are paired off and each pair is one bet.

Under H0 the two groups of a pair can be swapped, whatever came before. A bet ``b_t`` in
[−1, 1] that changes sign with the swap then has mean 0, so the wealth of any stakes
``λ ≥ 0`` fixed beforehand is a martingale and passes 1/α with probability at most α
(Ville). The bet is a graded sign: how large the pair's difference is among the pairs so
far. It uses ranks of the past only, so no scale is chosen with later data in view.
"""

from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earwitness.errors import EarwitnessError

Floats = NDArray[np.float64]
Row = tuple[float, ...]
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
    waiting_suspect: tuple[tuple[str, Row], ...] = ()
    waiting_held_out: tuple[tuple[str, Row], ...] = ()
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

    def continue_with(self, values: ArrayLike, groups: ArrayLike, is_suspect: ArrayLike) -> "EProcess":
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

        Raises
        ------
        EarwitnessError
            If a group was counted before, spans both sides, or the number of features changed.
        """
        x = np.asarray(values, dtype=np.float64)
        x = x[:, None] if x.ndim == 1 else x
        names, suspect = np.asarray(groups).astype(str), np.asarray(is_suspect, dtype=np.bool_)
        if not len(x) == len(names) == len(suspect):
            raise ValueError(f"one group and one label a row: {len(x)}, {len(names)} and {len(suspect)} given")
        self._check_new(names, suspect, x.shape[1])
        rows = {name: _group_row(x[names == name]) for name in np.unique(names).tolist()}
        scored = sorted((n for n, row in rows.items() if not np.isnan(row).all()), key=self._rank)
        on_suspect_side = set(names[suspect].tolist())
        queue_s = [*self.waiting_suspect, *((n, rows[n]) for n in scored if n in on_suspect_side)]
        queue_h = [*self.waiting_held_out, *((n, rows[n]) for n in scored if n not in on_suspect_side)]
        count = min(len(queue_s), len(queue_h))
        named = [(s, h, tuple(np.subtract(a, b).tolist())) for (s, a), (h, b) in zip(queue_s, queue_h, strict=False)]
        differences = [pair.differences for pair in self.pairs]
        pairs = list(self.pairs)
        for s, h, difference in named:
            differences.append(difference)
            pairs.append(Pair(suspect=s, held_out=h, differences=difference, bet=_bet(np.array(differences))))
        return EProcess(
            pairs=tuple(pairs),
            wealth=_wealth(np.array([pair.bet for pair in pairs])),
            waiting_suspect=tuple(queue_s[count:]),
            waiting_held_out=tuple(queue_h[count:]),
            unscored=(*self.unscored, *(n for n in rows if n not in set(scored))),
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
        seen = [len(p.differences) for p in self.pairs[:1]] + [len(row) for _, row in waiting[:1]]
        if seen and seen[0] != width:
            raise EarwitnessError(f"The process began with {seen[0]} features; {width} are given. Use the same ones.")


def e_process(values: ArrayLike, groups: ArrayLike, is_suspect: ArrayLike, *, seed: int = 0) -> EProcess:
    """Return the betting e-process of one set against another.

    Per pair ``t`` and feature ``j`` the group means differ by ``x_tj``; ``D_i = mean_j x_ij / s_j``
    with ``s_j`` the median ``|x_ij|`` over ``i ≤ t``; ``b_t = sign(D_t) · rank(|D_t| among |D_1..t|) / t``;
    ``W_t = mean_λ Π_{i≤t} (1 + λ b_i)`` over `STAKES`. ``s_j`` and the rank do not change
    when the pair is swapped, the sign does.

    Parameters
    ----------
    values
        ``[n]`` or ``[n, d]`` scores, higher = more member-like. They must be functions of
        the track fixed beforehand: no weights or scales learned from these sets.
        NaN is left out of group means; a pair without a common feature bets 0.
    groups
        ``[n]`` group names, best a content id.
    is_suspect
        ``[n]`` booleans; a group is on one side.
    seed
        Fixes the order of pairs.

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
    return EProcess(seed=seed).continue_with(values, groups, is_suspect)


def _group_row(tracks: Floats) -> Row:
    """Return the mean over tracks per feature, NaN where no track has a value."""
    present = (~np.isnan(tracks)).sum(axis=0)
    means = np.nansum(tracks, axis=0) / np.where(present > 0, present, np.nan)
    return tuple(means.tolist())


def _bet(differences: Floats) -> float:
    """Return the graded sign of the last row among all rows; odd in the last row."""
    sizes = np.abs(differences)
    known = ~np.isnan(sizes[-1])
    if not known.any():
        return 0.0
    # Only features of the last pair count, so every earlier pair is measured in them too.
    scale = np.nanmedian(sizes[:, known], axis=0)
    scaled = differences[:, known] / np.where(scale > 0, scale, 1)
    present = (~np.isnan(scaled)).sum(axis=1)
    combined = np.nansum(scaled, axis=1)[present > 0] / present[present > 0]
    size = np.abs(combined)
    rank = (size < size[-1]).sum() + ((size == size[-1]).sum() + 1) / 2
    return float(np.sign(combined[-1]) * rank / len(size))


def _wealth(bets: Floats) -> tuple[float, ...]:
    logs = np.cumsum(np.log1p(STAKES[:, None] * bets), axis=1)
    return tuple(np.exp(logs).mean(axis=0).tolist())

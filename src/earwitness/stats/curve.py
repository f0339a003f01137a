"""The papers' curve, p against the number of tracks, and the level that really stands behind it.

Goal: reproduce "minimum number of samples" as published, and never print such a p without
the measured share of false alarms of the same procedure on sets of the same shape.
Conventions: values are oriented, higher = more member-like; sizes are tracks per side. A
mean p is a description of many overlapping draws, not itself a p-value. For an oracle
score of separation ``d = √2·Φ⁻¹(AUC)`` the mean two-sided p is .01 at ``n ≈ 26.5/d²``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from earwitness.errors import EarwitnessError
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.published import Method, published_p
from earwitness.types import Bools, Floats

TrackTest = Callable[[Floats, Bools], float]
"""A test of two sets of tracks: ``(values [n, d], is_suspect [n]) → p``."""
_HEAVY_FREEDOM = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """What the draws of one size gave.

    ``mean_p``; ``low`` and ``high``, the 5 % and 95 % quantiles of p over the draws;
    ``share_rejected``, the share with p ≤ α; ``share_evidence``, the share whose verdict is evidence of use, where
    the procedure gives one; ``n`` tracks per side.
    """

    n: int
    mean_p: float
    low: float
    high: float
    share_rejected: float
    share_evidence: float | None = None


def p_against_samples(
    values: ArrayLike,
    is_suspect: ArrayLike,
    method: Method,
    sizes: Iterable[int],
    *,
    draws: int = 1000,
    alpha: float = 0.01,
    corrected: bool = False,
    seed: int = 0,
    test: TrackTest | None = None,
) -> list[CurvePoint]:
    """Return mean p at each number of tracks per side, over random draws of both sets.

    Each draw takes ``n`` suspect and ``n`` held-out tracks without replacement and runs the
    procedure on them. A size's draws depend on seed and size alone.

    Parameters
    ----------
    values, is_suspect
        ``[n, d]`` oriented features and ``[n]`` labels: what is drawn from.
    method, corrected
        The published procedure and its form.
    sizes
        Tracks per side.
    draws
        Draws a size; the papers take 1000.
    alpha
        Level for ``share_rejected``.
    seed
        Fixes draws, folds and halves.
    test
        Another procedure to run in the method's place.

    Raises
    ------
    EarwitnessError
        If a size exceeds the smaller set, or the method needs more tracks than a size has.

    Notes
    -----
    Dubiński et al., arXiv 2411.12858; Kowalczuk et al., arXiv 2502.02514. Tracks are drawn
    and tested as independent; albums make every point of the curve too low.
    """
    x, suspect = np.asarray(values, dtype=np.float64), np.asarray(is_suspect, dtype=np.bool_)
    sides = np.flatnonzero(suspect), np.flatnonzero(~suspect)
    points = []
    for n in sizes:
        if not 1 <= n <= min(map(len, sides)):
            raise EarwitnessError(
                f"{n} tracks per side cannot be drawn from {len(sides[0])} suspect and {len(sides[1])} held-out ones; "
                "ask for fewer."
            )
        rng = np.random.default_rng([seed, n])
        p = np.empty(draws)
        for draw in range(draws):
            rows = np.concatenate([rng.choice(side, n, replace=False) for side in sides])
            if test is not None:
                p[draw] = test(x[rows], suspect[rows])
            else:
                p[draw] = published_p(x[rows], suspect[rows], method, corrected=corrected, seed=draw)
        low, high = np.quantile(p, [0.05, 0.95])
        points.append(
            CurvePoint(
                n=n,
                mean_p=float(p.mean()),
                low=float(low),
                high=float(high),
                share_rejected=float((p <= alpha).mean()),
            )
        )
    return points


def minimum_samples(curve: Sequence[CurvePoint], alpha: float = 0.01) -> int | None:
    """Return the papers' "minimum number of samples": the smallest size with mean p ≤ α; ``None`` if there is none.

    Examples
    --------
    >>> points = [CurvePoint(n=n, mean_p=1 / n, low=0, high=1, share_rejected=0) for n in (50, 100, 200)]
    >>> minimum_samples(points), minimum_samples(points, alpha=0.001)
    (100, None)
    """
    return min((point.n for point in curve if point.mean_p <= alpha), default=None)


def measured_level(
    method: Method,
    *,
    n_suspect: int,
    n_held_out: int,
    features: int,
    group_size: int = 1,
    icc: float = 0.0,
    runs: int,
    alpha: float,
    seed: int = 0,
    correlation: float = 0.0,
    heavy_tails: bool = False,
    corrected: bool = False,
    shift: float = 0.0,
) -> tuple[float, float, float]:
    """Return how often a published procedure fires on simulated sets that do not differ.

    Features are standard normal (Student's t with 3 degrees of freedom where ``heavy_tails``):
    ``x = √ρ_g·(group) + √(1−ρ_g)·(track)`` with intraclass correlation ``ρ_g = icc``, both
    parts with correlation ``correlation`` between every two features.

    Parameters
    ----------
    method, corrected
        The procedure and its form.
    n_suspect, n_held_out
        Tracks in each set.
    features
        Columns.
    group_size, icc
        Tracks per group (the last of a set may be smaller), intraclass correlation in [0, 1].
    runs
        Simulated audits.
    alpha
        It fires at p ≤ α.
    seed
        Fixes everything.
    correlation
        Between features, in [0, 1].
    heavy_tails
        Student-t₃ in place of normal.
    shift
        Added to every feature of the suspect set, in standard deviations; negative is away
        from membership, where a directed test must not fire either.

    Returns
    -------
    rate, low, high
        Share of runs that fired and its 95 % Clopper–Pearson limits.

    Raises
    ------
    EarwitnessError
        If a correlation is outside [0, 1] or a count is below 1.
    """
    if not (0 <= icc <= 1 and 0 <= correlation <= 1):
        raise EarwitnessError(f"icc {icc:g} and correlation {correlation:g} must both lie between 0 and 1.")
    if min(n_suspect, n_held_out, features, group_size, runs) < 1:
        raise EarwitnessError("Tracks, features, group_size and runs must all be at least 1.")
    suspect = np.arange(n_suspect + n_held_out) < n_suspect
    groups = np.concatenate([np.arange(n_suspect) // group_size, np.arange(n_held_out) // group_size])
    groups[n_suspect:] += groups[n_suspect - 1] + 1
    fired = 0
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        noise = _noise(rng, len(suspect), features, correlation, heavy_tails)
        common = _noise(rng, int(groups[-1]) + 1, features, correlation, heavy_tails)[groups]
        x = np.sqrt(icc) * common + np.sqrt(1 - icc) * noise + shift * suspect[:, None]
        fired += published_p(x, suspect, method, corrected=corrected, seed=run) <= alpha
    low, high = clopper_pearson(fired, runs)
    return fired / runs, low, high


def _noise(rng: np.random.Generator, rows: int, features: int, correlation: float, heavy_tails: bool) -> Floats:
    """Return unit-variance noise ``[rows, features]`` with equal correlation between features."""

    def draw(columns: int) -> Floats:
        if not heavy_tails:
            return rng.standard_normal((rows, columns))
        raw: Floats = rng.standard_t(_HEAVY_FREEDOM, (rows, columns))
        return raw / float(np.sqrt(_HEAVY_FREEDOM / (_HEAVY_FREEDOM - 2)))

    own = draw(features)
    mixed: Floats = np.sqrt(correlation) * draw(1) + np.sqrt(1 - correlation) * own
    return mixed

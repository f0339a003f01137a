"""Near-copies: suspect tracks that the model plays back from their beginning.

Goal: a rule for single tracks that hardly ever names one by chance. A window counts only with what
it has beyond the best repetition of its own prompt (a positive gain). Its value is the stretch
without a differing token (seconds), or the similarity of the sound on Fisher's scale (artanh). A
suspect window is a near-copy where its value exceeds ``c`` times the largest of all held-out
windows, and a floor under which nobody would speak of a copy.

False alarms: let the best values of n suspect and m held-out groups be exchangeable, with a tail no
heavier than exponential (P(X > c x) ≤ P(X > x)^c; the class *increasing failure rate on average*
of Barlow and Proschan, 1975). Then a suspect group exceeds c times the largest of m with
probability at most Γ(c+1) Γ(m+1) / Γ(m+c+1), and c is the number for which n of these sum up to the
level. Few held-out groups need a large c; without any there is no rule. Being above every held-out
track alone would mean little: of alike tracks the very best is a suspect with probability n/(n+m).

Source: the notion is that of Carlini et al., arXiv 2012.07805; the rule is this project's own.
"""

from dataclasses import dataclass
from math import inf, isfinite, nan

import numpy as np
import polars as pl
import scipy
from scipy.special import gammaln

from earwitness.features import FeatureTable
from earwitness.signals.tokens.continuation import (
    LONGEST_MATCH,
    MATCH_GAIN,
    SIMILARITY,
    SIMILARITY_GAIN,
    TOKEN_AGREEMENT,
)
from earwitness.types import Floats

LEVEL = 0.01
SECONDS_FLOOR = 1.0
SIMILARITY_FLOOR = 0.6
"""Of 741 pairs of 6 s of different fiddle tunes, the most alike reach 0.58 and one in a hundred 0.25."""
_ALMOST_ONE = 1 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class NearCopy:
    """A track whose continuation the model knows; the figures are those of its most telling window.

    ``seconds`` (the longest stretch without a differing token) and ``token_agreement`` are ``None`` for a
    target that gives sound alone.
    """

    track_id: str
    seconds: float | None
    token_agreement: float | None
    similarity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NearCopies:
    """What the rule found, and the bars it set.

    Attributes
    ----------
    found
        The near-copies, the longest match first.
    above_seconds, above_similarity
        What a window had to exceed; ``None``, or a similarity of 1, where none can.
    held_out_groups, suspect_groups
        What the bars were set from, and for.
    level
        The most that the chance of naming any track by accident can be, under the rule's assumptions.
    """

    found: tuple[NearCopy, ...]
    above_seconds: float | None
    above_similarity: float
    held_out_groups: int
    suspect_groups: int
    level: float


def near_copies(table: FeatureTable, *, level: float = LEVEL) -> NearCopies | None:
    """Apply the rule to the columns ``continuation/…`` of a table of windows.

    Returns
    -------
    NearCopies or None
        ``None`` where the table has no such columns, or one of the two sets none of their values.
    """
    frame, suspect = table.frame, table.is_suspect()
    seconds = _counted(frame, LONGEST_MATCH.name, MATCH_GAIN.name)
    alike = np.arctanh(np.clip(_counted(frame, SIMILARITY.name, SIMILARITY_GAIN.name), 0, _ALMOST_ONE))
    measured = ~(np.isnan(seconds) & np.isnan(alike))
    groups = frame["group"].to_numpy()
    n, m = (len(set(groups[measured & side])) for side in (suspect, ~suspect))
    if not (n and m):
        return None
    tests = sum(not np.isnan(values).all() for values in (seconds, alike))
    factor = bar_factor(n, m, level=level / tests)
    above_seconds = _bar(seconds[~suspect], factor, SECONDS_FLOOR)
    above_alike = _bar(alike[~suspect], factor, float(np.arctanh(SIMILARITY_FLOOR)))
    hits = suspect & ((seconds > above_seconds) | (alike > above_alike))
    return NearCopies(
        found=_by_track(frame.filter(pl.Series(hits))),
        above_seconds=above_seconds if isfinite(above_seconds) else None,
        above_similarity=float(np.tanh(above_alike)),
        held_out_groups=m,
        suspect_groups=n,
        level=level,
    )


def bar_factor(suspect_groups: int, held_out_groups: int, *, level: float) -> float:
    """The c ≥ 1 with n Γ(c+1) Γ(m+1) / Γ(m+c+1) = ``level``: how far above the held-out maximum is far enough.

    For one suspect and one held-out group c = 1/level − 1; it falls as m grows.
    """

    def excess(c: float) -> float:
        chance = gammaln(c + 1) + gammaln(held_out_groups + 1) - gammaln(held_out_groups + c + 1)
        return float(np.log(suspect_groups) + chance - np.log(level))

    return 1.0 if excess(1.0) <= 0 else float(scipy.optimize.brentq(excess, 1.0, 2 * suspect_groups / level))


def _counted(frame: pl.DataFrame, value: str, gain: str) -> Floats:
    """The values [windows] where the gain is positive, 0 where it is not, NaN where either is unknown."""
    if value not in frame.columns or gain not in frame.columns:
        return np.full(frame.height, nan)
    values, gains = (frame[name].to_numpy().astype(np.float64) for name in (value, gain))
    return np.where(np.isnan(gains), nan, np.where(gains > 0, values, np.where(np.isnan(values), nan, 0.0)))


def _bar(held_out: Floats, factor: float, floor: float) -> float:
    known = held_out[~np.isnan(held_out)]
    return max(factor * float(known.max()), floor) if len(known) else inf


def _by_track(hits: pl.DataFrame) -> tuple[NearCopy, ...]:
    """One entry a track: its window with the longest match, and of these the most alike."""

    def column(name: str) -> pl.Expr:
        return pl.col(name) if name in hits.columns else pl.lit(nan)

    figures = hits.select(
        "track_id",
        column(LONGEST_MATCH.name).alias("seconds"),
        column(TOKEN_AGREEMENT.name).alias("token_agreement"),
        column(SIMILARITY.name).alias("similarity"),
    )
    order = figures.sort("seconds", "similarity", descending=True).unique("track_id", keep="first", maintain_order=True)
    return tuple(NearCopy(**row) for row in order.fill_nan(None).to_dicts())

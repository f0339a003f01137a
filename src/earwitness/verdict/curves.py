"""The papers' curve of a feature table, with the false-alarm rate of the same procedure beside it.

Goal: "how many samples does the published test need?" answered as the papers answer it, and
never without the share of false alarms that the same procedure gives where nothing is to be
found. Conventions: sizes are tracks per side; a mean p describes many overlapping draws and
is no p-value; the published methods take tracks as independent, whatever the groups, while
the exact test relabels the drawn tracks group by group.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from typing import cast

import numpy as np
from pydantic import BaseModel, ConfigDict

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.aa import PValue, RejectionRate, rejection_rate
from earwitness.stats.curve import CurvePoint, measured_level, minimum_samples, p_against_samples
from earwitness.stats.grouping import intraclass_correlation, normal_scores
from earwitness.stats.published import Method, published_p
from earwitness.stats.sides import Sides
from earwitness.types import Bools, Floats, Ints
from earwitness.verdict.admission import any_usable, check_settings, one_side_a_group, tracks_with_values
from earwitness.verdict.control import control
from earwitness.verdict.design import group_counts, sides_of, track_counts
from earwitness.verdict.procedure import Divided, Procedure
from earwitness.verdict.result import Counts

_FIRST_SIZE = 5
_DRAWS, _EXACT_DRAWS = 1000, 100


class SampleCurve(BaseModel):
    """p against the number of tracks per side, and what the procedure does under a true null.

    ``minimum_samples`` is the smallest size with mean p ≤ α, ``None`` where no size has it.
    ``held_out_level`` was measured by splitting the held-out groups, ``simulated_level`` on
    Gaussian features of the table's size, mean group size and intraclass correlation;
    either is ``None`` where it was not measured, and ``notes`` says why.
    """

    model_config = ConfigDict(frozen=True)

    method: str
    alpha: float
    draws: int
    seed: int
    points: list[CurvePoint]
    minimum_samples: int | None
    held_out_level: RejectionRate | None
    simulated_level: RejectionRate | None
    n_tracks: Counts
    n_groups: Counts
    features: int
    group_size: float
    intraclass_correlation: float
    notes: list[str]
    target: str | None
    plan_hash: str | None

    def sentences(self) -> list[str]:
        """Say what the curve shows, and how far the procedure behind it can be trusted."""
        largest = max(point.n for point in self.points)
        found = (
            f"Mean p reaches {self.alpha:g} at {self.minimum_samples} tracks per side, of the sizes tried: "
            "what the papers call the minimum number of samples."
            if self.minimum_samples
            else f"Mean p stays above {self.alpha:g} at every size tried, up to {largest} tracks per side."
        )
        measured = [
            f"False alarms at {self.alpha:g}, {where}: {level.rejection_rate:.1%} of {level.runs} runs "
            f"[{level.low:.1%}, {level.high:.1%}]."
            for where, level in (
                ("held-out tracks against held-out tracks", self.held_out_level),
                (
                    f"simulated sets of this size (groups of {self.group_size:.3g}, "
                    f"correlation {self.intraclass_correlation:.2f})",
                    self.simulated_level,
                ),
            )
            if level is not None
        ]
        levels = [level for level in (self.held_out_level, self.simulated_level) if level is not None]
        if any(level.low > self.alpha for level in levels):
            measured.append("The procedure fires too often where there is nothing to find: its p overstates.")
        return [found, *measured, *self.notes]


def sample_curve(
    table: FeatureTable,
    *,
    method: str = "cdi",
    sizes: Sequence[int] = (),
    draws: int | None = None,
    alpha: float = 0.01,
    corrected: bool = False,
    seed: int = 0,
    null_runs: int = 500,
    on_progress: Callable[[int, int], None] | None = None,
) -> SampleCurve:
    """Return the mean p of a procedure at each number of tracks per side, and its measured null level.

    Parameters
    ----------
    table
        A checked feature table; windows are pooled to tracks.
    method, corrected
        ``cdi``, ``iar`` or ``llm-di``, as published or corrected, or ``exact``.
    sizes
        Tracks per side; by default 5, 10, 20 … and the size of the smaller set.
    draws
        Draws a size; 1000 as in the papers, 100 for ``exact``.
    alpha
        Level that the mean p is compared with, in (0, 1).
    seed
        Fixes draws, folds, relabellings, splits and simulations.
    null_runs
        Splits of the held-out set, and simulated audits.
    on_progress
        Called with (steps done, steps).

    Raises
    ------
    EarwitnessError
        If a setting is out of range, a size exceeds the smaller set, groups span both sides or
        no usable feature is left.

    Notes
    -----
    Dubiński et al., arXiv 2411.12858; Kowalczuk et al., arXiv 2502.02514; Maini et al., arXiv 2406.06443.
    """
    permutations = max(499, ceil(5 / alpha) - 1) if alpha > 0 else 499
    check_settings(alpha, method, permutations, null_runs)
    exact = method == "exact"
    if exact and corrected:
        raise EarwitnessError("The method exact has no corrected form; leave --corrected out, or choose cdi.")
    draws = (_EXACT_DRAWS if exact else _DRAWS) if draws is None else draws
    if min(draws, null_runs) < 1:
        raise EarwitnessError(f"{draws} draws and {null_runs} null runs were asked for; both must be at least 1.")
    checked, notes = one_side_a_group(table, "refuse")
    tracks, more = tracks_with_values(checked.equal_windows().pooled())
    # As published, a learned scorer chooses directions itself, and a sum takes the papers'.
    if method == "iar" and not corrected:
        values, names = tracks.as_published()
    else:
        values, names = tracks.oriented(include_unknown=method in ("cdi", "llm-di") and not corrected)
    sides = sides_of(tracks)
    suspect, codes, counts, groups = sides.is_suspect, sides.group_codes, track_counts(sides), group_counts(sides)
    whole = _Whole(tracks, alpha, permutations) if exact else None
    p_value = whole.p_value if whole else _published(method, corrected)
    ladder = sorted(set(sizes)) or _doubling(min(counts.suspect, counts.held_out))
    steps = len(ladder) + 2

    def tell(done: int) -> None:
        if on_progress is not None:
            on_progress(done, steps)

    points = []
    for done, size in enumerate(ladder):
        tell(done)
        found = p_against_samples(
            whole.rows if whole else values,
            suspect,
            cast(Method, method),
            [size],
            draws=draws,
            alpha=alpha,
            corrected=corrected,
            seed=seed,
            test=(lambda rows, drawn: whole.p_value(rows, Sides(drawn, rows[:, -1]), seed)) if whole else None,
        )
        points += [replace(point, share_evidence=whole.taken() if whole else None) for point in found]
    tell(len(ladder))
    outcome, why_not = control(
        whole.rows if whole else values, sides, alpha, null_runs, seed,
        p_value=p_value, exact=exact, not_run="The level was not measured on the held-out set",
    )  # fmt: skip
    held_out_level = None if outcome is None else rejection_rate(outcome.p_values, alpha)
    tell(len(ladder) + 1)
    group_size = len(values) / (groups.suspect + groups.held_out)
    icc = _correlation_in_groups(values, suspect, codes)
    simulated_level = None
    if not exact:
        rate, low, high = measured_level(
            cast(Method, method),
            n_suspect=counts.suspect, n_held_out=counts.held_out, features=len(names),
            group_size=round(group_size), icc=icc, runs=null_runs, alpha=alpha, seed=seed, corrected=corrected,
        )  # fmt: skip
        simulated_level = RejectionRate(runs=null_runs, alpha=alpha, rejection_rate=rate, low=low, high=high)
    tell(steps)
    return SampleCurve(
        method=f"{method}, corrected" if corrected else method,
        alpha=alpha,
        draws=draws,
        seed=seed,
        points=points,
        minimum_samples=minimum_samples(points, alpha),
        held_out_level=held_out_level,
        simulated_level=simulated_level,
        n_tracks=counts,
        n_groups=groups,
        features=len(names),
        group_size=group_size,
        intraclass_correlation=icc,
        notes=[*notes, *more, *why_not, *_how_groups_counted(exact, grouped=group_size > 1)],
        target=table.target,
        plan_hash=table.plan_hash,
    )


def _doubling(largest: int) -> list[int]:
    sizes = [largest]
    size = _FIRST_SIZE
    while size < largest:
        sizes.append(size)
        size *= 2
    return sorted(sizes)


def _published(method: str, corrected: bool) -> PValue:
    def p_value(values: Floats, sides: Sides, seed: int) -> float:
        # The learners underneath take seeds of 32 bits.
        return published_p(values, sides.is_suspect, cast(Method, method), corrected=corrected, seed=seed % 2**32)

    return p_value


class _Whole:
    """The verdict's own procedure on drawn rows, and how often it ended in evidence since it was last asked.

    ``rows`` carry what it needs to know of a track: features, blind features and, last, the group. Two draws of one
    set are comparable by construction, so where too few blind features were measured p alone decides.
    """

    def __init__(self, tracks: FeatureTable, alpha: float, permutations: int) -> None:
        sets = Divided.of(tracks)
        described = np.empty((len(sets.values), 0)) if sets.covariates is None else sets.covariates
        self.rows: Floats = np.column_stack([sets.values, described, sets.sides.group_codes])
        self._features = sets.values.shape[1]
        self._procedure = Procedure.of(tracks, alpha=alpha, permutations=permutations, comparable="drawn from a table")
        self._evidence: list[bool] = []

    def p_value(self, rows: Floats, sides: Sides, seed: int) -> float:
        """Return p; a small draw in which no feature varies says nothing, for neither side."""
        values, described = rows[:, : self._features], rows[:, self._features : -1]
        if not any_usable(values):
            self._evidence.append(False)
            return 1.0
        split = Divided(values=values, covariates=described if described.shape[1] else None, sides=sides)
        p, evidence = self._procedure.finds(split, seed=seed)
        self._evidence.append(evidence)
        return p

    def taken(self) -> float:
        """Return the share that ended in evidence, and begin anew."""
        share = sum(self._evidence) / max(len(self._evidence), 1)
        self._evidence.clear()
        return share


def _correlation_in_groups(values: Floats, suspect: Bools, codes: Ints) -> float:
    """Return ρ̂ over both sets, each on its own scale so that a difference between them is no correlation."""
    scores = np.empty(values.shape)
    for side in (suspect, ~suspect):
        scores[side] = normal_scores(values[side])
    return intraclass_correlation(scores, codes)


def _how_groups_counted(exact: bool, *, grouped: bool) -> list[str]:
    if exact:
        return ["The exact test relabels whole groups, so its level is at most alpha by design; none was simulated."]
    if grouped:
        return [
            "Tracks were drawn and tested as independent, as the papers do; groups are ignored, "
            "which makes every p of the curve too small."
        ]
    return []

"""How well features tell members from non-members, where the truth is known.

Goal: the figures of a membership-inference evaluation, each with an interval and none
chosen on the data it is reported on. Conventions: scores are higher = more member-like
(features of unknown direction are taken as they are, and say so); a track counts once, the
mean of its windows; groups (albums) are the unit of every split and resampling; NaN scores
are left out and counted; what cannot be computed is ``None``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.files import read_record, write_text
from earwitness.spec import Direction
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.roc import auc_delong
from earwitness.types import Bools, Floats, Ints
from earwitness.verdict.result import Interval

FALSE_POSITIVE_RATES = (0.01, 0.001)
_ROC_POINTS = 60
_CHUNK = 100


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class TruePositiveRate(_Record):
    """The share of members found when at most ``false_positive_rate`` of the non-members are called members.

    ``low`` and ``high`` are 95 % limits: Clopper–Pearson at the threshold used, or a
    bootstrap over groups where tracks cluster (``by_groups``). With fewer than
    1/``false_positive_rate`` non-members the rate is not ``resolved``: no false positive
    at all is allowed, and the threshold lies above every non-member.
    """

    false_positive_rate: float
    estimate: float
    low: float
    high: float
    by_groups: bool
    resolved: bool


class ScoreEvaluation(_Record):
    """One score against the truth.

    ``auc`` has DeLong limits, clustered by group. ``balanced_accuracy`` is the mean of
    true-positive and true-negative rate, every track judged by a threshold that was fixed
    on the half of the groups it is not in. ``roc`` holds (false-positive rate,
    true-positive rate), spaced for log axes.
    """

    name: str
    member_is: Direction
    auc: Interval
    true_positive_rates: list[TruePositiveRate]
    balanced_accuracy: float | None
    missing: int
    roc: list[tuple[float, float]]


class FamilyEvaluation(_Record):
    """A signal's best variant, chosen on one half of the groups and reported on the other."""

    family: str
    chosen: str
    variants: int
    selection_auc: float
    auc: Interval


class MembershipResult(_Record):
    """The evaluation of every feature, of their combination and of the signal families; sorted by AUC."""

    schema_version: int = 1
    members: int
    non_members: int
    groups: int
    seed: int
    combined: ScoreEvaluation | None
    features: list[ScoreEvaluation]
    families: list[FamilyEvaluation]
    warnings: list[str]

    def write(self, path: Path) -> None:
        """Write the record as JSON, atomically."""
        write_text(path, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "MembershipResult":
        """Read a record back; raises ``EarwitnessError`` where the file is not one."""
        again = f"`earwitness mia … --out {path}`"
        found = read_record(
            path, cls, is_not="is not a membership result of this version", cure=f"make it again with {again}"
        )
        if found is None:
            raise EarwitnessError(f"{path} does not exist; run {again} first.")
        return found


def membership_evaluation(table: FeatureTable, *, seed: int = 0, bootstrap: int = 1000) -> MembershipResult:
    """Evaluate every feature of a table, and their equal-weight sum, as a membership score.

    Parameters
    ----------
    table
        Features of tracks or windows; roles ``member`` and ``non_member`` (``suspect`` and
        ``held_out`` are taken for them, with a warning).
    seed
        Fixes the halves and the bootstrap.
    bootstrap
        Replicates over groups, used only where tracks cluster.

    Returns
    -------
    MembershipResult
        AUC (DeLong), TPR at 1 % and 0.1 % FPR, balanced accuracy, families, ROC points. The
        combined score is the mean of label-free z-scores over features of known direction.

    Raises
    ------
    EarwitnessError
        If the table has no feature that asked the model.
    """
    pooled = table.pooled()
    values, names = pooled.oriented(include_unknown=True)
    if not names:
        raise EarwitnessError("The table has no feature that asked the model (only blind ones); extract some first.")
    is_member = pooled.is_suspect()
    labels, groups = np.unique(pooled.frame["group"].to_numpy(), return_inverse=True)
    context = _Context(is_member, groups.astype(np.intp), seed, bootstrap)
    directions = [pooled.specs[name].member_is for name in names]
    features = [
        _evaluate(name, direction, column, context)
        for name, direction, column in zip(names, directions, values.T, strict=True)
    ]
    directed = [j for j, direction in enumerate(directions) if direction.sign]
    combined = None
    if directed:
        score = _combined(values[:, directed])
        combined = _evaluate("combined", Direction.HIGHER, score, context)
    return MembershipResult(
        members=int(is_member.sum()),
        non_members=int((~is_member).sum()),
        groups=len(labels),
        seed=seed,
        combined=combined,
        features=sorted(features, key=lambda found: -(found.auc.estimate or 0.0)),
        families=_families([names[j] for j in directed], values[:, directed], context),
        warnings=_warnings(pooled, directions, context),
    )


class _Context:
    """What all scores share: the truth, the groups, their halves and the bootstrap weights of tracks."""

    def __init__(self, is_member: Bools, groups: Ints, seed: int, bootstrap: int) -> None:
        self.is_member, self.groups = is_member, groups
        count = int(groups.max()) + 1
        self.clustered = count < len(groups)
        # Groups with members, without, and with both are dealt out separately, so that no half lacks a side.
        kind = np.bincount(groups, is_member, count) / np.bincount(groups, minlength=count)
        strata = [np.flatnonzero(kind == 1), np.flatnonzero(kind == 0), np.flatnonzero((kind > 0) & (kind < 1))]
        rng = np.random.default_rng(seed)
        half = np.zeros(count, dtype=np.bool_)
        for stratum in strata:
            half[rng.permutation(stratum)[: len(stratum) // 2]] = True
        self.first_half: Bools = half[groups]
        self.weights: Floats | None = None
        if self.clustered:
            drawn = np.zeros((bootstrap, count))
            for stratum in strata:
                if len(stratum):
                    share = np.full(len(stratum), 1 / len(stratum))
                    drawn[:, stratum] = rng.multinomial(len(stratum), share, bootstrap)
            self.weights = drawn[:, groups]

    def auc(self, scores: Floats, rows: Bools | None = None, confidence: float = 0.95) -> Interval:
        """AUC of members against non-members among these rows, with DeLong limits by group."""
        member = self.is_member if rows is None else self.is_member & rows
        other = ~self.is_member if rows is None else ~self.is_member & rows
        found = auc_delong(
            scores[member],
            scores[other],
            confidence=confidence,
            positive_groups=self.groups[member],
            negative_groups=self.groups[other],
        )
        return Interval(estimate=_known(found.estimate), low=_known(found.low), high=_known(found.high))


def true_positive_rates(
    scores: Floats, is_member: Bools, rates: Sequence[float] | Floats, weights: Floats | None = None
) -> Floats:
    """Return the highest true-positive rate with a false-positive rate of at most each of ``rates``.

    Parameters
    ----------
    scores, is_member
        ``[n]`` scores without NaN, higher = more member-like, and the truth.
    rates
        ``[r]`` false-positive rates allowed.
    weights
        ``[b, n]`` how often each track counts, one row a replicate; once each by default.

    Returns
    -------
    ndarray
        ``[b, r]``; NaN in replicates without members or without non-members.
    """
    order = np.argsort(-scores)
    # A threshold cannot part equal scores: only the last of a tie is a place to cut.
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    counted = (np.ones((1, len(scores))) if weights is None else weights)[:, order]
    hits = np.cumsum(counted * is_member[order], axis=1)[:, ends]
    alarms = np.cumsum(counted * ~is_member[order], axis=1)[:, ends]
    found = np.empty((len(counted), len(rates)))
    with np.errstate(invalid="ignore", divide="ignore"):
        for column, rate in enumerate(rates):
            cuts = (alarms <= rate * alarms[:, -1:] + 1e-9).sum(axis=1)
            reached = np.where(cuts > 0, hits[np.arange(len(hits)), cuts - 1], 0.0)
            found[:, column] = np.where(alarms[:, -1] > 0, reached / hits[:, -1], np.nan)
    return found


def _evaluate(name: str, member_is: Direction, scores: Floats, context: _Context) -> ScoreEvaluation:
    known = ~np.isnan(scores)
    x, member = scores[known], context.is_member[known]
    usable = member.any() and (~member).any()
    return ScoreEvaluation(
        name=name,
        member_is=member_is,
        auc=context.auc(scores),
        true_positive_rates=_tpr(x, member, known, context) if usable else [],
        balanced_accuracy=_balanced_accuracy(x, member, context.first_half[known]),
        missing=int((~known).sum()),
        roc=_roc(x, member) if usable else [],
    )


def _tpr(x: Floats, member: Bools, known: Bools, context: _Context) -> list[TruePositiveRate]:
    estimates = true_positive_rates(x, member, FALSE_POSITIVE_RATES)[0]
    positives, negatives = int(member.sum()), int((~member).sum())
    if context.weights is None:
        limits = np.array([clopper_pearson(round(rate * positives), positives) for rate in estimates])
    else:
        chunks = range(0, len(context.weights), _CHUNK)
        drawn = [
            true_positive_rates(x, member, FALSE_POSITIVE_RATES, context.weights[start : start + _CHUNK][:, known])
            for start in chunks
        ]
        limits = np.nanquantile(np.concatenate(drawn), [0.025, 0.975], axis=0).T
    return [
        TruePositiveRate(
            false_positive_rate=rate,
            estimate=float(estimate),
            low=float(low),
            high=float(high),
            by_groups=context.clustered,
            resolved=rate * negatives >= 1,
        )
        for rate, estimate, (low, high) in zip(FALSE_POSITIVE_RATES, estimates, limits, strict=True)
    ]


def _balanced_accuracy(x: Floats, member: Bools, first_half: Bools) -> float | None:
    called = np.zeros(len(x), dtype=np.bool_)
    for judged in (first_half, ~first_half):
        fitted = ~judged
        if not (member[fitted].any() and (~member[fitted]).any()):
            return None
        thresholds = np.unique(x[fitted])
        hits = np.searchsorted(np.sort(x[fitted & member]), thresholds) / member[fitted].sum()
        rejections = np.searchsorted(np.sort(x[fitted & ~member]), thresholds) / (~member[fitted]).sum()
        called[judged] = x[judged] >= thresholds[np.argmax(rejections - hits)]
    return float((called[member].mean() + (~called[~member]).mean()) / 2)


def _roc(x: Floats, member: Bools) -> list[tuple[float, float]]:
    negatives = int((~member).sum())
    counts = np.unique(np.concatenate([[0.0], np.round(np.geomspace(1, negatives, _ROC_POINTS))]))
    rates = counts / negatives
    return list(zip(rates.tolist(), true_positive_rates(x, member, rates)[0].tolist(), strict=True))


def _combined(values: Floats) -> Floats:
    """Return the mean of label-free z-scores over the features that a track has; NaN where it has none."""
    usable = values[:, [j for j, column in enumerate(values.T) if len(np.unique(column[~np.isnan(column)])) > 1]]
    scaled = (usable - np.nanmean(usable, axis=0)) / np.nanstd(usable, axis=0)
    present = (~np.isnan(scaled)).sum(axis=1)
    score: Floats = np.nansum(scaled, axis=1) / np.where(present > 0, present, np.nan)
    return score


def _families(names: list[str], values: Floats, context: _Context) -> list[FamilyEvaluation]:
    """Choose the best variant of each signal on the first half of the groups and evaluate it on the second."""
    families: dict[str, list[int]] = {}
    for j, name in enumerate(names):
        families.setdefault(name.split("/")[0], []).append(j)
    found = []
    for family, columns in families.items():
        scored = [(context.auc(values[:, j], context.first_half).estimate, j) for j in columns]
        known = [(auc, j) for auc, j in scored if auc is not None]
        if len(columns) < 2 or not known:
            continue
        selection_auc, best = max(known, key=lambda item: item[0])
        found.append(
            FamilyEvaluation(
                family=family,
                chosen=names[best],
                variants=len(columns),
                selection_auc=selection_auc,
                auc=context.auc(values[:, best], ~context.first_half),
            )
        )
    return sorted(found, key=lambda item: -(item.auc.estimate or 0.0))


def _warnings(table: FeatureTable, directions: list[Direction], context: _Context) -> list[str]:
    said = list(table.notes)
    if set(table.frame["role"].unique()) & {"suspect", "held_out"}:
        said.append("The roles are suspect and held_out: suspect tracks are taken for members, which is not known.")
    if unknown := sum(direction.sign == 0 for direction in directions):
        said.append(f"{unknown} features have no known direction: their AUC is of the value as it is, below 0.5 too.")
    negatives = int((~context.is_member).sum())
    said.extend(
        f"True positives at {rate:.1%} false positives need {round(1 / rate)} non-members; there are {negatives}, "
        "so the threshold lies above all of them."
        for rate in FALSE_POSITIVE_RATES
        if rate * negatives < 1
    )
    if spanning := table.spanning_groups():
        said.append(f"{len(spanning)} groups hold members and non-members, for instance {spanning[0]}.")
    values, names = table.blind()
    for name, column in zip(names, values.T, strict=True):
        auc = context.auc(column, confidence=1 - 0.05 / len(names))
        if auc.low is not None and auc.high is not None and not auc.low <= 0.5 <= auc.high:
            said.append(
                f"{name} tells members from non-members without the model (AUC {auc.estimate:.3f}); "
                "the other figures mix that difference with membership."
            )
    return said


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value

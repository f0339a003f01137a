"""Prospects: what a test of these sets can show, before it is made.

Goal: nobody asks a model for a day to learn that the answer could only have been "cannot be tested". Conventions:
the verdict that is simulated is the real one, with the collection's own groups, pairs and blind features; the model's
answers are one normal number per track, with a given correlation within groups, raised in every suspect track.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import norm

from earwitness.collection.tracks import Collection
from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.findings.record import Chance, Gate, Prospects
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.power import groups_needed_for_floor, minimum_detectable_auc, power_at, tracks_needed
from earwitness.types import OnProgress
from earwitness.verdict.admission import one_side_a_group, whole_pairs
from earwitness.verdict.design import sides_of
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.result import DatasetInferenceResult

LEAKS = (0.55, 0.6, 0.7)
ICC = 0.05
_POWER = 0.8
_FOR_THE_GATE = 1999
_LEAK = "simulated_leak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The prospects, and the gate of the same sets or why there is none."""

    prospects: Prospects
    gate: Gate | None
    not_compared: str | None


def check(alpha: float, icc: float) -> None:
    """Refuse a level or a correlation out of range."""
    tracks_needed(0.6, alpha=alpha, icc=icc)


def outlook(
    collection: Collection,
    blind: pl.DataFrame,
    *,
    alpha: float,
    icc: float,
    audits: int,
    seed: int = 0,
    on_progress: OnProgress = lambda done, total: None,
) -> Outlook:
    """Say what a test of these sets can show, and pass them through the blind gate.

    Parameters
    ----------
    blind
        ``track_id`` and the blind features.
    alpha, icc
        Level of the test; assumed correlation of two tracks of a group.
    audits
        Simulated audits for each of `LEAKS`; 0 leaves them out.

    Raises
    ------
    EarwitnessError
        If a setting is out of range.
    """
    check(alpha, icc)
    frame = _keys(collection).join(blind, on="track_id", how="left")
    try:
        first = _audit(frame, auc=0.5, alpha=alpha, icc=icc, seed=seed, least=_FOR_THE_GATE)
        possible = _possible(frame)
    except EarwitnessError as error:
        return Outlook(prospects=_none(collection, alpha, icc, str(error)), gate=None, not_compared=str(error))
    if first.verdict == "cannot_be_tested":
        why = " ".join(first.reasons)
        prospects = _none(collection, alpha, icc, why, possible=possible)
        return Outlook(prospects=prospects, gate=None, not_compared="There are too few groups to compare the sets.")
    blind_found = first.blind
    gate = None if blind_found is None else Gate(
        state=blind_found.state, auc=blind_found.auc, low=blind_found.low, high=blind_found.high,
        p_value=blind_found.p_value, harmful_auc=blind_found.harmful_auc,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    chances = []
    for number, auc in enumerate(LEAKS):
        runs = []
        for run in range(audits):
            runs.append(_audit(frame, auc=auc, alpha=alpha, icc=icc, seed=int(rng.integers(2**31))))
            on_progress(number * audits + run + 1, len(LEAKS) * audits)
        chances.append(_chance(auc, runs, collection, alpha, icc))
    prospects = _prospects(collection, alpha, icc, why_not=None, possible=possible, chances=tuple(chances))
    not_compared = None if gate else "No property of the files varies, so the sets were not compared without the model."
    return Outlook(prospects=prospects, gate=gate, not_compared=not_compared)


def _keys(collection: Collection) -> pl.DataFrame:
    """Role, group and design of every track; a design that the manifest does not give is no column."""
    columns = [name for name in ("pair", "stratum") if collection.tracks[name].null_count() < collection.tracks.height]
    return collection.tracks.select("track_id", "role", "group", *columns)


def _possible(frame: pl.DataFrame) -> int:
    """In how many ways an audit of these tracks could label them."""
    table = FeatureTable.from_frame(frame.with_columns(pl.lit(0.0).alias(_LEAK)), higher=[_LEAK])
    table, _ = whole_pairs(one_side_a_group(table, "exclude")[0])
    return sides_of(table).possible_labellings


def _audit(
    frame: pl.DataFrame, *, auc: float, alpha: float, icc: float, seed: int, least: int = 499
) -> DatasetInferenceResult:
    """The verdict where the model's answers are one normal number per track with this AUC."""
    rng = np.random.default_rng(seed)
    codes = np.unique(frame["group"].to_numpy(), return_inverse=True)[1]
    common, own = rng.standard_normal(int(codes.max()) + 1)[codes], rng.standard_normal(frame.height)
    noise = np.sqrt(icc) * common + np.sqrt(1 - icc) * own
    is_suspect = frame["role"].is_in(["suspect", "member"]).to_numpy()
    answers = noise + is_suspect * np.sqrt(2) * norm.ppf(auc)
    table = FeatureTable.from_frame(frame.with_columns(pl.Series(_LEAK, answers)), higher=[_LEAK])
    permutations = max(least, int(np.ceil(5 / alpha)) - 1)
    return dataset_inference(
        table, alpha=alpha, permutations=permutations, seed=seed, a_a_runs=0, effect_runs=0, spanning="exclude"
    )  # fmt: skip


def _chance(auc: float, runs: list[DatasetInferenceResult], collection: Collection, alpha: float, icc: float) -> Chance:
    suspects, held_out = _sizes(collection)
    formula = power_at(auc, suspects, held_out, alpha=alpha, group_size=_group_size(collection), icc=icc)
    if not runs:
        return Chance(auc=auc, formula=formula)
    positive = sum(run.verdict == "evidence_of_use" for run in runs)
    low, high = clopper_pearson(positive, len(runs))
    fired = sum(run.p_value is not None and run.p_value <= alpha for run in runs)
    return Chance(
        auc=auc, formula=formula, test=fired / len(runs), verdict=positive / len(runs), low=low, high=high,
        audits=len(runs),
    )  # fmt: skip


def _none(collection: Collection, alpha: float, icc: float, why_not: str, *, possible: int | None = None) -> Prospects:
    return _prospects(collection, alpha, icc, why_not=why_not, possible=possible, chances=())


def _prospects(
    collection: Collection,
    alpha: float,
    icc: float,
    *,
    why_not: str | None,
    possible: int | None,
    chances: tuple[Chance, ...],
) -> Prospects:
    suspects, held_out = _sizes(collection)
    size = _group_size(collection)
    design = {"alpha": alpha, "power": _POWER, "group_size": size, "icc": icc}
    return Prospects(
        alpha=alpha,
        icc=icc,
        testable=why_not is None,
        why_not=why_not,
        labellings=possible,
        p_value_floor=None if possible is None else 1 / possible,
        groups_needed=groups_needed_for_floor(alpha),
        detectable_auc=None if why_not else minimum_detectable_auc(suspects, held_out, **design),
        tracks_needed=tracks_needed(0.6, **design),
        chances=chances,
    )


def _sizes(collection: Collection) -> tuple[int, int]:
    suspects = int(collection.tracks["role"].is_in(["suspect", "member"]).sum())
    return suspects, collection.tracks.height - suspects


def _group_size(collection: Collection) -> float:
    """The group size that a random track finds itself in."""
    sizes = collection.tracks.group_by("group").len()["len"].to_numpy().astype(np.float64)
    return float((sizes**2).sum() / sizes.sum())

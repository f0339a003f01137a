"""The verdict of keyed twins: does the model prefer the published copy of each work to its sealed twins?

Goal: a test that needs no held-out set. Conventions: scores are higher = more member-like; a table has one row per
copy and window, with the work in column ``pair`` and the published copy on the suspect side.

Which copy was published was drawn by a key, so under the null hypothesis (the model saw none of them, or saw what
it saw without regard to the marks) the published copy's place among the copies of its work is uniform, whatever the
model, the music and the artist. Each feature is standardised within its work, and the draw is repeated within all
works at once: ``Π k_w`` equally likely draws, the exact test of `earwitness.stats.exact` with works as strata. There is
nothing unlike between the sets that a blind gate could find.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.exact import exact_test
from earwitness.stats.sides import Sides, codes
from earwitness.types import Bools, Floats, Ints
from earwitness.verdict import wording
from earwitness.verdict.admission import check_settings
from earwitness.verdict.procedure import Procedure


class Work(BaseModel):
    """One work: how many of its copies score below the published one (ties count half), of how many twins."""

    model_config = ConfigDict(frozen=True)

    name: str
    above: float
    twins: int


class TwinsResult(BaseModel):
    """The outcome of one keyed test; ``twins.json``.

    ``p_value_floor`` is the smallest p that so many works and copies could have given. ``mean_place`` is the mean over
    works of the share of twins that score below the published copy: .5 is chance. ``departures`` say in what the test
    is not the first that was made of its run; empty for that one.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    verdict: Literal["evidence_of_use", "no_evidence", "cannot_be_tested"]
    reasons: list[str]
    alpha: float
    permutations: int
    seed: int
    p_value: float | None
    p_value_floor: float
    scorer_p_values: dict[str, float] = {}
    mean_place: float | None = None
    works: list[Work]
    seal_sha256: str | None = None
    target: str | None = None
    plan_hash: str | None = None
    warnings: list[str] = []
    departures: list[str] = []


def twins_test(
    table: FeatureTable, *, alpha: float = 0.01, permutations: int = 9999, seed: int = 0, seal_sha256: str | None = None
) -> TwinsResult:
    """Test whether published copies score higher than their twins.

    Parameters
    ----------
    table
        A feature table with the work of each copy in column ``pair``; one copy of each work is a suspect.
    alpha, permutations, seed
        Level; draws of which copy was published, where there are more than that; of those draws.
    seal_sha256
        Of the seal that the table was made under, for the record.

    Raises
    ------
    EarwitnessError
        If the table has no works, none has one published copy and a twin, or no feature has a direction.

    Notes
    -----
    Randomisation before publication: arXiv 2409.19798; ranks of keyed copies: arXiv 2407.15100, 2504.13416.
    """
    check_settings(alpha, "exact", permutations, a_a_runs=0)
    tracks, warnings = _whole_works(table.pooled())
    values, names = tracks.oriented()
    if not names:
        raise EarwitnessError(
            "No feature has a known direction, so none can speak for or against training; "
            "name some with --higher GLOB or --lower GLOB."
        )
    published, labels = tracks.is_suspect(), tracks.frame["pair"].to_numpy()
    within = standardised_within(values, codes(labels))
    sides = Sides(published, np.arange(len(published)), strata=labels)
    record = TwinsResult(
        verdict="cannot_be_tested",
        reasons=[],
        alpha=alpha,
        permutations=permutations,
        seed=seed,
        p_value=None,
        p_value_floor=1 / sides.possible_labellings,
        works=[],
        seal_sha256=seal_sha256,
        target=table.target,
        plan_hash=table.plan_hash,
        warnings=[*table.notes, *warnings],
    )
    n_works = len(np.unique(labels))
    if record.p_value_floor > alpha:
        reason = wording.twins_untestable(n_works, sides.possible_labellings, alpha)
        return record.model_copy(update={"reasons": [reason]})
    procedure = Procedure.of(tracks, alpha=alpha, permutations=permutations)
    test = exact_test(within, sides, settings=procedure.settings, seed=seed, headline=procedure.headline)
    score = np.nan_to_num(within) @ procedure.headline
    works = _places(score, published, labels)
    place = float(np.mean([work.above / work.twins for work in works]))
    found = test.p_value <= alpha
    return record.model_copy(
        update={
            "verdict": "evidence_of_use" if found else "no_evidence",
            "reasons": wording.twins_reasons(
                test.p_value,
                alpha,
                place=place,
                works=n_works,
                copies=len(published),
                draws=test.labellings_used,
                found=found,
            ),
            "p_value": test.p_value,
            "scorer_p_values": test.scorer_p_values,
            "mean_place": place,
            "works": works,
        }
    )


def standardised_within(values: Floats, works: Ints) -> Floats:
    """Return values ``[copies, features]`` less their work's mean, over its standard deviation; 0 where all are alike.

    NaN stays NaN. No label enters.
    """
    made = np.full(values.shape, np.nan)
    for work in range(int(works.max()) + 1):
        rows = values[works == work]
        known = ~np.isnan(rows)
        count = known.sum(axis=0)
        mean = np.where(known, rows, 0).sum(axis=0) / np.maximum(count, 1)
        apart = np.where(known, rows - mean, 0)
        spread = np.sqrt((apart**2).sum(axis=0) / np.maximum(count, 1))
        # What differs in the last bits alone does not differ.
        apart = np.where(spread > 1e-9 * np.maximum(1, np.abs(mean)), apart / np.maximum(spread, 1e-300), 0)
        made[works == work] = np.where(known, apart, np.nan)
    return made


def _whole_works(tracks: FeatureTable) -> tuple[FeatureTable, list[str]]:
    """Leave out works that lack their published copy, or every twin of it."""
    if "pair" not in tracks.frame.columns:
        raise EarwitnessError("The table has no works: a column pair has to say which copies are of one work.")
    sided = tracks.frame.select("pair").with_columns(published=pl.Series(tracks.is_suspect()))
    counts = sided.group_by("pair").agg(pl.col("published").sum(), twins=(~pl.col("published")).sum())
    if counts.filter(pl.col("published") > 1).height:
        name = counts.filter(pl.col("published") > 1)["pair"].sort()[0]
        raise EarwitnessError(f"Work {name!r} has more than one published copy; a key draws one of each work.")
    whole = counts.filter((pl.col("published") == 1) & (pl.col("twins") > 0))["pair"].drop_nulls()
    kept = tracks.frame["pair"].is_in(whole.to_list()).fill_null(False)
    if not kept.any():
        raise EarwitnessError("No work has a published copy and a twin of it; measure the copies of every work.")
    lost = tracks.frame["pair"].n_unique() - len(whole)
    warnings = [f"{lost} works lack their published copy or every twin of it, and were left out."] if lost else []
    return replace(tracks, frame=tracks.frame.filter(kept)), warnings


def _places(score: Floats, published: Bools, labels: np.ndarray) -> list[Work]:
    works = []
    for name in np.unique(labels):
        rows = labels == name
        own, twins = score[rows & published][0], score[rows & ~published]
        above = float((twins < own).sum() + 0.5 * (twins == own).sum())
        works.append(Work(name=str(name), above=above, twins=len(twins)))
    return works

"""Merge: the parts of run folders that machines made apart become one run.

Goal: the merged run is the one that a single machine would have made. Folders merge where they hold the same plan
and the same tracks; a part that two of them hold must be the same in both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from polars.exceptions import PolarsError

from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.files import write_bytes
from earwitness.measure.failures import write_failures
from earwitness.measure.feature_parts import answered, failures_in, part_size, plan_of
from earwitness.measure.plan import Plan
from earwitness.parquet import read_frame


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSummary:
    """What a merge did.

    Attributes
    ----------
    brought, there
        Parts that were copied, and those that the run held already.
    waiting
        Tracks that no folder has measured.
    missing
        The numbers of the parts that are missing, counted from 0.
    """

    brought: int
    there: int
    waiting: int
    missing: tuple[int, ...]


def merge(run: Path, others: Sequence[Path]) -> MergeSummary:
    """Copy the parts of other run folders into ``run``; nothing is copied where any of them does not fit.

    Raises
    ------
    PlanMismatchError
        Where a folder was made of another target, with other settings or of other tracks.
    EarwitnessError
        Where a part is damaged, or two folders hold it with other values.
    """
    plan = Plan.read(run)
    for other in others:
        _refuse_other_plan(run, plan, other, Plan.read(other))
    found: dict[str, Path] = {}
    ours = _parts(run)
    for folder in (run, *others):
        for name, path in _parts(folder).items():
            _refuse_part_of_another_plan(path, plan)
            if name in found and not _same(found[name], path):
                raise EarwitnessError(
                    f"{found[name]} and {path} hold the same tracks with other values; keep the one that you trust "
                    "and delete the other. Nothing was changed."
                )
            found.setdefault(name, path)
    sizes = {part_size(path): path for path in found.values()}
    if len(sizes) > 1:
        first, second = list(sizes.items())[:2]
        raise PlanMismatchError(
            f"{first[1]} is of parts of {first[0]} tracks, {second[1]} of parts of {second[0]}; measure one of them "
            "again. Nothing was changed."
        )
    for name in sorted(found.keys() - ours.keys()):
        write_bytes(run / "features" / name, found[name].read_bytes())
    summary = _summary(plan, found, len(ours))
    if not summary.waiting:
        write_failures(run, [failure for name in sorted(found) for failure in failures_in(found[name])])
    return summary


def _summary(plan: Plan, found: dict[str, Path], there: int) -> MergeSummary:
    measured = {track for path in found.values() for track in answered(path)}
    waiting = [i for i, track in enumerate(plan.tracks) if track.track_id not in measured]
    size = part_size(next(iter(found.values()))) if found else len(plan.tracks) or 1
    return MergeSummary(
        brought=len(found) - there,
        there=there,
        waiting=len(waiting),
        missing=tuple(sorted({i // size for i in waiting})),
    )


def _parts(run: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted((run / "features").glob("part-*.parquet"))}


def _refuse_other_plan(run: Path, plan: Plan, other: Path, theirs: Plan) -> None:
    if differs := plan.differences(theirs):
        raise PlanMismatchError(
            f"{other} does not belong to {run} ({'; '.join(differs[:3])}); merge shards of one plan. "
            "Nothing was changed."
        )


def _refuse_part_of_another_plan(path: Path, plan: Plan) -> None:
    strangers = set(answered(path)) - {track.track_id for track in plan.tracks}
    if plan_of(path) != plan.measurement_hash or strangers:
        raise PlanMismatchError(
            f"{path} was made under another plan than that of the run; merge shards of one plan. Nothing was changed."
        )


def _same(first: Path, second: Path) -> bool:
    if first.read_bytes() == second.read_bytes():
        return True
    try:
        return read_frame(first).equals(read_frame(second), null_equal=True)
    except PolarsError as error:
        reason = (str(error).splitlines() or ["?"])[0]
        raise EarwitnessError(f"{second} or {first} is damaged ({reason}); delete it and merge again.") from None

"""The four stages of an audit, each from files to files in one run folder.

Goal: ``index`` → ``extract`` → ``test`` → ``report``, importable without the command
line, each restartable and ignorant of the next.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from earwitness.collection.index import Collection
from earwitness.collection.index import index as index_collection
from earwitness.collection.tracks import Role
from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.features import FeatureTable
from earwitness.files import check_folder
from earwitness.findings.describe import describe
from earwitness.measure.plan import PLAN_NAME, Plan, track_differences, track_plans
from earwitness.record import run_folder
from earwitness.record.commitment import Commitment
from earwitness.settings import Machines, MeasureSettings, VerdictSettings
from earwitness.types import OnProgress
from earwitness.verdict.admission import check_settings
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.judge import why_untestable
from earwitness.verdict.result import Counts, DatasetInferenceResult

if TYPE_CHECKING:  # what asks a target brings PyTorch along, which reading, testing and reporting do without
    from earwitness.measure.engines.engine import Engine
    from earwitness.measure.extract import ExtractSummary
    from earwitness.measure.feature_parts import FeatureParts
    from earwitness.measure.merge import MergeSummary
    from earwitness.targets.protocols import Target

_NAMED = 3

__all__ = [
    "Machines",
    "MeasureSettings",
    "VerdictSettings",
    "extract_stage",
    "foresee",
    "index_stage",
    "infer",
    "look_stage",
    "merge_stage",
    "open_target",
    "plan_stage",
    "report_stage",
    "test_stage",
]


def _quiet(done: int, total: int) -> None:
    """Show no progress."""


def index_stage(
    run: Path,
    *,
    suspect: Path | None = None,
    held_out: Path | None = None,
    manifest: Path | None = None,
    on_progress: OnProgress = _quiet,
) -> Collection:
    """Read and hash the audio; write tracks.parquet and failures.parquet.

    A folder that holds features keeps to the tracks and prompts they were measured on. Where it holds an index of
    the very same files, nothing is decoded again.
    """
    check_folder(run)
    collection = _indexed(run, suspect, held_out, manifest, on_progress, refuse=True)
    if any((run / "features").glob("part-*.parquet")):
        collection = _same_tracks(run, collection)
    collection.write(run)
    return collection


def look_stage(
    run: Path | None = None,
    *,
    suspect: Path | None = None,
    held_out: Path | None = None,
    manifest: Path | None = None,
    on_progress: OnProgress = _quiet,
) -> Collection:
    """Read the audio for an inspection, what no audit would take included.

    What was read is kept in ``run``, if one is named, for an audit to come; a folder that holds features is not
    written. Without folders or manifest the run's own index is taken.
    """
    if run is not None and suspect is None and held_out is None and manifest is None:
        return Collection.read(run)
    collection = _indexed(run, suspect, held_out, manifest, on_progress, refuse=False)
    if run is not None and not any((run / "features").glob("part-*.parquet")):
        collection.write(run)
    return collection


def _indexed(
    run: Path | None,
    suspect: Path | None,
    held_out: Path | None,
    manifest: Path | None,
    on_progress: OnProgress,
    *,
    refuse: bool,
) -> Collection:
    return index_collection(
        suspect, held_out, manifest,
        on_progress=on_progress, describe=describe, earlier=None if run is None else _earlier(run), refuse=refuse,
    )  # fmt: skip


def _earlier(run: Path) -> Collection | None:
    """What a run folder's files were when they were last indexed, less what extraction found."""
    try:
        collection = Collection.read(run)
    except EarwitnessError:
        return None
    return replace(collection, failures=collection.failures.filter(pl.col("stage") == "index"))


def open_target(
    settings: MeasureSettings, test: VerdictSettings | None = None, machines: Machines | None = None
) -> "Target":
    """Load the target, and refuse whatever can be refused before a file of the collection is read.

    Where workers of their own are to measure, this process only needs to know the model, and takes no GPU for it.

    Raises
    ------
    EarwitnessError
        Where a setting is out of range or unknown, or the target cannot be loaded.
    """
    from earwitness.measure.prepare import check_questions
    from earwitness.targets.registry import load_target

    if test is not None:
        check_settings(test.alpha, test.method, test.permutations, a_a_runs=0, comparable=test.comparable)
    settings = _for_this_process(settings, machines or Machines())
    target = load_target(settings.target, device=settings.device, dtype=settings.dtype)
    check_questions(settings, target)
    return target


def foresee(collection: Collection, test: VerdictSettings) -> list[str]:
    """What can be said of a test before the target is asked: sentences for the reader.

    Raises
    ------
    EarwitnessError
        Where groups have tracks in both sets, and the settings do not leave them out.
    """
    tracks = collection.tracks
    on_suspect_side = pl.col("role").is_in([role.value for role in Role if role.is_suspect_side])
    sides = tracks.group_by("group").agg(
        on_suspect_side.any().alias("suspect"), on_suspect_side.not_().any().alias("held_out")
    )
    spanning = sides.filter(pl.col("suspect") & pl.col("held_out"))["group"].sort().to_list()
    if spanning and test.spanning == "refuse":
        more = f" and {len(spanning) - _NAMED} more" if len(spanning) > _NAMED else ""
        raise EarwitnessError(
            f"{len(spanning)} group(s) have tracks in both sets ({'; '.join(spanning[:_NAMED])}{more}), and what "
            "belongs together cannot be compared with itself; correct the groups, or leave these out with "
            "--exclude-spanning. The target was not asked."
        )
    kept = sides.filter(~(pl.col("suspect") & pl.col("held_out")))
    counts = Counts(suspect=int(kept["suspect"].sum()), held_out=int(kept["held_out"].sum()))
    reason = why_untestable(counts, test.alpha) if test.method == "exact" else None
    return [f"{reason} The target is asked all the same; Ctrl-C ends it."] if reason else []


def extract_stage(
    run: Path,
    settings: MeasureSettings,
    *,
    target: "Target | None" = None,
    test: VerdictSettings | None = None,
    machines: Machines | None = None,
    on_progress: OnProgress = _quiet,
) -> "ExtractSummary":
    """Measure every indexed track; write plan.json, features/ and environment.json.

    ``target`` is one that is loaded already; ``test`` fixes the test's settings in the plan before any
    number is seen; ``machines`` says who measures, and which share.
    """
    from earwitness.measure.extract import extract
    from earwitness.measure.prepare import prepare
    from earwitness.targets.protocols import remarks_on
    from earwitness.targets.registry import pick_device

    machines = machines or Machines()
    collection, settings = _accepted(run), _as_planned(run, settings)
    target = target or open_target(settings, test, machines)
    reader, instrument, plan = prepare(_for_this_process(settings, machines), target, collection)
    if plan.audio is not None:  # so that workers need not measure it again
        settings = replace(settings, loudness=plan.audio.loudness)
    if test is not None:
        plan = plan.model_copy(update={"test": run_folder.settings_of(test)})
    began = time.perf_counter()
    summary = extract(
        collection.located(), reader, instrument, plan, run,
        batch_size=settings.batch_size, read_ahead=pick_device(settings.device) != "cpu",
        engine=_engine(settings, machines, collection), shard=machines.shard, parts_url=machines.parts,
        on_progress=on_progress,
    )  # fmt: skip
    run_folder.note_environment(run, settings, time.perf_counter() - began, summary.measured, remarks_on(target))
    return summary


def _as_planned(run: Path, settings: MeasureSettings) -> MeasureSettings:
    """The settings with the loudness of the folder's plan: whoever goes on with a run may not see all of its audio."""
    audio = Plan.read(run).audio if (run / PLAN_NAME).exists() else None
    if audio is None or audio.harmonise is not settings.harmonise:
        return settings
    return replace(settings, loudness=audio.loudness)


def _has_workers(settings: MeasureSettings, machines: Machines) -> bool:
    from earwitness.targets.registry import worker_devices

    return machines.engine == "ray" or len(worker_devices(settings.device, machines.workers)) > 1


def _for_this_process(settings: MeasureSettings, machines: Machines) -> MeasureSettings:
    """The settings with the device that this process itself needs."""
    return replace(settings, device="cpu") if _has_workers(settings, machines) else settings


def _engine(settings: MeasureSettings, machines: Machines, collection: Collection) -> "Engine | None":
    """Workers where any were asked for or several GPUs are there; else ``None``, this process."""
    if not _has_workers(settings, machines):
        return None
    from earwitness.measure.engines.crew import CrewEngine, Staff
    from earwitness.measure.engines.processes import Processes
    from earwitness.measure.engines.ray import RayActors
    from earwitness.measure.engines.worker import Order
    from earwitness.targets.registry import worker_devices

    def staff(store: "FeatureParts") -> Staff:
        order = Order.of(settings, collection, store)
        if machines.engine == "ray":
            return RayActors(order, machines)
        return Processes(order, worker_devices(settings.device, machines.workers))

    return CrewEngine(staff)


def merge_stage(run: Path, others: Sequence[Path]) -> "MergeSummary":
    """Bring the parts of other run folders, and what is known of the machines that measured them, into ``run``."""
    from earwitness.measure.merge import merge

    summary = merge(run, others)
    run_folder.merge_environments(run, others)
    return summary


def test_stage(
    features: Path, settings: VerdictSettings, *, out: Path | None = None, on_progress: OnProgress = _quiet
) -> DatasetInferenceResult:
    """Test a feature table or a run folder.

    Every test of a run folder is a line of its log. The planned one is written to ``result.json``, any other
    under its number to ``attempts/``; of a lone table the result is written only where ``out`` says.
    """
    result = infer(features, settings, on_progress=on_progress)
    if features.is_dir():
        result = run_folder.keep_result(features, settings, result)
    if out is not None:
        result.write(out)
    return result


def infer(features: Path, settings: VerdictSettings, *, on_progress: OnProgress = _quiet) -> DatasetInferenceResult:
    """The test itself: from a table or a run folder to a result; nothing is written."""
    table = FeatureTable.read(features, higher=settings.higher, lower=settings.lower)
    return dataset_inference(
        table, alpha=settings.alpha, method=settings.method, permutations=settings.permutations, seed=settings.seed,
        spanning=settings.spanning, corrected=settings.corrected, comparable=settings.comparable,
        on_progress=on_progress,
    )  # fmt: skip


def plan_stage(
    run: Path, settings: MeasureSettings, *, target: "Target | None" = None, test: VerdictSettings, commit: bool = True
) -> tuple[str, Commitment | None]:
    """Write plan.json of an indexed run and commit to it, before the target is asked about a track.

    Returns the plan's hash, and the commitment where one is made.

    Raises
    ------
    EarwitnessError
        Where the folder holds features, or another plan.
    """
    from earwitness.measure.prepare import prepare

    settings = _as_planned(run, settings)
    _, _, plan = prepare(settings, target or open_target(settings, test), _accepted(run))
    plan = plan.model_copy(update={"test": run_folder.settings_of(test)})
    plan.claim(run)
    return plan.hash, Commitment.make(run, plan.hash) if commit else None


def report_stage(run: Path) -> Path:
    """Write report.html and the hashes of everything in the run folder."""
    from earwitness.report.bundle import write_bundle_hashes
    from earwitness.report.html import write_report

    page = write_report(run)
    write_bundle_hashes(run)
    return page


def _accepted(run: Path) -> Collection:
    """The run's index, which an inspection may have left with sets that cannot be tested."""
    collection = Collection.read(run)
    if collection.refusal is not None:
        raise EarwitnessError(collection.refusal)
    return collection


def _same_tracks(run: Path, collection: Collection) -> Collection:
    """Refuse other tracks than the folder's features belong to; keep what extraction left out."""
    there = Collection.read(run)
    if differs := track_differences(track_plans(there.tracks), track_plans(collection.tracks)):
        raise PlanMismatchError(
            f"{run} holds features of other tracks or prompts, or of other groups ({'; '.join(differs[:3])}); "
            "choose another run folder. Nothing was changed."
        )
    left_out = there.failures.filter(pl.col("stage") == "extract")
    return replace(collection, failures=pl.concat([collection.failures, left_out]))

"""The four stages of an audit, each from files to files in one run folder.

Goal: ``index`` → ``extract`` → ``test`` → ``report``, importable without the command
line, each restartable and ignorant of the next.
"""

import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import polars as pl

from earwitness.collection.index import Collection
from earwitness.collection.index import index as index_collection
from earwitness.errors import PlanMismatchError
from earwitness.features import FeatureTable
from earwitness.files import write_text
from earwitness.measure.extract import ExtractSummary, extract
from earwitness.measure.windows import Source
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.result import DatasetInferenceResult

OnProgress = Callable[[int, int], None]

__all__ = ["MeasureSettings", "VerdictSettings", "extract_stage", "index_stage", "report_stage", "test_stage"]


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

    A folder that holds features keeps to the tracks and prompts they were measured on.
    """
    collection = index_collection(suspect, held_out, manifest, on_progress=on_progress)
    if any((run / "features").glob("part-*.parquet")):
        collection = _same_tracks(run, collection)
    collection.write(run)
    return collection


def extract_stage(
    run: Path, settings: MeasureSettings, *, test: VerdictSettings | None = None, on_progress: OnProgress = _quiet
) -> ExtractSummary:
    """Measure every indexed track; write plan.json, features/ and environment.json.

    ``test`` fixes the test's settings in the plan before any number is seen.
    """
    from earwitness.measure.prepare import prepare
    from earwitness.targets.registry import pick_device

    collection = Collection.read(run)
    reader, instrument, plan = prepare(settings, collection, test)
    sources = [
        Source(
            track_id=row["track_id"], path=path, content_sha256=row["content_sha256"], prompt=row["prompt"], facts=row
        )
        for row, path in collection.located()
    ]
    began = time.perf_counter()
    summary = extract(
        sources, reader, instrument, plan, run,
        batch_size=settings.batch_size, read_ahead=pick_device(settings.device) != "cpu", on_progress=on_progress,
    )  # fmt: skip
    _write_environment(run, settings, time.perf_counter() - began, summary.measured)
    return summary


def test_stage(
    features: Path,
    settings: VerdictSettings,
    *,
    higher: Iterable[str] = (),
    lower: Iterable[str] = (),
    out: Path | None = None,
) -> DatasetInferenceResult:
    """Test a feature table or a run folder; write result.json (for a lone table only where ``out`` says)."""
    table = FeatureTable.read(features, higher=higher, lower=lower)
    result = dataset_inference(
        table, alpha=settings.alpha, method=settings.method, permutations=settings.permutations, seed=settings.seed,
        spanning=settings.spanning, corrected=settings.corrected,
    )  # fmt: skip
    if out is None and features.is_dir():
        out = features / "result.json"
    if out is not None:
        result.write(out)
    return result


def report_stage(run: Path) -> Path:
    """Write report.html and the hashes of everything in the run folder."""
    from earwitness.report.bundle import write_bundle_hashes
    from earwitness.report.html import write_report

    page = write_report(run)
    write_bundle_hashes(run)
    return page


def _same_tracks(run: Path, collection: Collection) -> Collection:
    """Refuse other tracks or prompts than the folder's features belong to; keep what extraction left out."""
    there = Collection.read(run)
    measured_on = ["track_id", "prompt"]
    if set(there.tracks.select(measured_on).iter_rows()) != set(collection.tracks.select(measured_on).iter_rows()):
        raise PlanMismatchError(
            f"{run} holds features of other tracks or prompts; choose another --out folder. Nothing was changed."
        )
    left_out = there.failures.filter(pl.col("stage") == "extract")
    return replace(collection, failures=pl.concat([collection.failures, left_out]))


def _write_environment(run: Path, settings: MeasureSettings, seconds: float, tracks: int) -> None:
    """What the numbers were made with: for the reader, outside the plan's hash."""
    import torch

    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    content = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": settings.target,
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "versions": {
            name: _version(name) for name in ("earwitness", "torch", "transformers", "numpy", "scipy", "polars")
        },
        "extract_seconds": round(seconds, 2),
        "extracted_tracks": tracks,
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    write_text(run / "environment.json", json.dumps(content, indent=2) + "\n")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

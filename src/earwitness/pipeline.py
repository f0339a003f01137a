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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import polars as pl

from earwitness.admission import Spanning
from earwitness.collection import Collection
from earwitness.collection import index as index_collection
from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.extract import ExtractSummary, Source, extract
from earwitness.features import FeatureTable
from earwitness.files import write_text
from earwitness.inference import dataset_inference
from earwitness.result import DatasetInferenceResult

OnProgress = Callable[[int, int], None]
DEFAULT_SECONDS = 10.0


def _quiet(done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """What is asked of which target. ``contrast``: auto, on or off; ``seconds`` None: 10 s or the model's limit."""

    target: str
    preset: str = "default"
    contrast: str = "auto"
    seconds: float | None = None
    windows_per_track: int = 3
    seed: int = 0
    device: str = "auto"
    dtype: str = "float32"
    batch_size: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSettings:
    """How the two sets are compared; see ``dataset_inference``."""

    method: str = "exact"
    alpha: float = 0.01
    permutations: int = 9999
    seed: int = 0
    spanning: Spanning = "refuse"
    corrected: bool = False


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
    from earwitness.instrument import TokenInstrument, prompts_inform
    from earwitness.plan import AudioPlan, Plan, SetTestPlan, TargetPlan, WindowPlan
    from earwitness.signals.tokens.presets import token_preset
    from earwitness.targets import load_target
    from earwitness.targets.registry import pick_device

    collection = Collection.read(run)
    preset = token_preset(settings.preset)
    target = load_target(settings.target, device=settings.device, dtype=settings.dtype)
    prompts = collection.tracks["prompt"].to_list()
    wanted = preset.wants_null_pass and prompts_inform(prompts)
    guided = _guided(settings.contrast, wanted=wanted, possible=target.has_null_condition)
    instrument = TokenInstrument(target=target, preset=preset, guided=guided)
    plan = Plan(
        target=TargetPlan(
            family=target.identity.family, weights_sha256=target.identity.weights_sha256, dtype=target.identity.dtype
        ),
        preset=preset.name,
        guided=guided,
        signals=tuple(repr(signal) for signal in preset.chosen(guided=guided)),
        windows=WindowPlan(
            seconds=_window_seconds(settings.seconds, target.max_seconds),
            per_track=settings.windows_per_track,
            grid=target.hop_length,
        ),
        audio=AudioPlan(sample_rate=target.sample_rate),
        seed=settings.seed,
        test=None
        if test is None
        else SetTestPlan(method=test.method, alpha=test.alpha, permutations=test.permutations),
    )
    sources = [
        Source(
            track_id=row["track_id"], path=path, content_sha256=row["content_sha256"], prompt=row["prompt"], facts=row
        )
        for row, path in collection.located()
    ]
    began = time.perf_counter()
    summary = extract(
        sources, instrument, plan, run,
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


def _guided(contrast: str, *, wanted: bool, possible: bool) -> bool:
    if contrast not in ("auto", "on", "off"):
        raise EarwitnessError(f"There is no contrast setting {contrast!r}; choose auto, on or off.")
    if contrast == "on" and not possible:
        raise EarwitnessError(
            "This target was trained without condition dropout; it has no contrast. Use --contrast off."
        )
    return possible and (contrast == "on" or (contrast == "auto" and wanted))


def _window_seconds(asked: float | None, limit: float | None) -> float:
    if asked is not None and limit is not None and asked > limit:
        raise EarwitnessError(
            f"The target takes windows of at most {limit:g} s, not {asked:g} s; use a smaller --seconds."
        )
    return asked if asked is not None else min(DEFAULT_SECONDS, limit or DEFAULT_SECONDS)


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

"""What a run folder holds beside its measurements: the machine that measured, and every test that was made.

Goal: the planned test alone is *the* result; nothing is silently replaced. A test that departs from
the plan is kept beside it, under its number in the log, and says in what it departs.
"""

import hashlib
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import polars as pl

from earwitness.errors import EarwitnessError
from earwitness.files import file_sha256, locked, parsed_json, write_bytes, write_text
from earwitness.measure.plan import PLAN_NAME, Plan
from earwitness.parquet import read_frame
from earwitness.record.commitment import Commitment
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.verdict.attempts import (
    OTHER_RESULTS,
    RESULT_NAME,
    append,
    differences,
    next_number,
    read_attempts,
    unlogged,
)
from earwitness.verdict.result import DatasetInferenceResult

ENVIRONMENT_NAME = "environment.json"
VERSIONS = ("earwitness", "torch", "transformers", "numpy", "scipy", "polars", "altair", "vl-convert-python")


def settings_of(test: VerdictSettings) -> dict[str, Any]:
    """The settings of a test as JSON holds them."""
    loaded: dict[str, Any] = json.loads(json.dumps(asdict(test)))
    return loaded


def features_sha256(run: Path) -> str:
    """One hash over the files of the feature table."""
    digest = hashlib.sha256()
    for path in sorted((run / "features").glob("part-*.parquet")):
        digest.update(f"{path.name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def keep_result(run: Path, test: VerdictSettings, result: DatasetInferenceResult) -> DatasetInferenceResult:
    """Write a result and its line in the log; the planned one is ``result.json``, any other ``attempts/NNNN.json``.

    Where the plan holds no settings of a test, this test's become part of it, and the result says so. A folder
    without a plan (its features came from elsewhere) keeps ``result.json`` alone.

    The line comes first: no result is seen that the log lacks. Where a test was broken off between the two, the same
    test, whose result has the same bytes, does no more than write it.
    """
    if not (run / PLAN_NAME).exists():
        result.write(run / RESULT_NAME)
        return result
    plan = _with_test(Plan.read(run), run, test)
    result = as_recorded(run, plan, test, result)
    content = f"{result.model_dump_json(indent=2)}\n".encode()
    with locked(run, "attempts"):
        name = _broken_off(run, hashlib.sha256(content).hexdigest())
        if name is None:
            name = RESULT_NAME if not result.departures else _free_name(run)
            _log(run, plan, test, result, name, hashlib.sha256(content).hexdigest())
        write_bytes(run / name, content)
    return result


def _broken_off(run: Path, result_sha256: str) -> str | None:
    """The result that the log notes under this hash and that is not there, or not whole; ``None``: all are."""
    for name, attempt in {attempt.result: attempt for attempt in read_attempts(run)}.items():
        whole = (run / name).exists() and file_sha256(run / name) == result_sha256
        if attempt.result_sha256 == result_sha256 and not whole:
            return name
    return None


def _log(
    run: Path, plan: Plan, test: VerdictSettings, result: DatasetInferenceResult, name: str, result_sha256: str
) -> None:
    append(
        run,
        {
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "settings": settings_of(test),
            "differs": tuple(result.departures),
            "verdict": result.verdict,
            "p_value": result.p_value,
            "target": target_name(run),
            "plan_hash": plan.hash,
            "features_sha256": features_sha256(run),
            "result": name,
            "result_sha256": result_sha256,
            "version": version_of("earwitness"),
        },
    )


def _free_name(run: Path) -> str:
    """A file for the next attempt; where the log was cut, the results that it left behind stay."""
    number = next_number(run)
    while (run / (name := f"{OTHER_RESULTS}/{number:04d}.json")).exists():
        number += 1
    return name


def as_recorded(run: Path, plan: Plan, test: VerdictSettings, result: DatasetInferenceResult) -> DatasetInferenceResult:
    """What a test found, with what its run adds: the plan, the model's name, and in what the test departs."""
    differs = [*plan.track_differences(run), *differences(plan.test or {}, settings_of(test))]
    return result.model_copy(
        update={
            "plan_hash": plan.hash,
            "departures": differs,
            "target_name": target_name(run),
            "reasons": [*([f"This test is not as planned: {'; '.join(differs)}."] if differs else []), *result.reasons],
            "warnings": [
                *result.warnings,
                *(
                    ["The settings of the planned test were fixed after the features had been measured."]
                    if plan.test_fixed_late
                    else []
                ),
                *map(str, read_environment(run).get("remarks", ())),
            ],
        }
    )


def _with_test(plan: Plan, run: Path, test: VerdictSettings) -> Plan:
    if plan.test is None:
        plan = plan.model_copy(update={"test": settings_of(test), "test_fixed_late": True})
        plan.write(run)
    return plan


def inconsistencies(run: Path) -> list[str]:
    """What in a run folder does not fit its plan and its log; empty where all of it does.

    This holds even where ``hashes.json`` was written anew: results, features and plan are held by the log's lines,
    and each line by the next.
    """
    attempts = read_attempts(run)
    if not attempts:
        return unlogged(run)
    plan = Plan.read(run)
    found = unlogged(run)
    found += [f"tracks.parquet is not as planned: {difference}" for difference in plan.track_differences(run)]
    found += _content_differences(run)
    last = attempts[-1]
    committed = Commitment.read(run)
    if committed is not None and committed.plan_hash != plan.hash:
        found.append(f"plan.json is not the plan that was committed on {committed.made}")
    if plan.hash != last.plan_hash:
        found.append(f"plan.json is not the plan that attempt {last.number} was held against")
    if features_sha256(run) != last.features_sha256:
        found.append(f"the files in features/ are not those that attempt {last.number} tested")
    for name, attempt in {attempt.result: attempt for attempt in attempts}.items():
        path = run / name
        if not path.exists():
            found.append(f"{name}, the result of attempt {attempt.number}, is missing")
        elif file_sha256(path) != attempt.result_sha256:
            found.append(f"{name} is not the result that attempt {attempt.number} noted")
    return found


def _content_differences(run: Path) -> list[str]:
    """Tracks of tracks.parquet whose name is not the hash of their content."""
    tracks = read_frame(run / "tracks.parquet")
    other = tracks.filter(pl.col("content_sha256").str.slice(0, 16) != pl.col("track_id"))["track_id"].to_list()
    return [f"tracks.parquet gives track {other[0]} another content than it was indexed with"] if other else []


def target_name(run: Path) -> str | None:
    """The model's name as its user gave it when it was asked."""
    name = read_environment(run).get("target")
    return None if name is None else str(name)


def read_environment(run: Path) -> dict[str, Any]:
    """``environment.json``; empty where there is none."""
    path = run / ENVIRONMENT_NAME
    if not path.exists():
        return {}
    try:
        content = parsed_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EarwitnessError(f"{path} cannot be read as JSON ({error}); restore the original file.") from None
    if not isinstance(content, dict):
        raise EarwitnessError(f"{path} holds no JSON object; restore the original file.")
    return content


def note_environment(
    run: Path, settings: MeasureSettings, seconds: float, tracks: int, remarks: Sequence[str] = ()
) -> None:
    """Note what measured the features, outside the plan's hash; a later session that measured more is added.

    ``remarks`` on the target become warnings of the results.
    """
    now = _session(settings, seconds, tracks) | ({"remarks": list(remarks)} if remarks else {})
    with locked(run, ENVIRONMENT_NAME):  # shards of one run may end at the same time
        there = read_environment(run)
        if there and not tracks:
            return
        content: Mapping[str, Any] = there | {"continued": [*there.get("continued", []), now]} if there else now
        write_text(run / ENVIRONMENT_NAME, json.dumps(content, indent=2) + "\n")


def merge_environments(run: Path, others: Sequence[Path]) -> None:
    """Add the sessions that other folders' parts come from to those of a run, each once."""
    with locked(run, ENVIRONMENT_NAME):
        sessions: list[dict[str, Any]] = []
        for folder in (run, *others):
            there = read_environment(folder)
            first = {name: value for name, value in there.items() if name != "continued"}
            sessions += [each for each in (first, *there.get("continued", [])) if each and each not in sessions]
        if sessions:
            content = sessions[0] | ({"continued": sessions[1:]} if sessions[1:] else {})
            write_text(run / ENVIRONMENT_NAME, json.dumps(content, indent=2) + "\n")


def _session(settings: MeasureSettings, seconds: float, tracks: int) -> dict[str, Any]:
    import torch

    from earwitness.targets.registry import pick_device

    device = pick_device(settings.device)
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": settings.target,
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "versions": {name: version_of(name) for name in VERSIONS},
        "extract_seconds": round(seconds, 2),
        "extracted_tracks": tracks,
        "peak_memory_mib": _peak_memory_mib(),
    }


def _peak_memory_mib() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    # Kilobytes on Linux, bytes on macOS.
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def version_of(package: str) -> str:
    """The installed version of a package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

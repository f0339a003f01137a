"""What a report shows besides the result: the tracks, the failures, the plan, the machine.

Goal: read a run folder once, tolerantly (a file that is not there is simply not reported;
a file that is there and cannot be read is an error), into one immutable record.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import cast

import polars as pl

from earwitness.collection.tracks import FAILURE_SCHEMA, Failure, set_roots
from earwitness.errors import EarwitnessError
from earwitness.files import parsed_json
from earwitness.identity import UNKNOWN_TARGET, TargetIdentity
from earwitness.parquet import read_frame
from earwitness.record.case import Case
from earwitness.record.commitment import Commitment
from earwitness.report.bundle import PDF_NAME, REPORT_NAME, hash_files
from earwitness.verdict.attempts import Attempt, read_attempts, unlogged

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRow:
    """One track of the collection, as its tags and its content hash name it."""

    track_id: str
    role: str
    group: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    seconds: float | None = None
    sha256: str | None = None
    group_from: str | None = None
    path: str | None = None
    pair: str | None = None
    stratum: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSummary:
    """Size of one set. ``groups_from`` counts its tracks by how their group was found."""

    role: str
    tracks: int
    groups: int
    minutes: float | None = None
    groups_from: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContext:
    """Everything around a result that a reader may want; all of it optional.

    Attributes
    ----------
    title
        The heading of the report.
    created
        When it was made, as text; passed in, never taken from the clock here.
    set_names
        The folder of each set, as its user called it.
    case
        What the author states beside the numbers.
    committed
        The commitment to the plan, where it was laid down before the model was asked.
    sets, tracks, failures
        The two sets, their tracks, and the files left out.
    plan
        The settings that fix the numbers, as read from ``plan.json``.
    target
        The audited model.
    environment
        Versions and device; for the reader, outside the plan's hash.
    timings
        Seconds by stage.
    files
        SHA-256 by relative path of the run's files at the time of rendering.
    attempts
        Every test that was made of the run, in order.
    unlogged
        Sentences on results that no line of the log covers.
    """

    title: str | None = None
    created: str | None = None
    set_names: Mapping[str, str] = field(default_factory=dict)
    case: Case = field(default_factory=Case)
    committed: Commitment | None = None
    sets: tuple[SetSummary, ...] = ()
    tracks: tuple[TrackRow, ...] = ()
    failures: tuple[Failure, ...] = ()
    plan: Mapping[str, Json] = field(default_factory=dict)
    target: TargetIdentity = UNKNOWN_TARGET
    environment: Mapping[str, Json] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    unlogged: tuple[str, ...] = ()


def report_context(
    run_folder: Path, *, title: str | None = None, created: str | None = None, target_name: str | None = None
) -> ReportContext:
    """Read the plan, the tracks, the failures and the environment, where they exist.

    Raises
    ------
    EarwitnessError
        Where the folder does not exist, or one of the files is there but cannot be read.
    """
    if not run_folder.is_dir():
        raise EarwitnessError(f"{run_folder} is not a folder; give the run folder that `earwitness audit` wrote.")
    case = Case.read(run_folder)
    plan = _json_object(run_folder / "plan.json")
    environment = _json_object(run_folder / "environment.json")
    timings = environment.get("timings")
    tracks = tuple(_track(row) for row in _rows(run_folder / "tracks.parquet"))
    return ReportContext(
        title=title or case.title,
        created=created or case.report_made,
        set_names=_set_names(run_folder / "tracks.parquet"),
        case=case,
        committed=Commitment.read(run_folder),
        sets=set_summaries(tracks),
        tracks=tracks,
        failures=tuple(
            Failure(**{name: _text(row.get(name)) or "" for name in FAILURE_SCHEMA})
            for row in _rows(run_folder / "failures.parquet")
        ),
        plan=plan,
        target=_target(plan.get("target"), target_name),
        environment={key: value for key, value in environment.items() if key != "timings"},
        timings={k: float(v) for k, v in timings.items() if isinstance(v, int | float)}
        if isinstance(timings, dict)
        else {},
        files={path: digest for path, digest in hash_files(run_folder).items() if path not in (REPORT_NAME, PDF_NAME)},
        attempts=tuple(read_attempts(run_folder)),
        unlogged=tuple(unlogged(run_folder)),
    )


def _set_names(tracks: Path) -> dict[str, str]:
    """The last part of the folder that holds each set; nothing where one folder holds both."""
    if not tracks.exists():
        return {}
    roots = set_roots(tracks)
    return {role: root.name for role, root in roots.items()} if len(set(roots.values())) > 1 else {}


def set_summaries(tracks: tuple[TrackRow, ...]) -> tuple[SetSummary, ...]:
    """Count tracks, groups and minutes by role, in the order of first appearance.

    Minutes are absent where the length of any track of the role is unknown.
    """
    by_role: dict[str, list[TrackRow]] = {}
    for track in tracks:
        by_role.setdefault(track.role, []).append(track)
    return tuple(
        SetSummary(
            role=role,
            tracks=len(rows),
            groups=len({row.group for row in rows}),
            minutes=_total_minutes(rows),
            groups_from=Counter(row.group_from for row in rows if row.group_from),
        )
        for role, rows in by_role.items()
    )


def _total_minutes(rows: list[TrackRow]) -> float | None:
    lengths = [row.seconds for row in rows if row.seconds is not None]
    return sum(lengths) / 60 if len(lengths) == len(rows) else None


def _track(row: Mapping[str, object]) -> TrackRow:
    seconds = row.get("seconds")
    return TrackRow(
        track_id=_text(row.get("track_id")) or "",
        role=_text(row.get("role")) or "",
        group=_text(row.get("group")) or "",
        title=_text(row.get("title")),
        artist=_text(row.get("artist")),
        album=_text(row.get("album")),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        sha256=_text(row.get("sha256")),
        group_from=_text(row.get("group_from")),
        path=_text(row.get("path")),
        pair=_text(row.get("pair")),
        stratum=_text(row.get("stratum")),
    )


def _target(identity: Json, name: str | None) -> TargetIdentity:
    if not isinstance(identity, dict):
        return replace(UNKNOWN_TARGET, name=name or _text(identity) or "")
    said = {field.name: _text(identity.get(field.name)) or "" for field in fields(TargetIdentity)}
    return TargetIdentity(**said | ({"name": name} if name else {}))


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _json_object(path: Path) -> dict[str, Json]:
    if not path.exists():
        return {}
    try:
        value = parsed_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EarwitnessError(f"{path} cannot be read as JSON ({error}); restore it or run the audit again.") from None
    if not isinstance(value, dict):
        raise EarwitnessError(f"{path} holds no JSON object; restore it or run the audit again.")
    return cast("dict[str, Json]", value)


def _rows(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    try:
        return read_frame(path).to_dicts()
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EarwitnessError(
            f"{path} cannot be read as Parquet ({reason}); restore it or run the audit again."
        ) from None

"""The report's tables as plain text cells, ready to be laid out.

Goal: all choosing, sorting and formatting happens here; the template only places cells.
Conventions: cells are unescaped strings (the template escapes); an em dash is *not known*.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from earwitness.report.context import Json, ReportContext, SetSummary, TrackRow
from earwitness.report.wording import ROLE_NAMES
from earwitness.verdict.numbers import ABSENT, count, decimal, is_known, minutes_seconds, p_value
from earwitness.verdict.result import DatasetInferenceResult, FeatureResult, TrackResult

GROUP_RULES = {
    "manifest": "named in the manifest",
    "album": "by album tag",
    "folder": "by folder",
    "track": "each track on its own",
    "recording": "joined by a recording they share",
}
_HASH_SHOWN = 16
ROWS_SHOWN = 4_000
"""Longer tables are sampled, so that the page of a large audit can still be mailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTable:
    """Column heads and rows of text; ``numeric`` columns are set flush right, ``note`` says what is not shown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLine:
    """A feature for the table; ``bar`` is its weight in per cent of the largest."""

    name: str
    member_is: str
    auc: str
    weight: str
    missing: str
    bar: float


def features_by_weight(result: DatasetInferenceResult) -> list[FeatureResult]:
    """The features, heaviest first; equal weights by AUC, features without a weight last."""
    return sorted(result.features, key=lambda feature: (-_size(feature.weight), -_size(feature.auc), feature.name))


def feature_lines(result: DatasetInferenceResult) -> list[FeatureLine]:
    """The per-signal table, heaviest feature first."""
    largest = max((_size(feature.weight) for feature in result.features), default=0.0)
    return [
        FeatureLine(
            name=feature.name,
            member_is=feature.member_is.value,
            auc=decimal(feature.auc, 3),
            weight=decimal(feature.weight, 3),
            missing=count(feature.missing),
            bar=round(100 * max(_size(feature.weight), 0.0) / largest, 1) if largest > 0 else 0.0,
        )
        for feature in features_by_weight(result)
    ]


def set_table(result: DatasetInferenceResult, context: ReportContext) -> CellTable:
    """Tracks, groups, minutes and exclusions of the two sets, and how their groups were found."""
    known = {summary.role: summary for summary in context.sets}
    return CellTable(
        columns=("Set", "Tracks", "Groups", "Minutes", "Left out", "Groups found"),
        rows=tuple(
            (
                ROLE_NAMES[role],
                count(tracks),
                count(groups),
                decimal(known[role].minutes, 0) if role in known else ABSENT,
                count(failures),
                _groups_found(known.get(role)),
            )
            for role, tracks, groups, failures in (
                ("suspect", result.n_tracks.suspect, result.n_groups.suspect, result.failures.suspect),
                ("held_out", result.n_tracks.held_out, result.n_groups.held_out, result.failures.held_out),
            )
        ),
        numeric=frozenset({1, 2, 3, 4}),
    )


def attempt_table(result: DatasetInferenceResult, context: ReportContext) -> CellTable:
    """Every test made of the run, the planned one and the others."""
    return CellTable(
        columns=("Number", "Time (UTC)", "Method", "Level", "p", "Verdict", "As planned"),
        rows=tuple(
            (
                count(attempt.number),
                attempt.made,
                str(attempt.settings.get("method", ABSENT)),
                str(attempt.settings.get("alpha", ABSENT)),
                ABSENT if attempt.p_value is None else p_value(attempt.p_value, alpha=result.alpha),
                attempt.verdict.replace("_", " "),
                "yes" if attempt.as_planned else f"no: {'; '.join(attempt.differs)}",
            )
            for attempt in context.attempts
        ),
        numeric=frozenset({0, 3, 4}),
    )


def track_table(result: DatasetInferenceResult, context: ReportContext) -> CellTable:
    """All tracks; where single tracks may be spoken of, with score and p-value, the most member-like first.

    Tracks come from the collection where there is one, else from the result. Under any other verdict, and on
    sets that were not shown to be alike without the model, a list by score would accuse tracks that were
    never used: they stand in the order of the collection, without a score.
    """
    scored = {track.track_id: track for track in result.tracks}
    rows = {track.track_id: track for track in context.tracks} or {
        t.track_id: TrackRow(track_id=t.track_id, role=t.role, group=t.group) for t in result.tracks
    }
    singly = result.track_wise and any(track.p_value is not None for track in result.tracks)
    ordered = sorted(
        rows.values(),
        key=lambda row: (row.role != "suspect", row.role, *(_rank(scored.get(row.track_id)) if singly else ())),
    )
    design = [name for name in ("pair", "stratum") if any(getattr(row, name) for row in ordered)]
    heads = ("Set", "Title", "Artist", "Album", "Group", *(name.capitalize() for name in design), "Length")
    columns = (*heads, "Content hash", *(["Score", "p"] if singly else []))
    length = len(heads) - 1
    shown, note = _sampled(ordered, highest_first=singly)
    return CellTable(
        columns=columns,
        rows=tuple(_track_cells(row, design, scored.get(row.track_id), result.alpha)[: len(columns)] for row in shown),
        numeric=frozenset({length, length + 2, length + 3}),
        note=note,
    )


def failure_table(context: ReportContext) -> CellTable:
    """The files that were left out, with the reason."""
    rows = tuple((row.path, row.stage, row.error, row.message) for row in context.failures)
    note = f"The first {count(ROWS_SHOWN)} of them are listed; all stand in failures.parquet."
    return CellTable(
        columns=("File", "Stage", "Reason", "Message"),
        rows=rows[:ROWS_SHOWN],
        note=note if len(rows) > ROWS_SHOWN else "",
    )


def settings_table(result: DatasetInferenceResult, context: ReportContext) -> CellTable:
    """The settings that fix the numbers: those of the plan, then those of the test."""
    test = (
        ("method", result.method),
        ("α", f"{result.alpha:g}"),
        ("permutations", count(result.permutations)),
        ("seed of the test", ABSENT if result.seed is None else str(result.seed)),
        *((f"p-value of scorer {name}", p_value(p, alpha=result.alpha)) for name, p in result.scorer_p_values.items()),
        ("plan hash", result.plan_hash or ABSENT),
        ("result schema", str(result.schema_version)),
    )
    return _two_columns((*flattened(context.plan), *test))


def environment_table(context: ReportContext) -> CellTable:
    """Versions, device and timings: for the reader, they fix no number."""
    seconds = ((f"{stage}, seconds", decimal(value, 1)) for stage, value in context.timings.items())
    return _two_columns((*flattened(context.environment), *seconds))


def file_table(context: ReportContext) -> CellTable:
    """SHA-256 of the run's files when the report was made."""
    return CellTable(columns=("File", "SHA-256"), rows=tuple(context.files.items()))


def flattened(settings: Mapping[str, Json], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as rows: ``{"windows": {"seconds": 8}}`` gives ``windows.seconds``, ``8``."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, dict):
            rows += flattened(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            rows.append((prefix + key, ", ".join(map(str, value))))
        else:
            rows.append((prefix + key, ABSENT if value is None else str(value)))
    return rows


def _two_columns(rows: Iterable[tuple[str, str]]) -> CellTable:
    return CellTable(columns=("Setting", "Value"), rows=tuple(rows))


def _sampled(tracks: list[TrackRow], *, highest_first: bool) -> tuple[list[TrackRow], str]:
    """Return the tracks to list, suspects first, and a sentence where they are not all."""
    if len(tracks) <= ROWS_SHOWN:
        return tracks, ""
    suspects = [track for track in tracks if track.role == "suspect"]
    others = [track for track in tracks if track.role != "suspect"]
    half = ROWS_SHOWN // 2
    shown = [*(suspects[:half] if highest_first else _spread(suspects, half)), *_spread(others, half)]
    spread = "tracks at equal distances in the order of the list"
    which = (
        f"the suspect tracks that score highest, and of the others {spread}"
        if highest_first
        else f"of each set {spread}"
    )
    return shown, (
        f"{count(len(shown))} of the {count(len(tracks))} tracks are listed: {which}. All of them stand in result.json."
    )


def _spread(tracks: list[TrackRow], most: int) -> list[TrackRow]:
    """Return at most so many tracks, at equal distances in the order given."""
    return tracks if len(tracks) <= most else [tracks[i * len(tracks) // most] for i in range(most)]


def _size(value: float | None) -> float:
    return value if value is not None and is_known(value) else float("-inf")


def _groups_found(summary: SetSummary | None) -> str:
    if summary is None or not summary.groups_from:
        return ABSENT
    return ", ".join(f"{GROUP_RULES.get(rule, rule)} ({count(n)} tracks)" for rule, n in summary.groups_from.items())


def _rank(track: TrackResult | None) -> tuple[float, str]:
    return (float("inf"), "") if track is None else (-track.score, track.track_id)


def _track_cells(row: TrackRow, design: Iterable[str], scored: TrackResult | None, alpha: float) -> tuple[str, ...]:
    return (
        ROLE_NAMES.get(row.role, row.role),
        row.title or row.track_id,
        row.artist or ABSENT,
        row.album or ABSENT,
        row.group,
        *(getattr(row, name) or ABSENT for name in design),
        minutes_seconds(row.seconds),
        row.sha256[:_HASH_SHOWN] if row.sha256 else ABSENT,
        decimal(None if scored is None else scored.score, 3),
        p_value(None if scored is None else scored.p_value, alpha=alpha),
    )

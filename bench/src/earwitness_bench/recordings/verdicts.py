"""The verdicts on every artist by every method, and what each is worth, the truth being known.

Goal: one row per audit and method. Conventions: an audit compares an artist's suspect half with the
held-out half; the unit of independence is the piece; an artist with too few pieces cannot be tested,
and its row says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from earwitness.features import FeatureTable
from earwitness.stats.multiplicity import holm_adjusted
from earwitness.verdict.inference import dataset_inference
from earwitness_bench.methods import FEWEST
from earwitness_bench.recordings.excerpts import Excerpt
from earwitness_bench.scale import ALPHA

PUBLISHED = ("cdi", "iar", "llm-di")
ALL_USED, ALL_UNUSED = "all used artists", "all unused artists"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One claim to test: whose it is, and whether it is true; ``artist`` may be several ``together``."""

    artist: str
    together: bool
    package: str
    used: bool
    track_ids: tuple[str, ...]


def audits_of(excerpts: Sequence[Excerpt], track_ids: Mapping[str, str]) -> list[Audit]:
    """An audit an artist, one of all used artists together and one of all others.

    ``track_ids`` maps an excerpt's file name to its track; excerpts without one could not be measured.
    """
    claims: dict[tuple[bool, str], list[Excerpt]] = {}
    for excerpt in excerpts:
        claims.setdefault((False, excerpt.part.artist), []).append(excerpt)
        claims.setdefault((True, ALL_USED if excerpt.part.used else ALL_UNUSED), []).append(excerpt)
    return [
        Audit(
            artist=artist, together=together, used=of_claim[0].part.used,
            package=" ".join(sorted({excerpt.part.recording.package for excerpt in of_claim})),
            track_ids=tuple(track_ids[e.path.name] for e in of_claim if e.path.name in track_ids),
        )
        for (together, artist), of_claim in sorted(claims.items())
    ]  # fmt: skip


def audit_rows(
    audits: Iterable[Audit], default: FeatureTable, published: FeatureTable, *, permutations: int = 9999
) -> list[Row]:
    """One row per audit and method.

    Columns: ``artist, package, truth`` (``used``, ``not used``), ``suspect_tracks, held_out_tracks,
    suspect_pieces, held_out_pieces, method, verdict, p_value, p_value_floor`` (the smallest that these
    sets and so many relabellings can give), ``adjusted_p_value`` (with what tells the sets apart
    without the model accounted for, where that was needed), ``holm_p_value`` (over the artists, for
    ``exact``), ``outcome`` (see `outcome`), ``right`` (null where nothing was
    tested) and ``remark``. ``exact`` sees the default features, the published procedures their own.
    """
    rows, single = [], []
    for audit in audits:
        exact = _exact(audit, _rows_of(default, audit), permutations)
        rows += [exact, *(_published(audit, method, _rows_of(published, audit)) for method in PUBLISHED)]
        if not audit.together:
            single.append(exact)
    adjusted = holm_adjusted([float("nan") if row["p_value"] is None else row["p_value"] for row in single])
    for row, value in zip(single, adjusted.tolist(), strict=True):
        row["holm_p_value"] = None if value != value else value
    return rows


def outcome(verdict: str, *, used: bool) -> str:
    """What a verdict is worth: ``found``, ``missed``, ``false alarm``, ``quiet`` or ``cannot be tested``."""
    if verdict == "cannot_be_tested":
        return "cannot be tested"
    if verdict == "evidence_of_use":
        return "found" if used else "false alarm"
    return "missed" if used else "quiet"


def _exact(audit: Audit, table: FeatureTable, permutations: int) -> Row:
    result = dataset_inference(table, alpha=ALPHA, permutations=permutations)
    told = result.verdict in ("cannot_be_tested", "inconclusive")
    return _row(
        audit, table, "exact", result.verdict, p_value=result.p_value, p_value_floor=result.p_value_floor,
        adjusted_p_value=result.blind.adjusted_p_value if result.blind else None,
        remark=" ".join(result.reasons) if told else "",
    )  # fmt: skip


def _published(audit: Audit, method: str, table: FeatureTable) -> Row:
    fewest = min(_sides(table, "track_id"))
    if fewest < FEWEST[method]:
        remark = f"The procedure needs {FEWEST[method]} tracks per side."
        return _row(audit, table, method, "cannot_be_tested", remark=remark)
    # As published: the procedures know no control of their own error rate.
    result = dataset_inference(table, alpha=ALPHA, method=method, a_a_runs=0, effect_runs=0)
    fired = result.p_value is not None and result.p_value <= ALPHA
    return _row(audit, table, method, "evidence_of_use" if fired else "no_evidence", p_value=result.p_value)


def _row(
    audit: Audit,
    table: FeatureTable,
    method: str,
    verdict: str,
    *,
    p_value: float | None = None,
    p_value_floor: float | None = None,
    adjusted_p_value: float | None = None,
    remark: str = "",
) -> Row:
    tracks, pieces = _sides(table, "track_id"), _sides(table, "group")
    happened = outcome(verdict, used=audit.used)
    return {
        "artist": audit.artist,
        "package": audit.package,
        "truth": "used" if audit.used else "not used",
        "suspect_tracks": tracks[0],
        "held_out_tracks": tracks[1],
        "suspect_pieces": pieces[0],
        "held_out_pieces": pieces[1],
        "method": method,
        "verdict": verdict,
        "p_value": p_value,
        "p_value_floor": p_value_floor,
        "adjusted_p_value": adjusted_p_value,
        "holm_p_value": None,
        "outcome": happened,
        "right": None if happened == "cannot be tested" else happened in ("found", "quiet"),
        "remark": remark,
    }


def _rows_of(table: FeatureTable, audit: Audit) -> FeatureTable:
    return replace(table, frame=table.frame.filter(pl.col("track_id").is_in(audit.track_ids)))


def _sides(table: FeatureTable, column: str) -> tuple[int, int]:
    """How many different values each side has: suspect, held-out."""
    suspect = pl.col("role") == "suspect"
    return table.frame.filter(suspect)[column].n_unique(), table.frame.filter(~suspect)[column].n_unique()

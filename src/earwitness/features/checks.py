"""What a feature table must hold, checked once; everything after trusts it."""

from math import comb

import numpy as np
import polars as pl

from earwitness.errors import EarwitnessError
from earwitness.features.columns import (
    BLIND_PREFIX,
    DESIGN_COLUMNS,
    HELD_OUT_ROLES,
    ID_COLUMNS,
    KEY_COLUMNS,
    SUSPECT_ROLES,
    is_bookkeeping,
)
from earwitness.features.directions import blind_here, registered

_APART_BY_CHANCE = 1e-3


def checked(frame: pl.DataFrame, source: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the frame with text ids and float64 features, or say which rule it breaks."""
    if missing := [name for name in ID_COLUMNS if name not in frame.columns]:
        found = ", ".join(frame.columns[:8])
        raise EarwitnessError(
            f"{source} has no column {', '.join(missing)} (found: {found}); "
            "a feature table needs track_id, role, group and feature columns (group may repeat track_id)."
        )
    columns = [name for name in frame.columns if name not in KEY_COLUMNS]
    names = [name for name in columns if not is_bookkeeping(name)]
    if not names:
        raise EarwitnessError(f"{source} has no feature column; add one numeric column per feature.")
    if text := [name for name in names if not (frame.schema[name].is_numeric() or frame.schema[name] == pl.Boolean)]:
        raise EarwitnessError(f"{source}: column {text[0]} is not numeric; drop it or make it a number.")
    ungrouped = frame["group"].null_count()
    frame = frame.with_columns(
        pl.col("track_id", "role").cast(pl.String),
        pl.coalesce(pl.col("group").cast(pl.String), pl.col("track_id").cast(pl.String)).alias("group"),
        pl.col(names).cast(pl.Float64).fill_null(float("nan")),
    )
    design = [name for name in DESIGN_COLUMNS if name in frame.columns]
    # A column of which nothing is known is no design.
    frame = frame.drop(name for name in design if frame[name].null_count() == frame.height)
    frame = frame.with_columns(pl.col(name).cast(pl.String) for name in design if name in frame.columns)
    _check_rows(frame, source)
    _check_values(frame.select("track_id", *names), names, source)
    keys = [name for name in KEY_COLUMNS if name in frame.columns]
    notes = [f"{ungrouped} rows had no group: each such track counts as a group of its own."] if ungrouped else []
    if ignored := [name for name in columns if name not in names]:
        notes.append(f"Columns that describe tracks were left out, they are not features: {', '.join(ignored)}.")
    return frame.select(*keys, *names), tuple(notes)


def _check_rows(frame: pl.DataFrame, source: str) -> None:
    if frame["track_id"].null_count():
        raise EarwitnessError(f"{source}: {frame['track_id'].null_count()} rows have no track_id; name every track.")
    roles = set(frame["role"].unique().to_list())
    if strangers := roles - SUSPECT_ROLES - HELD_OUT_ROLES:
        allowed = "suspect, held_out, member or non_member"
        raise EarwitnessError(f"{source}: role {sorted(map(str, strangers))[0]!r} is unknown; use {allowed}.")
    if not roles & SUSPECT_ROLES or not roles & HELD_OUT_ROLES:
        found = " and ".join(sorted(roles)) or "no row at all"
        absent = "held_out (or non_member)" if roles & SUSPECT_ROLES else "suspect (or member)"
        raise EarwitnessError(f"{source} holds {found}, and no track with role {absent}; a test compares the two.")
    if roles & {"suspect", "held_out"} and roles & {"member", "non_member"}:
        raise EarwitnessError(
            f"{source} mixes the roles {', '.join(sorted(roles))}; use suspect and held_out, or member and non_member."
        )
    one = {"role": "a track has one role", "group": "a track belongs to one group"}
    one |= {name: f"a track has one {name}" for name in DESIGN_COLUMNS if name in frame.columns}
    for column, remedy in one.items():
        counts = frame.group_by("track_id", maintain_order=True).agg(pl.col(column).unique(maintain_order=True))
        if (several := counts.filter(pl.col(column).list.len() > 1)).height:
            track, found = several.select("track_id", pl.col(column).list.drop_nulls()).row(0)
            raise EarwitnessError(f"{source}: track {track} has the {column}s {' and '.join(found)}; {remedy}.")
    keys = [name for name in ("track_id", "window") if name in frame.columns]
    if frame.select(keys).is_duplicated().any():
        first = frame.filter(frame.select(keys).is_duplicated()).row(0, named=True)
        where = f"track {first['track_id']}" + (f", window {first['window']}" if "window" in keys else "")
        raise EarwitnessError(f"{source}: {where} occurs twice; keep one row (a window column tells windows apart).")


def _check_values(frame: pl.DataFrame, names: list[str], source: str) -> None:
    for name in names:
        if frame[name].is_infinite().any():
            track = frame.filter(pl.col(name).is_infinite())["track_id"][0]
            raise EarwitnessError(f"{source}: feature {name} of track {track} is infinite; use NaN where undefined.")


def refuse_labels(frame: pl.DataFrame, names: list[str], known: set[str], directed: set[str], source: str) -> list[str]:
    """Refuse labels and indices in disguise: columns that tell the roles apart without exception; note the like.

    A column with one value per role is a label. One of whole numbers, or one that is ``directed`` only because a
    glob matched it, is refused unless it is known for a score: the file declares its direction, the user names it in
    full or a signal here has it. Any other is noted, unless known. Blind features of our own may separate the sets,
    and so may one value per role; a stranger's of whole numbers is an index. Few groups are apart by chance.
    """
    suspect = pl.col("role").is_in(list(SUSPECT_ROLES))
    groups = frame.group_by("group").agg(suspect.first())
    if 2 * len(names) / comb(groups.height, int(groups["role"].sum())) > _APART_BY_CHANCE:
        return []
    notes = []
    for name in names:
        a, b = (frame.filter(side)[name].drop_nans().to_numpy() for side in (suspect, ~suspect))
        if not (a.size and b.size) or not (a.min() > b.max() or a.max() < b.min()):
            continue
        label = np.ptp(a) == np.ptp(b) == 0
        whole = bool((a == np.round(a)).all() and (b == np.round(b)).all())
        separates = (
            f"{source}: column {name} separates the two roles without one exception, as a label or an index does; "
        )
        if name.startswith(BLIND_PREFIX):
            if whole and not label and not blind_here(name):
                raise EarwitnessError(f"{separates}drop it.")
            continue
        if not label and (name in known or registered(name)):
            continue
        if label or whole or name in directed:
            raise EarwitnessError(
                separates
                + ("drop it." if label else f"drop it, or name it in full (--higher {name}) if it is a score.")
            )
        notes.append(f"Column {name} separates the two sets without one exception; make sure that it is a score.")
    return notes

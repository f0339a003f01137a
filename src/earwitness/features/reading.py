"""Feature tables on disk: parquet, CSV, and a run folder's parts joined with its tracks."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import polars as pl

from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.features.columns import DESIGN_COLUMNS, HELD_OUT_ROLES, ID_COLUMNS, SUSPECT_ROLES
from earwitness.files import parsed_json
from earwitness.parquet import read_frame, read_metadata
from earwitness.spec import FeatureSpec

METADATA = "earwitness."
"""Before every key of a parquet file's metadata that is ours."""


def parquet_metadata(specs: Iterable[FeatureSpec], plan_hash: str | None, target: str | None) -> dict[str, str]:
    """Return the key-value metadata that a parquet file of features carries."""
    metadata = {METADATA + "specs": json.dumps([asdict(spec) for spec in specs])}
    if plan_hash is not None:
        metadata[METADATA + "plan_hash"] = plan_hash
    if target is not None:
        metadata[METADATA + "target"] = target
    return metadata


def read_parquet(path: Path) -> tuple[pl.DataFrame, dict[str, str]]:
    """A parquet file and its metadata."""
    if not path.exists():
        raise EarwitnessError(f"{path} does not exist; give a parquet file of features or a run folder.")
    try:
        return read_frame(path), read_metadata(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = (str(error).splitlines() or ["unknown reason"])[0]
        raise EarwitnessError(
            f"{path} cannot be read as parquet ({reason}); give a parquet file of features."
        ) from None


def read_csv(path: Path) -> pl.DataFrame:
    """A CSV with a header line; labels are text, numbers numbers."""
    if not path.exists():
        raise EarwitnessError(f"{path} does not exist; give a table of features or a run folder.")
    try:
        return pl.read_csv(
            path,
            schema_overrides=dict.fromkeys(ID_COLUMNS, pl.String),
            null_values=["", "NA", "NaN", "nan", "null", "None"],
            infer_schema_length=None,
        )
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or ["unknown reason"])[0]
        raise EarwitnessError(f"{path} cannot be read as CSV ({reason}); give a table with a header line.") from None


def read_run(folder: Path) -> tuple[pl.DataFrame, dict[str, str], tuple[int, int], tuple[str, ...]]:
    """Return the parts joined with the tracks, the parts' metadata, the files of each side that were left out, remarks.

    Remarks are what indexing had to say of the collection, such as an album that fell into several groups.
    """
    paths = sorted((folder / "features").glob("part-*.parquet"))
    if not paths:
        raise EarwitnessError(f"{folder} holds no features/part-*.parquet; run `earwitness extract` on it first.")
    parts = [read_parquet(path) for path in paths]
    metadata = parts[0][1]
    for path, (part, other) in zip(paths, parts, strict=True):
        if any(other.get(METADATA + key) != metadata.get(METADATA + key) for key in ("plan_hash", "specs")):
            raise PlanMismatchError(f"{path} was made with another plan than {paths[0]}; extract the run again.")
        if part.schema != parts[0][0].schema or "track_id" not in part.columns:
            raise EarwitnessError(f"{path} has other columns than {paths[0]}; extract the run again.")
    tracks, about = read_parquet(folder / "tracks.parquet")
    if missing := [name for name in ID_COLUMNS if name not in tracks.columns]:
        raise EarwitnessError(f"{folder / 'tracks.parquet'} has no column {', '.join(missing)}; index the run again.")
    features = pl.concat([part for part, _ in parts])
    if strangers := features.join(tracks, on="track_id", how="anti")["track_id"].to_list():
        raise EarwitnessError(
            f"{folder} has features of track {strangers[0]}, which tracks.parquet lacks; extract again."
        )
    _refuse_unmeasured(folder, tracks, [other for _, other in parts])
    failed = tracks.join(features, on="track_id", how="anti")["role"]
    try:
        collection = parsed_json(about.get(METADATA + "collection", "{}"))
        left_out, warnings = collection.get("left_out", {}), tuple(map(str, collection.get("warnings", ())))
        failures = tuple(
            int(failed.is_in(list(roles)).sum()) + sum(sum(left_out.get(role, {}).values()) for role in roles)
            for roles in (SUSPECT_ROLES, HELD_OUT_ROLES)
        )
    except (ValueError, TypeError, AttributeError):
        raise EarwitnessError(f"The notes of {folder / 'tracks.parquet'} are damaged; index the run again.") from None
    described = [*ID_COLUMNS, *(name for name in DESIGN_COLUMNS if name in tracks.columns)]
    frame = tracks.select(described).join(features, on="track_id", how="inner")
    return frame, metadata, (failures[0], failures[1]), warnings


def _refuse_unmeasured(folder: Path, tracks: pl.DataFrame, parts: Iterable[dict[str, str]]) -> None:
    """A track that no part answers for was not asked about yet, which is something else than a failure."""
    answered: set[str] = set()
    for metadata in parts:
        if METADATA + "tracks" not in metadata:  # a table that something else made
            return
        answered.update(parsed_json(metadata[METADATA + "tracks"]))
    if waiting := tracks.height - tracks["track_id"].is_in(list(answered)).sum():
        raise EarwitnessError(
            f"{waiting} of {tracks.height} tracks of {folder} have not been measured yet; run the same `earwitness "
            "extract` again, of a shared run every shard, and then test."
        )

"""failures.parquet: the tracks of a run that gave no features, and why."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import polars as pl

from earwitness.collection.tracks import FAILURE_SCHEMA, Failure
from earwitness.parquet import read_frame, write_frame


def write_failures(run: Path, failed: Sequence[Failure]) -> None:
    """Rewrite failures.parquet: what indexing found, then what extraction found."""
    path = run / "failures.parquet"
    found = pl.DataFrame([asdict(failure) for failure in failed], schema=FAILURE_SCHEMA, orient="row")
    if path.exists():
        found = pl.concat([read_frame(path).filter(pl.col("stage") != "extract"), found])
    write_frame(path, found)

"""Parquet files: damage in one is an error like others, and so is a disk that fills while one is written.

Conventions: a damaged file raises polars' own errors or ``OSError``, never a panic; tables are written atomically.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import polars as pl

from earwitness.files import write_bytes

Found = TypeVar("Found")


def read_frame(path: Path) -> pl.DataFrame:
    """Read a table.

    Raises
    ------
    polars.exceptions.PolarsError, OSError
        Where it is damaged, no parquet, or not there.
    """
    return _without_panic(pl.read_parquet, path)


def read_metadata(path: Path) -> dict[str, str]:
    """Read the key-value metadata of a table; raises as `read_frame` does."""
    return dict(_without_panic(pl.read_parquet_metadata, path))


def frame_bytes(frame: pl.DataFrame, metadata: dict[str, str] | None = None) -> bytes:
    """Return the table as a file would hold it."""
    content = io.BytesIO()
    frame.write_parquet(content, metadata=metadata)
    return content.getvalue()


def write_frame(path: Path, frame: pl.DataFrame, metadata: dict[str, str] | None = None) -> None:
    """Write a table atomically.

    Raises
    ------
    EarwitnessError
        Where the disk is full or the folder cannot be written. (Polars, writing itself, says only that the file is
        "out of specification" then.)
    """
    write_bytes(path, frame_bytes(frame, metadata))


def _without_panic(read: Callable[[Path], Found], path: Path) -> Found:
    try:
        return read(path)
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # it descends from nothing that an `except` would name
            raise
        raise pl.exceptions.ComputeError(f"its content makes the reader panic: {error}") from None

"""The lines of a manifest, as spreadsheets write them.

Goal: commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252; a line ``sep=;``; empty columns behind
the last and empty rows: all are read alike. What was assumed is said.
"""

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from earwitness.errors import EarwitnessError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The known cells of one line, by column, and the number under which an editor shows it."""

    number: int
    cells: dict[str, str]


def read_lines(manifest: Path, required: Sequence[str], optional: Sequence[str]) -> tuple[list[Line], tuple[str, ...]]:
    """Return the lines that are not blank, and sentences about what was assumed or ignored.

    Raises
    ------
    EarwitnessError
        Where there is no such file, it is not a table of text, or lacks a required column.
    """
    text, notes = _text(manifest)
    known = (*required, *optional)
    skipped = 1 if re.match(r"sep=.[\r\n]", text) else 0
    table = text.split("\n", 1)[1] if skipped else text
    try:
        reader = csv.reader(StringIO(table, newline=""), delimiter=_separator(table), strict=True)
        columns = [name.strip().casefold() for name in next(reader, [])]
        _check_columns(manifest, columns, required, known)
        rows = [(reader.line_num + skipped, row) for row in reader]
    except csv.Error as error:
        raise EarwitnessError(f"{manifest} is not a valid CSV file ({error}); save it again as CSV UTF-8.") from None
    extra = [name for name in columns if name and name not in known]
    ignored = (
        f"Columns of {manifest.name} that mean nothing here were ignored: {', '.join(extra)} "
        f"(known: {', '.join(known)})."
    )
    lines = [_line(manifest, number, row, columns, known) for number, row in rows if any(map(str.strip, row))]
    return lines, (*notes, ignored) if extra else notes


def _text(manifest: Path) -> tuple[str, tuple[str, ...]]:
    try:
        data = manifest.read_bytes()
    except FileNotFoundError:
        raise EarwitnessError(f"The manifest {manifest} does not exist; give a CSV with path,role.") from None
    except OSError as error:
        raise EarwitnessError(f"The manifest {manifest} cannot be read ({error.strerror}); give a CSV file.") from None
    if data.startswith(b"PK\x03\x04"):
        raise EarwitnessError(f"{manifest} is a workbook, not a CSV; save it as CSV UTF-8.")
    try:
        if data.startswith(_UTF16):
            return data.decode("utf-16"), ()
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise EarwitnessError(f"{manifest} is neither UTF-8 nor Windows-1252 text; save it as CSV UTF-8.") from None
    return text, (f"{manifest.name} is not UTF-8 and was read as Windows-1252; save it as CSV UTF-8 to be sure.",)


def _separator(table: str) -> str:
    """The separator that occurs most in the first line; a comma where none does."""
    first = table.partition("\n")[0]
    return max(_SEPARATORS, key=first.count)


def _check_columns(manifest: Path, columns: list[str], required: Sequence[str], known: Sequence[str]) -> None:
    if missing := [name for name in required if name not in columns]:
        found = ", ".join(columns[:8]) or "nothing"
        raise EarwitnessError(
            f"{manifest} has no column {' and '.join(missing)} (found: {found}); "
            f"its first line must be {','.join(required)}[,{','.join(known[len(required) :])}]."
        )
    if repeated := [name for name in columns if name and columns.count(name) > 1]:
        raise EarwitnessError(f"{manifest} has the column {repeated[0]} twice; keep one.")


def _line(manifest: Path, number: int, row: list[str], columns: list[str], known: Sequence[str]) -> Line:
    beyond = [cell for name, cell in zip(columns, row, strict=False) if not name] + row[len(columns) :]
    if any(cell.strip() for cell in beyond):
        raise EarwitnessError(
            f"{manifest} line {number} has more cells than the first line; put quotes around text with commas."
        )
    cells = dict(zip(columns, row, strict=False))
    return Line(number=number, cells={name: cells.get(name, "") for name in known})

"""Reading published lists: CSV tables with known columns.

Goal: a stranger's file is checked once, here, line by line; whatever is wrong with it is one line
that names the file, what was found and what to do. Values are never used as paths.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from earwitness.bench.paper.listing import Finding, short, some
from earwitness.errors import EarwitnessError

_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A list's rows, each with the number of its line, and what was passed over."""

    path: Path
    rows: tuple[tuple[int, dict[str, str]], ...]
    findings: tuple[Finding, ...] = ()

    def refuse(self, line: int, column: str, value: str, needed: str) -> EarwitnessError:
        """The error for a value that cannot be what its column says."""
        return EarwitnessError(
            f"{self.path} line {line}: the {column} is {short(value)!r}, not {needed}; get the published list again."
        )


def whole_number(text: str) -> int | None:
    """A cell's whole number in plain digits; ``None`` where it is none, or longer than any published one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def read_table(path: Path, *, required: Sequence[str], known: Sequence[str] = ()) -> Table:
    """Read a CSV file with a header; cells are stripped, ``known`` columns may be there and are not read.

    Raises
    ------
    EarwitnessError
        Where it cannot be read, is no UTF-8 CSV, lacks a column or any row, or has a row of another width.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if missing := [name for name in required if name not in header]:
                raise EarwitnessError(
                    f"{path} lacks the column {missing[0]!r} (found: {some(header) or 'nothing'}); "
                    f"its header must name {', '.join(required)}."
                )
            rows = tuple(_rows(path, header, ((reader.line_num, cells) for cells in reader)))
    except UnicodeDecodeError:
        raise EarwitnessError(f"{path} is not UTF-8 text; get the published list again.") from None
    except csv.Error as error:
        raise EarwitnessError(f"{path} is not a valid CSV file ({error}); get the published list again.") from None
    except OSError as error:
        raise EarwitnessError(f"{path} cannot be read ({error.strerror}); check the file.") from None
    if not rows:
        raise EarwitnessError(f"{path} lists nothing below its header; get the published list again.")
    strangers = [name for name in header if name not in {*required, *known}]
    if not strangers:
        return Table(path=path, rows=rows)
    line = f"{path.name} has columns that are not read: {some(strangers)}."
    return Table(path=path, rows=rows, findings=(Finding(kind="columns_not_read", line=line),))


def _rows(
    path: Path, header: Sequence[str], lines: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, cells in lines:
        if not cells:
            continue
        if len(cells) != len(header):
            raise EarwitnessError(
                f"{path} line {number} has {len(cells)} cells and its header {len(header)}; "
                "get the published list again."
            )
        yield number, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}

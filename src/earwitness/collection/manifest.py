"""Manifest: a CSV that says which files form the two sets, and more about each than its tags do.

Goal: ``path,role[,group,prompt,title,artist,album]`` becomes entries, checked line by line.
Conventions: UTF-8 (a byte order mark is accepted), paths relative to the manifest's folder or
absolute, blank cells are absent values, lines are numbered as an editor shows them.
"""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from earwitness.collection.tracks import Role
from earwitness.collection.walk import Entry, Gathered
from earwitness.errors import EarwitnessError

REQUIRED = ("path", "role")
OPTIONAL = ("group", "prompt", "title", "artist", "album")


def read_manifest(manifest: Path) -> Gathered:
    """Read a manifest into entries, in order of role and path whatever the order of its lines.

    Raises
    ------
    EarwitnessError
        Where it is absent, no UTF-8 CSV, lacks a column or any line, or where a line names an unknown
        role, a file that does not exist or a file that another line names too.
    """
    root = manifest.parent
    lines, warnings = _lines(manifest)
    if not lines:
        raise EarwitnessError(f"{manifest} lists no track; add one line a track: path,role.")
    line_of: dict[Path, int] = {}
    found: list[tuple[Path, Role, dict[str, str]]] = []
    for number, cells in lines:
        path, role = _checked(cells, f"{manifest} line {number}", root)
        place = path.resolve()
        if place in line_of:
            raise EarwitnessError(
                f"{manifest} lines {line_of[place]} and {number} name the same file ({cells['path']}); keep one."
            )
        line_of[place] = number
        found.append((path, role, cells))
    common = {role: _common_folder([path for path, r, _ in found if r is role]) for role in {r for _, r, _ in found}}
    entries = [
        Entry(
            path=path, name=Path(os.path.relpath(path, root)).as_posix(), role=role,
            folder=_folder(path, common[role]), group=cells["group"].strip() or None, prompt=cells["prompt"],
            title=_text(cells["title"]), artist=_text(cells["artist"]), album=_text(cells["album"]),
        )
        for path, role, cells in found
    ]  # fmt: skip
    entries.sort(key=lambda entry: (not entry.role.is_suspect_side, entry.role, entry.name))
    return Gathered(root=root, entries=tuple(entries), warnings=warnings)


def _text(cell: str) -> str | None:
    return cell if cell.strip() else None


def _lines(manifest: Path) -> tuple[list[tuple[int, dict[str, str]]], tuple[str, ...]]:
    """Return the known cells of each line with its number, and a warning about unknown columns."""
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            _check_columns(manifest, columns)
            lines = list(_cells(manifest, reader))
    except FileNotFoundError:
        raise EarwitnessError(f"The manifest {manifest} does not exist; give a CSV with path,role.") from None
    except OSError as error:
        raise EarwitnessError(f"The manifest {manifest} cannot be read ({error.strerror}); give a CSV file.") from None
    except UnicodeDecodeError:
        raise EarwitnessError(f"{manifest} is not UTF-8 text; save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise EarwitnessError(f"{manifest} is no proper CSV ({error}); save it again as CSV UTF-8.") from None
    extra = [name for name in columns if name not in (*REQUIRED, *OPTIONAL)]
    known = ", ".join((*REQUIRED, *OPTIONAL))
    warning = f"Columns of {manifest.name} that mean nothing here were ignored: {', '.join(extra)} (known: {known})."
    return lines, (warning,) if extra else ()


def _check_columns(manifest: Path, columns: list[str]) -> None:
    if missing := [name for name in REQUIRED if name not in columns]:
        found = ", ".join(columns[:8]) or "nothing"
        raise EarwitnessError(
            f"{manifest} has no column {' and '.join(missing)} (found: {found}); "
            "its first line must be path,role[,group,prompt,title,artist,album], separated by commas."
        )
    if repeated := [name for name in columns if columns.count(name) > 1]:
        raise EarwitnessError(f"{manifest} has the column {repeated[0]} twice; keep one.")


def _cells(manifest: Path, reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str]]]:
    for row in reader:
        number = reader.line_num
        if None in row:  # DictReader's place for cells beyond the last column
            raise EarwitnessError(
                f"{manifest} line {number} has more cells than the first line; put quotes around text with commas."
            )
        yield number, {name: row.get(name, "") for name in (*REQUIRED, *OPTIONAL)}


def _checked(cells: dict[str, str], where: str, root: Path) -> tuple[Path, Role]:
    name, role = cells["path"].strip(), cells["role"].strip()
    if not name:
        raise EarwitnessError(f"{where} has no path; name an audio file or remove the line.")
    if role not in list(Role):
        raise EarwitnessError(f"{where}: role {role!r} is unknown; use {', '.join(Role)}.")
    path = root / name
    if not path.is_file():
        found = "is no file" if path.exists() else "does not exist"
        raise EarwitnessError(f"{where}: {name} {found} (paths are relative to {root.absolute()}); correct the path.")
    return path, Role(role)


def _common_folder(paths: list[Path]) -> Path:
    """Return the folder that holds all these files: what a user would have given as the role's folder."""
    return Path(os.path.commonpath([os.path.normpath(path.parent.absolute()) for path in paths]))


def _folder(path: Path, root: Path) -> str:
    relative = Path(os.path.normpath(path.parent.absolute())).relative_to(root).as_posix()
    return "" if relative == "." else relative

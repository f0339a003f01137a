"""Manifest: a CSV that says which files form the two sets, and more about each than its tags do.

Goal: ``path,role[,group,pair,stratum,prompt,title,artist,album]`` becomes entries, checked line by line.
Conventions: paths are relative to the manifest's folder or absolute, blank cells are absent values,
lines are numbered as an editor shows them. Groups, pairs and strata mean the same whatever their case,
spacing and Unicode form.
"""

import os
from pathlib import Path

from earwitness.collection.manifest_paths import find_file
from earwitness.collection.manifest_text import Line, read_lines
from earwitness.collection.tracks import Role
from earwitness.collection.walk import Entry, Gathered
from earwitness.errors import EarwitnessError
from earwitness.text import same_text

REQUIRED = ("path", "role")
OPTIONAL = ("group", "pair", "stratum", "prompt", "title", "artist", "album")

_OTHER_ROLE_WORDS = {
    "published": Role.SUSPECT, "released": Role.SUSPECT, "suspected": Role.SUSPECT,
    "unreleased": Role.HELD_OUT, "unpublished": Role.HELD_OUT, "heldout": Role.HELD_OUT,
    "members": Role.MEMBER, "nonmember": Role.NON_MEMBER, "nonmembers": Role.NON_MEMBER,
}  # fmt: skip
_SPLIT_WORDS = ("train", "training", "test", "testing", "validation", "valid", "val", "dev")


def read_manifest(manifest: Path) -> Gathered:
    """Read a manifest into entries, in order of role and path whatever the order of its lines.

    Raises
    ------
    EarwitnessError
        Where it is absent, no text, lacks a column or any line, or where a line names an unknown
        role, a file that does not exist or a file that another line names too.
    """
    root = manifest.parent
    lines, warnings = read_lines(manifest, REQUIRED, OPTIONAL)
    if not lines:
        raise EarwitnessError(f"{manifest} lists no track; add one line per track: path,role.")
    line_of: dict[Path, int] = {}
    found: list[tuple[Path, Role, dict[str, str]]] = []
    for line in lines:
        where = f"{manifest} line {line.number}"
        path, role = find_file(line.cells["path"].strip(), root, where), _role(line, where)
        place = path.resolve()
        if place in line_of:
            raise EarwitnessError(
                f"{manifest} lines {line_of[place]} and {line.number} name the same file ({line.cells['path']}); "
                "keep one."
            )
        line_of[place] = line.number
        found.append((path, role, line.cells))
    common = {role: _common_folder([path for path, r, _ in found if r is role]) for role in {r for _, r, _ in found}}
    entries = [
        Entry(
            path=path, name=Path(os.path.relpath(path, root)).as_posix(), role=role,
            folder=_folder(path, common[role]), group=_text(cells["group"]), pair=same_text(cells["pair"]) or None,
            stratum=same_text(cells["stratum"]) or None, prompt=cells["prompt"], title=_text(cells["title"]),
            artist=_text(cells["artist"]), album=_text(cells["album"]),
        )
        for path, role, cells in found
    ]  # fmt: skip
    entries.sort(key=lambda entry: (not entry.role.is_suspect_side, entry.role, entry.name))
    return Gathered(root=root, entries=tuple(entries), warnings=warnings)


def _text(cell: str) -> str | None:
    return cell if cell.strip() else None


def _role(line: Line, where: str) -> Role:
    """The role that a cell means: case, spaces and hyphens do not count, and some words say the same."""
    word = same_text(line.cells["role"]).replace("-", "_").replace(" ", "_")
    role = Role(word) if word in list(Role) else _OTHER_ROLE_WORDS.get(word.replace("_", ""))
    if role is not None:
        return role
    hint = (
        " (member if the model was certainly trained on it, non_member if it certainly was not)"
        if word in _SPLIT_WORDS
        else ""
    )
    raise EarwitnessError(f"{where}: role {line.cells['role'].strip()!r} is unknown; use {', '.join(Role)}{hint}.")


def _common_folder(paths: list[Path]) -> Path:
    """Return the folder that holds all these files: what a user would have given as the role's folder."""
    return Path(os.path.commonpath([os.path.normpath(path.parent.absolute()) for path in paths]))


def _folder(path: Path, root: Path) -> str:
    relative = Path(os.path.normpath(path.parent.absolute())).relative_to(root).as_posix()
    return "" if relative == "." else relative

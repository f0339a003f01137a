"""The file that a manifest's line means, in whatever Unicode form or with whatever slashes it was written."""

import re
import unicodedata
from pathlib import Path

from earwitness.errors import EarwitnessError

_WINDOWS = re.compile(r"^([A-Za-z]:[\\/]|\\\\)")


def find_file(name: str, root: Path, where: str) -> Path:
    """Return the path of the file that ``name`` means, relative to ``root`` or absolute.

    As it stands, else with backslashes taken for slashes, else in the Unicode form that the disk has
    (spreadsheets and macOS write the same letter differently).

    Raises
    ------
    EarwitnessError
        Where there is no such file.
    """
    if not name:
        raise EarwitnessError(f"{where} has no path; name a file or remove the line.")
    try:
        return _find_file(name, root, where)
    except OSError as error:  # a sentence in the path's place, as a rule: longer than a file name can be
        raise EarwitnessError(
            f"{where}: {name[:40]}… cannot be a path ({error.strerror}); correct the path, or the order of the columns."
        ) from None


def _find_file(name: str, root: Path, where: str) -> Path:
    for candidate in (name, name.replace("\\", "/")):
        if (root / candidate).is_file():
            return root / candidate
        if (other := _in_any_form(root, Path(candidate))) is not None:
            return other
    path = root / name
    if _WINDOWS.match(name):
        raise EarwitnessError(
            f"{where}: {name} is a path on a Windows drive that is not here; write it relative to the folder of the "
            f"manifest ({root.absolute()})."
        )
    found = "is no file" if path.exists() else "does not exist"
    raise EarwitnessError(f"{where}: {name} {found} (paths are relative to {root.absolute()}); correct the path.")


def _in_any_form(root: Path, path: Path) -> Path | None:
    """Follow a path part by part, taking the one entry that is equal up to its Unicode form."""
    here = Path(path.anchor) if path.is_absolute() else root
    for part in path.parts[1:] if path.is_absolute() else path.parts:
        if not (here / part).exists():
            if not here.is_dir():
                return None
            wanted = unicodedata.normalize("NFC", part)
            same = [entry for entry in here.iterdir() if unicodedata.normalize("NFC", entry.name) == wanted]
            if len(same) != 1:
                return None
            here = same[0]
        else:
            here = here / part
    return here if here.is_file() else None

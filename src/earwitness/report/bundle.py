"""Hashes of a run folder: written once, checked by anyone later.

Goal: a reader who holds ``hashes.json`` (or noted its own SHA-256) can tell whether any
file of the run was changed, removed or added since. Conventions: SHA-256 over the bytes,
POSIX paths relative to the run folder, sorted; ``hashes.json`` does not list itself, and
neither hidden files nor half-written ``.partial`` files belong to a run.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from earwitness.errors import EarwitnessError
from earwitness.files import file_sha256, parsed_json, write_text

HASHES_NAME = "hashes.json"
REPORT_NAME = "report.html"
PDF_NAME = "report.pdf"
_ALGORITHM = "sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What became of the files of a run since they were hashed.

    Attributes
    ----------
    matching, changed, missing, added
        Relative paths: as hashed, with other content, gone, and new.
    hashes_sha256
        SHA-256 of ``hashes.json`` itself: the one number that fixes the whole run.
    """

    matching: tuple[str, ...]
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    hashes_sha256: str

    @property
    def all_match(self) -> bool:
        """Whether every file is as it was and none was added."""
        return not (self.changed or self.missing or self.added)


def hash_files(run_folder: Path) -> dict[str, str]:
    """SHA-256 of every regular file of the run by relative path, without ``hashes.json``."""
    files = {
        path.relative_to(run_folder).as_posix(): path
        for path in run_folder.rglob("*")
        if path.is_file() and not path.is_symlink() and _belongs(path.relative_to(run_folder))
    }
    try:
        return {name: file_sha256(files[name]) for name in sorted(files) if name != HASHES_NAME}
    except OSError as error:
        raise EarwitnessError(f"{error.filename} cannot be read ({error.strerror}); check its permissions.") from None


def write_bundle_hashes(run_folder: Path) -> Path:
    """Write ``hashes.json`` over all files that the run holds now, and return its path."""
    _need_folder(run_folder)
    path = run_folder / HASHES_NAME
    write_text(path, json.dumps({"algorithm": _ALGORITHM, "files": hash_files(run_folder)}, indent=2) + "\n")
    return path


def verify(run_folder: Path) -> VerifyReport:
    """Compare the files of a run with its ``hashes.json``.

    Raises
    ------
    EarwitnessError
        Where the folder or its ``hashes.json`` is missing or is not a list of hashes.
    """
    _need_folder(run_folder)
    noted = noted_hashes(run_folder / HASHES_NAME)
    found = hash_files(run_folder)
    shared = noted.keys() & found.keys()
    return VerifyReport(
        matching=tuple(sorted(name for name in shared if noted[name] == found[name])),
        changed=tuple(sorted(name for name in shared if noted[name] != found[name])),
        missing=tuple(sorted(noted.keys() - found.keys())),
        added=tuple(sorted(found.keys() - noted.keys())),
        hashes_sha256=file_sha256(run_folder / HASHES_NAME),
    )


def _belongs(relative: Path) -> bool:
    return not (any(part.startswith(".") for part in relative.parts) or relative.suffix == ".partial")


def _need_folder(run_folder: Path) -> None:
    if not run_folder.is_dir():
        raise EarwitnessError(f"{run_folder} is not a folder; give the run folder that `earwitness audit` wrote.")


def noted_hashes(path: Path) -> dict[str, str]:
    """What a ``hashes.json`` notes: SHA-256 by relative path."""
    try:
        record = parsed_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EarwitnessError(f"{path} does not exist; `earwitness report {path.parent}` writes it.") from None
    except (OSError, ValueError) as error:
        raise EarwitnessError(f"{path} cannot be read as JSON ({error}); restore the original file.") from None
    files = record.get("files") if isinstance(record, dict) else None
    if (
        not isinstance(files, dict)
        or record.get("algorithm") != _ALGORITHM
        or not all(isinstance(digest, str) for digest in files.values())
    ):
        raise EarwitnessError(f"{path} holds no SHA-256 hashes of files; restore the original file.")
    return files

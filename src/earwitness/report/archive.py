"""A run as one file that can be handed over, and such a file from a stranger opened safely.

Goal: plan, tables, results, log, page and hashes in a zip, without audio; the same run gives the same bytes, so
that a detached signature holds. Conventions: nothing but the known files of a run goes in or comes out; a
stranger's archive cannot write outside its folder, link anywhere, or fill the disk.
"""

import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from earwitness.errors import EarwitnessError
from earwitness.files import write_atomically
from earwitness.report.bundle import HASHES_NAME, hash_files, verify

PARTS = ("*.json", "*.jsonl", "*.parquet", "*.html", "*.pdf", "features/part-*.parquet", "attempts/*.json")
"""The files of a run, as patterns; each covers one folder's depth."""
_NEEDED = ("plan.json", "tracks.parquet", "attempts.jsonl", "result.json", "report.html")
_LIMIT_BYTES = 256 * 2**20
_LIMIT_RATIO = 100
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NAMED = 3


def write_archive(run: Path, path: Path) -> Path:
    """Write the files of a run into a zip; ``hashes.json`` must fit them.

    Raises
    ------
    EarwitnessError
        Where files were changed since their hashes were noted, are missing, or are no part of a run.
    """
    found = verify(run)
    if not found.all_match:
        other = (*found.changed, *found.missing, *found.added)
        raise EarwitnessError(
            f"{run} has other files than its hashes.json notes ({_listed(other)}); if a test was made since, "
            "`earwitness report` notes them anew."
        )
    names = [*hash_files(run), HASHES_NAME]
    if strangers := [name for name in names if not _is_part(name)]:
        raise EarwitnessError(
            f"{run} holds files that are no part of a run ({_listed(strangers)}), and a bundle carries no audio; move "
            "them elsewhere and run `earwitness report` again."
        )
    if missing := [name for name in _NEEDED if name not in names]:
        raise EarwitnessError(f"{run} lacks {_listed(missing)}; a bundle is made of a finished `earwitness audit`.")

    def write(partial: Path) -> None:
        with zipfile.ZipFile(partial, "w") as archive:
            for name in sorted(names):
                entry = zipfile.ZipInfo(f"{_top(run)}/{name}", date_time=_EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(entry, (run / name).read_bytes())

    write_atomically(path, write)
    return path


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give a run folder as it is, or unpack a bundle into a folder that is gone afterwards.

    Raises
    ------
    EarwitnessError
        Where the file is no bundle: damaged, too large unpacked, or with entries that a run does not have.
    """
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise EarwitnessError(f"{path} does not exist; give a run folder or a bundle (zip).")
    with tempfile.TemporaryDirectory(prefix="earwitness-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                run = _unpack(path, archive, Path(folder))
        # ValueError: names that are not in the alphabet they say.
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise EarwitnessError(f"{path} cannot be read as a bundle ({reason}); ask for it again.") from None
        yield run


def _unpack(path: Path, archive: zipfile.ZipFile, folder: Path) -> Path:
    entries = archive.infolist()
    allowed = max(_LIMIT_BYTES, _LIMIT_RATIO * path.stat().st_size)
    if sum(entry.file_size for entry in entries) > allowed:
        raise EarwitnessError(f"{path} would unpack to more than {allowed // 2**20} MiB; it is no bundle of a run.")
    seen: set[str] = set()
    tops: set[str] = set()
    for entry in entries:
        top, _, name = entry.filename.partition("/")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if top in ("", ".", "..") or "\\" in entry.filename or not _is_part(name) or kind not in (0, stat.S_IFREG):
            raise EarwitnessError(f"{path} holds {entry.filename!r}, which is no file of a run; it was not unpacked.")
        if name in seen:
            raise EarwitnessError(f"{path} holds {entry.filename!r} twice; it was not unpacked.")
        seen.add(name)
        tops.add(top)
    if len(tops) != 1:
        raise EarwitnessError(f"{path} holds {len(tops)} runs, not one; it was not unpacked.")
    run = folder / "run"
    for entry in entries:
        target = run / entry.filename.partition("/")[2]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(archive.read(entry))
    return run


def _is_part(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not any(part.startswith(".") for part in parts) and any(
        len(PurePosixPath(pattern).parts) == len(parts) and fnmatchcase(name, pattern) for pattern in PARTS
    )


def _top(run: Path) -> str:
    """The folder in the archive: the run's own name, as far as every system takes it."""
    name = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in run.resolve().name
    )
    return name or "run"


def _listed(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")

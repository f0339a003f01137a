"""Writing files so that a reader sees the old one or the new one, never half of one."""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from earwitness.errors import EarwitnessError

if TYPE_CHECKING:
    from pydantic import BaseModel

    Record = TypeVar("Record", bound=BaseModel)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically."""
    write_atomically(path, lambda partial: partial.write_bytes(content))


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a neighbouring partial file, then put it in place of ``path``.

    Several processes may write one path at the same time: each has a partial file of its own.

    Raises
    ------
    EarwitnessError
        Where the disk is full or the folder cannot be written; ``path`` is left as it was.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(partial)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise _unwritable(path, error) from None


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Keep other processes out of the same block, by ``.NAME.lock`` in a folder.

    Raises
    ------
    EarwitnessError
        Where the folder cannot be written.
    """
    from filelock import FileLock

    lock = FileLock(folder / f".{name}.lock")
    try:
        lock.acquire()
    except OSError as error:
        raise _unwritable(folder / name, error) from None
    try:
        yield
    finally:
        lock.release()


def _unwritable(path: Path, error: OSError) -> EarwitnessError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
    cause = "the disk is full" if full else (error.strerror or str(error))
    cure = "make room" if full else "choose a folder that can be written"
    return EarwitnessError(
        f"{path} could not be written: {cause}. What was written before is whole; {cure} and run the same again."
    )


def check_folder(path: Path) -> None:
    """Raise ``EarwitnessError`` where something that is no folder stands in the place of a run folder."""
    if path.exists() and not path.is_dir():
        raise EarwitnessError(f"{path} is a file; name a run folder, which may be new.")


def read_record(
    path: Path, record: "type[Record]", *, is_not: str, cure: str = "restore the original file"
) -> "Record | None":
    """Read a JSON file as a record; ``None`` where there is no file.

    Raises
    ------
    EarwitnessError
        Where it is something else: the path, ``is_not`` ("is not a plan of this version"), why, and the cure.
    """
    try:
        return record.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # pydantic's and Unicode's errors are of the second kind
        raise EarwitnessError(f"{path} {is_not} ({_first_reason(error)}); {cure}.") from None


def _first_reason(error: Exception) -> str:
    """The first thing that is wrong: of a record that does not fit, the field and what it should be."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return (str(error).splitlines() or ["?"])[0]
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def parsed_json(text: str | bytes) -> Any:
    """What a stranger's JSON says.

    Raises
    ------
    ValueError
        Where it is none, or nested so deep that no record of ours is meant.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; raises ``OSError`` where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

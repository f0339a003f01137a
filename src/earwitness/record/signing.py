"""A detached signature by a tool that the user trusts already; earwitness holds no keys.

Goal: ``ssh-keygen -Y sign``, ``minisign``, ``gpg`` and their like sign and check a bundle. Conventions: a command is a
line of words, run without a shell; ``{}`` stands for the bundle, which is also on the standard input of a check.
"""

import shlex
import subprocess
from pathlib import Path
from typing import IO

from earwitness.errors import EarwitnessError

_SECONDS = 600


def sign(path: Path, command: str) -> list[Path]:
    """Run the signing command on a file, its path last where no ``{}`` stands; return the files that it wrote beside.

    Raises
    ------
    EarwitnessError
        Where the command fails or writes nothing beside the file.
    """
    words = _words(command, path)
    if words == shlex.split(command):
        words = [*words, str(path)]
    before = _beside(path)
    _run(words, command)
    made = [file for file, stamp in _beside(path).items() if before.get(file) != stamp]
    if not made:
        raise EarwitnessError(f"`{command}` wrote no signature beside {path}; give a command that signs a file.")
    return sorted(made)


def check_signature(path: Path, command: str) -> str:
    """Run the checking command, the file on its standard input; return what it said.

    Raises
    ------
    EarwitnessError
        Where it does not end with status 0: the signature does not hold, or there is none.
    """
    with path.open("rb") as file:
        return _run(_words(command, path), command, stdin=file)


def _words(command: str, path: Path) -> list[str]:
    try:
        return [word.replace("{}", str(path)) for word in shlex.split(command)]
    except ValueError as error:
        raise EarwitnessError(f"`{command}` is no command line ({error}); close its quotation marks.") from None


def _beside(path: Path) -> dict[Path, tuple[int, int]]:
    files = (file for file in path.parent.iterdir() if file.name.startswith(f"{path.name}.") and file.is_file())
    return {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in files}


def _run(words: list[str], command: str, stdin: IO[bytes] | None = None) -> str:
    if not words:
        raise EarwitnessError("The command of the signature is empty; give one such as `minisign -S -m`.")
    try:
        done = subprocess.run(words, stdin=stdin, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EarwitnessError(f"`{command}` could not be run ({error}); is the tool installed?") from None
    said = " ".join((done.stdout + done.stderr).split())
    if done.returncode:
        raise EarwitnessError(f"`{command}` ended with status {done.returncode}: {said or 'it said nothing'}")
    return said

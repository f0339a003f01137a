"""Jobs: a command of the program in a process of its own, known by the files it leaves in a folder.

Goal: whoever starts a command may go away; whoever comes later reads how it stands. Conventions: ``command.json`` says
what runs, ``progress.json`` how far it is, ``log.txt`` what it prints, ``exit.json`` how it ended; the lock
``running.lock`` is held as long as the process lives, so no process number has to be believed.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from earwitness.errors import EarwitnessError
from earwitness.files import write_text

State = Literal["new", "running", "done", "failed", "stopped"]
_PROCESS = "earwitness.cli.watched"
_STOPPED_STATUS = 130
_START_SECONDS = 60.0
_ONE_LOOK = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a command does now, and how far it is; a total of 0 is not known."""

    doing: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Job:
    """The folder of one command."""

    folder: Path

    @property
    def state(self) -> State:
        """How the command stands; one that was killed is ``stopped``."""
        if not (self.folder / "command.json").exists():
            return "new"
        if self._is_held():
            return "running"
        status = self._read("exit.json").get("status", _STOPPED_STATUS)
        return "done" if status == 0 else "stopped" if status == _STOPPED_STATUS else "failed"

    @property
    def progress(self) -> Progress | None:
        """How far it is; ``None`` before it has said so."""
        said = self._read("progress.json")
        if not said:
            return None
        return Progress(doing=str(said["doing"]), done=int(said["done"]), total=int(said["total"]))

    @property
    def message(self) -> str:
        """Why it failed: the command's own line, or the end of its log."""
        lines = self._log().splitlines()
        own = [line.removeprefix("earwitness: ") for line in lines if line.startswith("earwitness: ")]
        return own[-1] if own else (lines or ["It ended without a word."])[-1]

    @property
    def warnings(self) -> list[str]:
        """What it warned of."""
        return [line.removeprefix("warning: ") for line in self._log().splitlines() if line.startswith("warning: ")]

    def start(self, arguments: Sequence[str]) -> None:
        """Run the program with these arguments, and return once it runs.

        Raises
        ------
        EarwitnessError
            Where it runs already, or no process could be started.
        """
        if self.state == "running":
            raise EarwitnessError("This is running already; wait for it, or stop it first.")
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("exit.json", "progress.json", "process.json"):
            (self.folder / name).unlink(missing_ok=True)
        write_text(self.folder / "command.json", json.dumps({"arguments": list(arguments)}, indent=2) + "\n")
        with (self.folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", _PROCESS, str(self.folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env=os.environ | {"PYTHONUTF8": "1"},
            )  # fmt: skip
        threading.Thread(target=process.wait, daemon=True).start()
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and process.poll() is None and not (self.folder / "process.json").exists():
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask a running command to end, as Ctrl-C would; what is finished is kept."""
        number = self._read("process.json").get("number")
        if number is not None and self.state == "running":
            os.kill(int(number), signal.SIGTERM if os.name == "nt" else signal.SIGINT)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the process of this job while the block runs."""
        with FileLock(self.folder / "running.lock", timeout=10):
            write_text(self.folder / "process.json", json.dumps({"number": os.getpid()}) + "\n")
            try:
                yield
            finally:
                (self.folder / "process.json").unlink(missing_ok=True)

    def note(self, progress: Progress) -> None:
        """Say how far the command is."""
        said = {"doing": progress.doing, "done": progress.done, "total": progress.total}
        write_text(self.folder / "progress.json", json.dumps(said) + "\n")

    def end(self, status: int) -> None:
        """Say how the command ended."""
        write_text(self.folder / "exit.json", json.dumps({"status": status}) + "\n")

    def arguments(self) -> list[str]:
        """What the program is to run with."""
        return [str(argument) for argument in self._read("command.json")["arguments"]]

    def _is_held(self) -> bool:
        with _ONE_LOOK:  # two looks at once would see each other
            try:
                with FileLock(self.folder / "running.lock", timeout=0):
                    return False
            except Timeout:
                return True

    def _log(self) -> str:
        try:
            return (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

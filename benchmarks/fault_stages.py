"""The stages of an audit on a tiny model and tracks of noise, each run by the command line in a process of its own.

A stage starts on a copy of what the stages before it left behind. Processes are forked after everything that the stages
import is there, so that a start does not cost seconds; what they run is ``earwitness.cli.main``.
"""

import filecmp
import importlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from earwitness.cli import main
from earwitness.report.archive import unpacked
from earwitness.report.bundle import verify
from earwitness.verdict.attempts import read_attempts, unlogged

STAGES = ("index", "extract", "test", "test again", "report", "bundle")
"""``test again`` is one with other settings than planned: it keeps a file of its own and a line in the log."""
# Times and machines stand in these; what is checked of them is that they hold together.
_NOTED = {"environment.json", "attempts.jsonl", "hashes.json", "report.html", "case.json"}
_TOUCHES = ("open", "os.rename", "os.mkdir", "os.remove", "os.truncate", "os.listdir", "os.scandir")
_TRACKS = 20
"""Extraction writes them in three parts."""


@dataclass(frozen=True, slots=True)
class End:
    """How a stage ended: its exit status (negative: the signal) and what it wrote to standard error."""

    code: int
    said: str

    @property
    def well(self) -> bool:
        """Whether it did its work."""
        return self.code == 0

    def in_one_line(self, *needed: str) -> bool:
        """Whether it refused with one line that says so, and no traceback."""
        lines = [line for line in self.said.splitlines() if line.startswith("earwitness: ")]
        return (
            self.code == 2
            and len(lines) == 1
            and "Traceback" not in self.said
            and all(word in lines[0] for word in needed)
        )

    def __str__(self) -> str:
        return f"exit {self.code}: {' / '.join(self.said.splitlines()[-3:])}"


class Bench:
    """A model, tracks, and the folder that each stage of an unbroken run left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.model = folder, folder / "model"
        for number in range(_TRACKS):
            path = folder / ("suspect" if number < _TRACKS // 2 else "held-out") / f"album {number}" / "track.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, np.random.default_rng(number).normal(scale=0.1, size=16_000), 16_000)
        self.before: dict[str, Path] = {}
        self.needs: dict[str, tuple[int, float]] = {}

    def arguments(self, stage: str, run: Path) -> tuple[str, ...]:
        """Return the command line of a stage, less the program's name."""
        if stage == "index":
            return ("index", str(run), "--suspect", str(self.folder / "suspect"), "--held-out",
                    str(self.folder / "held-out"))  # fmt: skip
        if stage == "extract":
            return ("extract", str(run), "--target", str(self.model), "--seconds", "0.5", "--windows-per-track", "1",
                    "--batch-size", "2")  # fmt: skip
        if stage == "test again":
            return ("test", str(run), "--permutations", "199", "--alpha", "0.05", "--seed", "1")
        if stage == "test":
            return ("test", str(run), "--permutations", "199")
        return (stage, str(run))

    def prepare(self) -> None:
        """Make the model and the unbroken run, noting what each stage needs once everything is imported."""
        assert forked(self._save_model).well
        run, modules = self.folder / "unbroken", self.folder / "modules"
        for stage in STAGES:
            self.before[stage] = self.folder / f"before-{stage}"
            run.mkdir(exist_ok=True)
            shutil.copytree(run, self.before[stage])
            end = self.run(stage, run, note=lambda: modules.write_text("\n".join(sys.modules), encoding="utf-8"))
            assert end.well, (stage, end)
            for name in modules.read_text(encoding="utf-8").splitlines():
                with suppress(Exception):
                    importlib.import_module(name)
        self.after = run
        for stage in STAGES:
            count, start = self.folder / "count", os.times()
            assert self.run(stage, self.fresh(stage), count_into=count).well
            spent = os.times()
            seconds = spent.children_user + spent.children_system - start.children_user - start.children_system
            self.needs[stage] = int(count.read_text(encoding="ascii")), seconds

    def _save_model(self) -> None:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from tests.tiny import save_tiny_musicgen

        save_tiny_musicgen(self.model)

    def started(
        self,
        stage: str,
        run: Path,
        *,
        first: Callable[[], object] = lambda: None,
        note: Callable[[], object] = lambda: None,
        count_into: Path | None = None,
        kill_at: int | None = None,
        kill_after: float | None = None,
        by: signal.Signals = signal.SIGKILL,
    ) -> Callable[[], End]:
        """Start a stage and return what waits for its end; do ``first`` in its process before and ``note`` after.

        Kill it at a call that touches the file system, or after so many seconds of processor, if asked to.
        """
        touched = [0]

        def watch(event: str, _: object) -> None:
            if event in _TOUCHES:
                touched[0] += 1
                if touched[0] == kill_at:
                    os.kill(os.getpid(), by)

        def work() -> None:
            sys.argv = ["earwitness", *self.arguments(stage, run)]
            first()
            sys.addaudithook(watch)
            if kill_after is not None:
                signal.signal(signal.SIGPROF, lambda *_: os.kill(os.getpid(), by))
                if by is signal.SIGKILL:
                    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # unanswered, it ends the process in the midst of C
                signal.setitimer(signal.ITIMER_PROF, kill_after)
            try:
                main()
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                if count_into is not None:
                    count_into.write_text(str(touched[0]), encoding="ascii")
                note()

        return begun(work)

    def run(self, stage: str, run: Path, **how: Any) -> End:
        """Run a stage to its end; for ``how`` see ``started``."""
        return self.started(stage, run, **how)()

    def fresh(self, stage: str, parent: Path | None = None) -> Path:
        """Return a copy of what the stages before left behind, in a folder that holds nothing else."""
        parent = parent or self.folder / "broken"
        if parent.exists():
            for path in parent.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return Path(shutil.copytree(self.before[stage], parent / "unbroken"))

    def differs(self, stage: str, run: Path) -> str:
        """Return what is not as in the unbroken run after this stage; empty where nothing is."""
        at = STAGES.index(stage) + 1
        expected = self.before[STAGES[at]] if at < len(STAGES) else self.after
        names = {p.relative_to(expected) for p in expected.rglob("*") if p.is_file()}
        found = {p.relative_to(run) for p in run.rglob("*") if p.is_file()}
        left = {p for p in found - names if not p.name.endswith((".partial", ".lock")) and not _once_more(run, p)}
        if missing := names - found:
            return f"missing {sorted(map(str, missing))}"
        if left:
            return f"left over {sorted(map(str, left))}"
        for name in sorted(names):
            if name.name not in _NOTED and not filecmp.cmp(expected / name, run / name, shallow=False):
                return f"other bytes in {name}"
        read_attempts(run)
        if loose := unlogged(run):
            return loose[0]
        if stage in ("report", "bundle") and not verify(run).all_match:
            return "hashes that do not fit"
        return _differing_bundle(run) if stage == "bundle" else ""


def _once_more(run: Path, name: Path) -> bool:
    """Whether a file is the result of a test made once more: killed after it was whole, a test is given again."""
    second = run / "attempts" / "0002.json"
    return name.parent.name == "attempts" and second.exists() and filecmp.cmp(second, run / name, shallow=False)


def _differing_bundle(run: Path) -> str:
    """Return what is wrong with the bundle beside a run, whose hashes fit."""
    path = run.with_suffix(".zip")
    if not path.exists():
        return "no bundle"
    with zipfile.ZipFile(path) as archive:
        if bad := archive.testzip():
            return f"{bad} is damaged in the bundle"
    with unpacked(path) as inside:
        return "" if verify(inside).all_match else "a bundle whose hashes do not fit"


def begun(work: Callable[[], object]) -> Callable[[], End]:
    """Start work in a process of its own; return what waits for its end."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _obey(work, writer)
    os.close(writer)

    def end() -> End:
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read().decode(errors="replace")
        return End(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said)

    return end


def forked(work: Callable[[], object]) -> End:
    """Run work in a process of its own to its end."""
    return begun(work)()


def _obey(work: Callable[[], object], standard_error: int) -> None:
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(standard_error, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        work()
        code = 0
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    except BaseException as error:
        os.write(2, f"Traceback: {type(error).__name__}: {error}\n".encode())
    finally:
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[Path | None]:
    """A disk of so many megabytes, or ``None`` where this user may not mount one."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)

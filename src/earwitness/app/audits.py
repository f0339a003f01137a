"""Audits on disk: what was asked for, and the commands that answer it.

Goal: a folder of the work directory says all there is to know of an audit. Conventions: ``asked.json`` is what a
person asked for; ``look/`` and ``audit/`` are the jobs of `earwitness inspect` and `earwitness audit`; ``run/`` is the
run folder of both.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from earwitness.app.jobs import Job
from earwitness.errors import EarwitnessError
from earwitness.files import read_record, write_text
from earwitness.ground_truth.registry import TARGETS, shipped

_NAME = re.compile(r"\d{8}-\d{6}(-\d+)?")
_TITLE_LETTERS = 200


class Asked(BaseModel):
    """What a person asked for; texts are as they were typed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    target: str
    suspect: str
    held_out: str
    alpha: float = 0.01
    windows_per_track: str = "6"
    simulated: int = 100
    harmonise: str = "off"
    device: str = "auto"
    author: str = ""
    held_out_statement: str = ""

    @property
    def target_path(self) -> str:
        """The model's folder; of a shipped target its own."""
        return str(shipped(self.target).model) if self.target in TARGETS else self.target


class Audit:
    """One audit of the work directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / "run"
        self.findings = folder / "inspection.html"
        self.look = Job(folder / "look")
        self.audit = Job(folder / "audit")

    @property
    def name(self) -> str:
        """The folder's name: when it was begun."""
        return self.folder.name

    @property
    def asked(self) -> Asked:
        """What was asked for."""
        asked = read_record(self.folder / "asked.json", Asked, is_not="is no audit of this version of the app")
        if asked is None:
            raise EarwitnessError(f"{self.folder} holds no audit; begin it again.")
        return asked

    @property
    def label(self) -> str:
        """What a list calls it: title, and how it stands."""
        stands = {"running": "running", "done": "finished", "failed": "failed", "stopped": "stopped"}
        state = self.audit.state
        word = stands[state] if state != "new" else {"running": "being looked at"}.get(self.look.state, "not begun")
        return f"{self.asked.title} · {word} · {self.name}"

    @property
    def is_busy(self) -> bool:
        """Whether one of its commands runs."""
        return "running" in (self.look.state, self.audit.state)

    def begin_look(self) -> None:
        """Read the files and say what they can show; no model is asked."""
        asked = self.asked
        self.look.start(
            ["inspect", str(self.run), *self._sets(asked), f"--out={self.findings}", f"--audits={asked.simulated}"]
        )

    def begin_audit(self) -> None:
        """Run the audit, or go on with it where it was stopped."""
        asked = self.asked
        stated = {"--case": asked.title, "--author": asked.author, "--held-out-statement": asked.held_out_statement}
        settings = {
            "--target": asked.target_path, "--out": str(self.run), "--windows-per-track": asked.windows_per_track,
            "--harmonise": asked.harmonise, "--device": asked.device, **stated,
        }  # fmt: skip
        given = [f"{name}={value}" for name, value in settings.items() if value]
        self.audit.start(["audit", *self._sets(asked), *given])

    def _sets(self, asked: Asked) -> list[str]:
        return [f"--suspect={asked.suspect}", f"--held-out={asked.held_out}", f"--alpha={asked.alpha}"]


class WorkDirectory:
    """The folder that holds all audits of the app, and what was uploaded for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.uploads = self.folder / "uploads"
        self._audits = self.folder / "audits"
        try:
            for made in (self.uploads, self._audits):
                made.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EarwitnessError(f"{folder} cannot be a work directory ({error.strerror}); name another.") from None

    def audits(self) -> list[Audit]:
        """All audits, the latest first."""
        there = (path for path in self._audits.iterdir() if (path / "asked.json").exists())
        return [Audit(path) for path in sorted(there, reverse=True)]

    def find(self, name: str | None) -> Audit:
        """The audit of a name; raises ``EarwitnessError`` where there is none."""
        if name is None or not _NAME.fullmatch(name) or not (self._audits / name / "asked.json").exists():
            raise EarwitnessError("There is no such audit; choose one of the list.")
        return Audit(self._audits / name)

    def new(self, title: str, fill: Callable[[Path], Asked]) -> Audit:
        """Make the folder of an audit; ``fill`` moves into it what belongs there and says what is asked for.

        Raises
        ------
        EarwitnessError
            Where something is missing that an audit needs; nothing is left behind then.
        """
        import shutil

        folder = self._free()
        try:
            asked = fill(folder)
            titled = " ".join(title.split())[:_TITLE_LETTERS] or f"Audit of {Path(asked.target).name}"
            write_text(
                folder / "asked.json", asked.model_copy(update={"title": titled}).model_dump_json(indent=2) + "\n"
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Audit(folder)

    def need_idle(self) -> None:
        """Refuse to begin where another command runs: two would take memory and cores from each other."""
        if busy := [audit for audit in self.audits() if audit.is_busy]:
            raise EarwitnessError(f"“{busy[0].asked.title}” is running; wait for it, or stop it first.")

    def _free(self) -> Path:
        stamp, number = datetime.now(UTC).strftime("%Y%m%d-%H%M%S"), 1
        folder = self._audits / stamp
        while True:
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
                folder = self._audits / f"{stamp}-{number}"


def existing_folder(text: str, what: str) -> str:
    """The absolute path of a folder that was typed."""
    if not text.strip():
        raise EarwitnessError(f"The {what} is missing: give its folder, or upload its files.")
    path = Path(text.strip()).expanduser()
    if not path.is_dir():
        raise EarwitnessError(f"{path} is not a folder; give the {what} as a folder on this machine.")
    return str(path.resolve())

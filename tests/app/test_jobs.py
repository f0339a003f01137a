"""A command in a process of its own: started, read from its files alone, stopped, killed, taken up again."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from earwitness.app.jobs import Job, Progress
from earwitness.cli import progress, watched
from earwitness.errors import EarwitnessError


def wait(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never came")


def test_a_command_that_ends_well_and_one_that_fails(tmp_path: Path) -> None:
    job = Job(tmp_path / "job")
    assert job.state == "new"
    job.start(["reference", "path", "fiddle"])
    wait(lambda: job.state != "running")
    assert job.state == "done"
    assert "fiddle" in (job.folder / "log.txt").read_text()
    job.start(["reference", "path", "drum"])
    wait(lambda: job.state != "running")
    assert job.state == "failed"
    assert job.message.startswith("There is no ground-truth target 'drum'")


SLEEPER = """
import sys, time
from pathlib import Path
from earwitness.app.jobs import Job
with Job(Path(sys.argv[1])).held():
    time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_a_process_that_is_killed_counts_as_stopped_and_nobody_starts_a_second(tmp_path: Path) -> None:
    job = Job(tmp_path)
    (tmp_path / "command.json").write_text('{"arguments": ["audit"]}')
    process = subprocess.Popen([sys.executable, "-c", SLEEPER, str(tmp_path)])
    try:
        wait(lambda: (tmp_path / "process.json").exists())
        assert job.state == "running"
        with pytest.raises(EarwitnessError, match="running already"):
            job.start(["targets"])
        job.stop()
        assert process.wait(60) != 0
        assert job.state == "stopped"
        # Nobody is signalled under a number that is left over from a process that was killed.
        (tmp_path / "process.json").write_text(json.dumps({"number": os.getpid()}))
        job.stop()
    finally:
        process.kill()
        process.wait()


def test_progress_and_exit_status_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, seen = Job(tmp_path), []

    def command() -> None:
        assert job.state == "running"
        assert sys.argv == ["earwitness", "audit", "--json"]
        with progress.bar("reading") as on_progress:
            seen.append(job.progress)
            on_progress(3, 3)
            seen.append(job.progress)
        with progress.sign_of_life("testing"):
            seen.append(job.progress)
        raise SystemExit(130)

    (tmp_path / "command.json").write_text('{"arguments": ["audit", "--json"]}')
    monkeypatch.setattr(watched, "main", command)
    monkeypatch.setattr(sys, "argv", [])
    assert watched.run(job) == 130
    assert seen == [
        Progress(doing="reading", done=0, total=0),
        Progress(doing="reading", done=3, total=3),
        Progress(doing="testing", done=0, total=0),
    ]
    assert job.state == "stopped"
    assert progress.watchers == []


def test_a_command_that_breaks_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> None:
        raise ValueError("a defect")

    (tmp_path / "command.json").write_text('{"arguments": []}')
    monkeypatch.setattr(watched, "main", command)
    monkeypatch.setattr(sys, "argv", [])
    with pytest.raises(ValueError, match="a defect"):
        watched.run(Job(tmp_path))
    assert Job(tmp_path).state == "failed"
    assert Job(tmp_path).message == "It ended without a word."


def test_warnings_and_messages_come_from_the_log(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("x\nwarning: few\nearwitness: <b>none</b>\nmore\n")
    assert Job(tmp_path).warnings == ["few"]
    assert Job(tmp_path).message == "<b>none</b>"

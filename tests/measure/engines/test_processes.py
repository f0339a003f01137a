"""Workers as processes of one machine: the table of one process byte for byte, whatever dies."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from earwitness import pipeline
from earwitness.errors import EarwitnessError
from earwitness.settings import Machines
from tests.measure.engines.runs import copy, files, indexed


@pytest.mark.slow
def test_two_processes_give_the_table_of_one_though_one_is_killed(tmp_path: Path) -> None:
    run, settings = indexed(tmp_path, 12)  # three parts of eight tracks
    whole, shared = copy(run, "whole"), copy(run, "shared")
    pipeline.extract_stage(whole, settings)
    killed: list[int] = []

    def kills_one(done: int, total: int) -> None:
        if done and not killed:
            killed.append(max(child.pid or 0 for child in multiprocessing.active_children()))
            os.kill(killed[0], signal.SIGKILL)

    summary = pipeline.extract_stage(shared, settings, machines=Machines(workers=2), on_progress=kills_one)
    assert (summary.tracks, summary.measured, len(killed)) == (24, 24, 1)
    assert files(shared) == files(whole)
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_workers_error_is_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, settings = indexed(tmp_path, 5)
    for path in (tmp_path / "suspect").iterdir():
        path.unlink()
    for path in (tmp_path / "held_out").iterdir():
        path.unlink()
    with pytest.raises(EarwitnessError, match="is to be seen from this machine"):
        pipeline.extract_stage(run, settings, machines=Machines(workers=2))

"""Planning from the command line: the formula both ways, and a simulation on one's own scores."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.test_bad_input import one_line, run


def test_the_formula_both_ways(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "power", "--auc", 0.6, "--json") == 0
    assert json.loads(capsys.readouterr().out)["tracks"] == 157
    assert run(monkeypatch, "power", "--tracks", 157, "--json") == 0
    assert json.loads(capsys.readouterr().out)["auc"] == pytest.approx(0.6, abs=0.001)
    assert run(monkeypatch, "power", "--auc", 0.6, "--fraction", 0.5) == 0
    assert "626 tracks" in capsys.readouterr().out
    assert run(monkeypatch, "power") == 2
    assert "Nothing to plan" in one_line(capsys)


def test_more_of_the_music_needs_fewer_tracks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["power", "--auc", 0.6, "--tracks", 12, "--window-correlation", 0.3]
    assert run(monkeypatch, *arguments, "--windows-per-track", "all", "--minutes", 4, "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["windows_per_track"] == 24
    assert plan["auc"] == pytest.approx(0.612, abs=0.001)
    assert run(monkeypatch, *arguments, "--windows-per-track", 6, "--json") == 0
    assert json.loads(capsys.readouterr().out)["auc"] == pytest.approx(0.6)
    assert run(monkeypatch, *arguments, "--windows-per-track", 12) == 0
    assert "12 windows, whose correlation is 0.3" in capsys.readouterr().out
    assert run(monkeypatch, *arguments, "--windows-per-track", "all") == 2
    assert "--minutes" in one_line(capsys)


@pytest.mark.slow
def test_a_simulation_finds_what_was_planted_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    names = [f"t{i}" for i in range(80)]
    roles = ["suspect"] * 4 + ["held_out"] * 76
    frame = pl.DataFrame({"track_id": names, "role": roles, "group": names, "s": rng.normal(size=80)})
    frame.write_parquet(tmp_path / "scores.parquet")
    arguments = ["power", "--simulate", tmp_path / "scores.parquet", "--higher", "s", "--runs", 60, "--alpha", 0.05]
    assert run(monkeypatch, *arguments, "--auc", 0.85, "--json") == 0
    assert json.loads(capsys.readouterr().out)["rate"] > 0.9
    assert run(monkeypatch, *arguments, "--auc", 0.5, "--json") == 0
    nothing = json.loads(capsys.readouterr().out)
    assert nothing["low"] <= 0.05 <= nothing["high"]
    assert run(monkeypatch, *arguments) == 2
    assert "--auc" in one_line(capsys)

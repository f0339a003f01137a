"""A run that is shared among machines, as a user commands it."""

import shutil
from pathlib import Path

import pytest

from tests.cli.test_bad_input import run, write_sets
from tests.tiny import save_tiny_musicgen


@pytest.mark.slow
def test_shards_are_measured_merged_and_only_then_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_tiny_musicgen(tmp_path / "model")
    suspect, held_out = write_sets(tmp_path)
    first, second, whole = tmp_path / "first", tmp_path / "second", tmp_path / "whole"
    assert run(monkeypatch, "index", first, "--suspect", suspect, "--held-out", held_out) == 0
    shutil.copytree(first, second)
    shutil.copytree(first, whole)
    asked = ["--target", model, "--seconds", 1]
    assert run(monkeypatch, "extract", first, *asked, "--shard", "1/2") == 0
    assert "4 tracks of other shards have not been measured yet" in capsys.readouterr().out
    assert run(monkeypatch, "test", first) == 2
    assert "4 of 12 tracks of" in capsys.readouterr().err
    assert run(monkeypatch, "merge", first, first) == 0
    assert "4 tracks have not been measured yet (part 1, counted from 0)" in capsys.readouterr().out
    assert run(monkeypatch, "extract", second, *asked, "--shard", "2/2") == 0
    assert run(monkeypatch, "merge", first, second) == 0
    assert "1 parts brought, 1 were there already" in capsys.readouterr().out
    assert run(monkeypatch, "extract", whole, *asked) == 0
    read = [{path.name: path.read_bytes() for path in (each / "features").iterdir()} for each in (first, whole)]
    assert read[0] == read[1]
    assert run(monkeypatch, "test", first, "--permutations", 199) == 0
    assert run(monkeypatch, "merge", whole, tmp_path) == 2
    assert "holds no plan.json" in capsys.readouterr().err


def test_a_share_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "extract", tmp_path, "--target", "none", "--shard", "17/16") == 2
    assert "write 3/16" in " ".join(capsys.readouterr().err.split())

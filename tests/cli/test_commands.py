"""The commands as a user runs them: help with examples, JSON, the stages one by one."""

import json
from pathlib import Path

import polars as pl
import pytest

from earwitness.cli.app import app
from earwitness.verdict.result import DatasetInferenceResult
from tests.cli.test_bad_input import audit, run, write_sets
from tests.tiny import save_tiny_musicgen


def command_names() -> list[str]:
    return [command.name for command in app.registered_commands if command.name]


@pytest.mark.parametrize("name", command_names())
def test_every_command_has_help_with_an_example(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, name, "--help") == 0
    assert f"Example: earwitness {name}" in " ".join(capsys.readouterr().out.split())


def test_lists_are_machine_readable(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "targets", "--json") == 0
    assert "musicgen" in json.loads(capsys.readouterr().out)
    assert run(monkeypatch, "signals", "--preset", "iar", "--json") == 0
    specs = json.loads(capsys.readouterr().out)
    assert len(specs) == 18
    assert specs[0] == {
        "name": "loss/codebook=0", "member_is": "lower", "unit": "nats", "source": "arXiv 1709.01604", "headline": False
    }  # fmt: skip


@pytest.mark.slow
def test_the_stages_one_by_one_equal_the_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_tiny_musicgen(tmp_path / "model")
    suspect, held_out = write_sets(tmp_path)
    stages, whole = tmp_path / "stages", tmp_path / "whole"
    sets = ["--suspect", suspect, "--held-out", held_out]
    assert run(monkeypatch, "index", stages, *sets, "--json") == 0
    assert json.loads(capsys.readouterr().out)["suspect tracks"] == 6
    assert run(monkeypatch, "extract", stages, "--target", model, "--seconds", 1) == 0
    assert "12 tracks measured" in capsys.readouterr().out
    assert run(monkeypatch, "test", stages, "--permutations", 199, "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert run(monkeypatch, "report", stages) == 0
    assert run(monkeypatch, "verify", stages) == 0
    assert audit(monkeypatch, model, suspect, held_out, whole) == 0
    second = DatasetInferenceResult.read(whole / "result.json")
    assert first["p_value"] == second.p_value
    assert first["verdict"] == second.verdict
    assert (whole / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads((whole / "environment.json").read_text())["extracted_tracks"] == 12
    assert pl.read_parquet(whole / "features" / "*.parquet").height == 24


@pytest.mark.slow
def test_calibrate_reports_every_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    table = pl.DataFrame({"track_id": [f"t{i}" for i in range(40)], "role": ["suspect"] * 20 + ["held_out"] * 20})
    table = table.with_columns(group=pl.col("track_id"), loss=pl.Series(rng.normal(size=40)))
    table.write_parquet(tmp_path / "scores.parquet")
    arguments = ["calibrate", tmp_path / "scores.parquet", "--lower", "loss", "--runs", 100]
    assert run(monkeypatch, *arguments, "--alpha", 0.05, "--alpha", 0.2, "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["runs"], content["groups"], len(content["p_values"])) == (100, 20, 100)
    for level in content["levels"]:
        assert level["rejections"] == sum(p <= level["alpha"] for p in content["p_values"])
        assert level["low"] <= level["alpha"] <= level["high"]  # seed fixed: the test is exact
    assert run(monkeypatch, *arguments, "--plot", tmp_path / "uniformity.svg") == 0
    assert (tmp_path / "uniformity.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "100 splits of 20 held-out groups, 10 as pseudo-suspects" in capsys.readouterr().out

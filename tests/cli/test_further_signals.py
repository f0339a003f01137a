"""Signals beside the preset's, from the command line to the table: anchors, references, refusals."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from earwitness.features import FeatureTable
from earwitness.measure.plan import Plan
from earwitness.signals.registry import token_signals
from earwitness.signals.tokens.recall import Recall
from earwitness.signals.tokens.requests import RecallRequest
from earwitness.spec import Direction
from tests.cli.test_bad_input import audit, one_line, run, write_sets
from tests.tiny import SAMPLE_RATE, save_tiny_musicgen


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return (
        save_tiny_musicgen(tmp_path_factory.mktemp("target")),
        save_tiny_musicgen(tmp_path_factory.mktemp("other"), seed=1),
    )


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    folder = tmp_path_factory.mktemp("sets")
    suspect, held_out = write_sets(folder, seconds=2.0)
    (folder / "anchors").mkdir()
    for i in range(2):
        wave = np.random.default_rng([9, i]).normal(scale=0.2, size=2 * SAMPLE_RATE).clip(-1, 1)
        soundfile.write(folder / "anchors" / f"{i}.wav", wave, SAMPLE_RATE)
    return suspect, held_out, folder / "anchors"


@pytest.mark.slow
def test_every_further_signal_becomes_columns_with_its_direction(
    models: tuple[Path, Path],
    sets: tuple[Path, Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (target, other), (suspect, held_out, anchors) = models, sets
    names = ("surp", "renyi", "camia_full", "neighbour", "neighbour_audio", "recall", "sdm", "grad_norm")
    further = [part for name in names for part in ("--with", name)]
    # A prefix of 2 s does not fit beside a window of the tiny model, which takes 2 s in all.
    with_short_prefix = token_signals() | {"recall": Recall(RecallRequest(0.4))}
    monkeypatch.setattr("earwitness.signals.registry.token_signals", lambda: with_short_prefix)
    more = [*further, "--reference", other, "--anchors", anchors, "--windows-per-track", 1]
    assert audit(monkeypatch, target, suspect, held_out, tmp_path / "run", *more) == 0, capsys.readouterr().err
    table = FeatureTable.read(tmp_path / "run")
    present = {name.split("/")[0] for name in table.feature_names}
    assert present >= {"surp", "renyi", "camia_full", "neighbour", "recall", "sdm", "grad_norm", "reference"}
    reference = next(name for name in table.feature_names if name.startswith("reference/of=loss"))
    assert table.specs[reference].member_is is Direction.LOWER
    assert table.specs["recall/codebook=0"].member_is is Direction.HIGHER
    # Without a codebook: these are numbers of the whole window.
    assert {"sdm", "grad_norm"} <= set(table.feature_names)
    always = [
        "recall/codebook=all",
        "grad_norm",
        "neighbour/by=gain=-3dB/codebook=all",
        reference,
        "renyi/alpha=2/mean/codebook=all",
    ]
    assert np.isfinite(table.frame.select(always).to_numpy()).all()
    plan = Plan.read(tmp_path / "run")
    assert (
        plan.preset == "default+" + "+".join(names) + f"+reference={other.name}-{plan.references[0].weights_sha256[:8]}"
    )
    assert len(plan.anchors) == 2
    assert json.loads((tmp_path / "run" / "result.json").read_text())["verdict"] in ("no_evidence", "inconclusive")


@pytest.mark.slow
def test_signals_that_lack_something_are_refused_in_one_line(
    models: tuple[Path, Path],
    sets: tuple[Path, Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (target, _), (suspect, held_out, _) = models, sets
    run_folder = tmp_path / "run"
    for more, needed in (
        (["--with", "recall"], "--anchors"),
        (["--with", "nonsense"], "no signal 'nonsense'"),
        (["--reference", target], "is the target itself"),
        (["--with", "sdm", "--anchors", held_out], "also in the collection under test"),
        (["--with", "sdm", "--anchors", tmp_path / "nowhere"], "nowhere"),
    ):
        assert audit(monkeypatch, target, suspect, held_out, run_folder, *more) == 2
        assert needed in one_line(capsys)
    assert not (run_folder / "features").exists()


@pytest.mark.slow
def test_a_stereo_target_hears_two_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_tiny_musicgen(tmp_path / "model", channels=2)
    for side, name in enumerate(("suspect", "held-out")):
        (tmp_path / name).mkdir()
        for i in range(6):
            wave = np.random.default_rng([side, i]).normal(scale=0.2, size=(2 * SAMPLE_RATE, 2)).clip(-1, 1)
            soundfile.write(tmp_path / name / f"{i}.wav", wave, SAMPLE_RATE)
    out = tmp_path / "run"
    assert audit(monkeypatch, model, tmp_path / "suspect", tmp_path / "held-out", out) == 0, capsys.readouterr().err
    plan = Plan.read(out)
    assert plan.audio is not None
    assert plan.audio.channels == 2
    columns = pl.read_parquet(out / "features" / "*.parquet").columns
    assert "excess_loss/codebook=5" in columns  # three codebooks a channel


def test_the_list_of_signals_names_what_can_be_added_and_its_cost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "signals", "--with", "recall") == 0
    shown = capsys.readouterr().out
    assert "recall/codebook=3" in shown
    assert "grad_norm         1 forward, 1 backward" in shown
    assert "Models of scores (MIDI) are asked without min_k_pp_mean." in shown
    assert run(monkeypatch, "signals", "--preset", "iar") == 0
    assert "Models of scores" not in capsys.readouterr().out

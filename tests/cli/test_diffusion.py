"""Diffusion models go through the same commands as token models."""

import json
from pathlib import Path

import numpy as np
import pytest

from earwitness.features import FeatureTable
from earwitness.measure.denoising import DenoisingInstrument
from earwitness.measure.passes.batch import Window
from earwitness.measure.plan import Plan
from earwitness.signals.denoising.presets import denoising_preset
from earwitness.signals.registry import denoising_signals, spec_for
from earwitness.spec import Direction
from earwitness.targets import load_target
from earwitness.targets.protocols import DenoiserTarget
from tests.cli.test_bad_input import one_line, run, write_sets
from tests.targets.test_audioldm import save_tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny("audioldm", tmp_path_factory.mktemp("audioldm"))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_sets(tmp_path_factory.mktemp("sets"))


@pytest.mark.slow
def test_a_diffusion_model_is_audited_like_any_other(
    model: Path,
    sets: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    arguments = ["audit", "--target", model, "--suspect", sets[0], "--held-out", sets[1], "--permutations", 199]
    more = ["--preset", "cdi-gray", "--with", "clid", "--windows-per-track", 1]
    assert run(monkeypatch, *arguments, *more, "--out", out) == 0, capsys.readouterr().err
    table = FeatureTable.read(out)
    asked = [name for name in table.feature_names if not name.startswith("blind/")]
    assert len(asked) == 14 + 10
    assert table.specs["secmi"].member_is is Direction.LOWER
    assert np.isfinite(table.frame.select("secmi", "pia", "pian", "multiple_loss/t=0.3").to_numpy()).all()
    assert np.isnan(table.frame["clid/t=0.3"].to_numpy()).all()  # no track has a prompt
    plan = Plan.read(out)
    assert plan.preset == "cdi-gray+clid"
    # .64 s is what the model says it was trained on: 16 frames of 640 samples.
    assert plan.windows.seconds == 0.64
    assert json.loads((out / "result.json").read_text())["n_tracks"] == {"suspect": 6, "held_out": 6}


@pytest.mark.slow
def test_what_does_not_fit_is_refused_in_one_line(
    model: Path,
    sets: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["audit", "--target", model, "--suspect", sets[0], "--held-out", sets[1], "--out", tmp_path / "run"]
    for more, needed in (
        (["--preset", "iar"], "no preset 'iar' for diffusion models"),
        (["--with", "renyi"], "no signal 'renyi' for diffusion models"),
        (["--anchors", sets[0]], "leave --anchors out"),
        (["--reference", model], "is the target itself"),
        (["--seconds", "5"], "at most 0.64 s"),
    ):
        assert run(monkeypatch, *arguments, *more) == 2
        assert needed in one_line(capsys)


@pytest.mark.slow
def test_batch_size_and_order_change_nothing(model: Path) -> None:
    target = load_target(str(model), device="cpu")
    assert isinstance(target, DenoiserTarget)
    rng = np.random.default_rng(0)
    windows = [
        Window(content=rng.normal(scale=0.1, size=10_240).astype(np.float32), prompt=prompt, key=f"{i}/0")
        for i, prompt in enumerate(["drums", "", "a slow reel in d major"])
    ]
    instrument = DenoisingInstrument(target=target, preset=denoising_preset("cdi"), seed=3)
    together = instrument.measure(windows)
    for i, window in enumerate(windows):
        alone = instrument.measure([window])[0]
        for name, value in alone.items():
            assert together[i][name] == pytest.approx(value, rel=2e-3, abs=1e-5), name
    other = DenoisingInstrument(target=target, preset=denoising_preset("cdi"), seed=4).measure(windows[:1])[0]
    assert other["denoising_loss/t=0.1"] != pytest.approx(together[0]["denoising_loss/t=0.1"], rel=1e-6)


def test_the_suite_and_the_lists_know_diffusion_models(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "check", "--target", model) == 0
    assert "holds: batch-mates change nothing, whatever their timesteps" in capsys.readouterr().out
    assert run(monkeypatch, "signals", "--diffusion", "--preset", "cdi", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 26


def test_every_denoising_feature_is_found_by_its_column_name() -> None:
    for signal in denoising_signals().values():
        for spec in signal.specs:
            assert spec_for(spec.name) == spec


def test_a_track_shorter_than_a_window_goes_with_its_own_length(model: Path) -> None:
    target = load_target(str(model), device="cpu")
    assert isinstance(target, DenoiserTarget)
    rng = np.random.default_rng(0)
    windows = [
        Window(content=rng.normal(scale=0.1, size=samples).astype(np.float32), prompt="drums", key=f"{i}/0")
        for i, samples in enumerate([10_240, 5000, 10_240])
    ]
    instrument = DenoisingInstrument(target=target, preset=denoising_preset("cdi-gray"), seed=3)
    together = instrument.measure(windows)
    for found, window in zip(together, windows, strict=True):
        (alone,) = instrument.measure([window])
        assert found == pytest.approx(alone, rel=2e-3, abs=1e-5)
    assert together[1]["secmi"] != pytest.approx(together[0]["secmi"], rel=1e-3)

"""The example package, built and installed as anybody's would be: signals, a target family and a command."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from earwitness.features import FeatureTable
from earwitness.measure.denoising import prepare_denoising
from earwitness.measure.passes.batch import Window
from earwitness.plug_ins import load_plug_ins
from earwitness.settings import MeasureSettings
from earwitness.signals.registry import denoising_signals, registered_signals, token_signals
from earwitness.targets import families, load_target
from earwitness.testing import check_signal, check_target
from tests.cli.test_bad_input import run
from tests.targets.test_audioldm import save_tiny

PACKAGE = Path(__file__).parents[1] / "examples" / "earwitness-example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on the path in which the package lies as pip leaves it, entry points and all."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=PACKAGE, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        registered_signals.cache_clear()
        families.cache_clear()
        yield folder
    registered_signals.cache_clear()
    families.cache_clear()


@pytest.fixture(scope="module")
def model(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was counted by the package's own command."""
    folder = tmp_path_factory.mktemp("model")
    soundfile.write(folder / "one.wav", np.random.default_rng(0).normal(scale=0.1, size=8000), 4000)
    done = CliRunner().invoke(
        load_plug_ins("earwitness.commands")["bigram"],
        ["train", str(folder), "--out", str(folder / "bigram")],
        catch_exceptions=False,
    )
    assert "1 files counted" in done.output
    return folder / "bigram"


def test_its_signal_is_offered_and_keeps_the_contract(installed: Path) -> None:
    assert len(list(check_signal(token_signals()["top_choice"]))) == 5


def test_its_denoising_signal_is_offered_with_its_cost(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(list(check_signal(denoising_signals()["steadiness"]))) == 5
    assert "steadiness" not in token_signals()
    assert run(monkeypatch, "signals", "--diffusion", "--with", "steadiness") == 0
    shown = capsys.readouterr().out
    assert "default+steadiness has 4 features, from 8 forward and 0 backward passes over a window" in shown
    assert "steadiness        5 forward, 0 backward; 1 feature" in shown


def test_its_denoising_signal_is_measured_and_stands_in_the_plan(installed: Path, tmp_path: Path) -> None:
    target = load_target(str(save_tiny("audioldm", tmp_path / "audioldm")), device="cpu")
    settings = MeasureSettings(target="", further=("steadiness",))
    found = prepare_denoising(settings, target)
    other = prepare_denoising(replace(settings, further=()), target)
    assert found.plan.preset == "default+steadiness"
    assert found.plan.signals[-1] == "Steadiness(level=0.1, draws=5)"
    assert found.plan.measurement_hash != other.plan.measurement_hash
    wave = np.random.default_rng(0).normal(scale=0.1, size=10_240).astype(np.float32)
    (features,) = found.instrument.measure([Window(content=wave, prompt="drums", key="one/0")])
    assert features["steadiness"] > 0
    assert features["denoising_loss/t=0.1"] > 0


def test_its_target_is_found_and_keeps_the_contract(model: Path) -> None:
    lines = list(check_target(load_target(str(model), device="cpu")))
    assert "a token's logits do not see the token" in lines


def test_a_command_that_cannot_be_loaded_costs_itself_alone(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = installed / "earwitness_example" / "command.py"
    whole = module.read_text(encoding="utf-8")
    sys.modules.pop("earwitness_example.command", None)
    module.write_text("raise RuntimeError('broken')", encoding="utf-8")
    try:
        assert "bigram" not in load_plug_ins("earwitness.commands")
    finally:
        module.write_text(whole, encoding="utf-8")
    assert (
        "the plug-in bigram (earwitness_example.command:app) of the package earwitness-example cannot be loaded "
        "(RuntimeError: broken) and is left out"
    ) in capsys.readouterr().err


def test_its_target_is_asked_through_its_signal(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    for side in ("suspect", "held_out"):
        for number in range(3):
            path = tmp_path / side / f"{number}" / "track.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, rng.normal(scale=0.1, size=8000), 4000)
    sets = ["--suspect", tmp_path / "suspect", "--held-out", tmp_path / "held_out"]
    assert run(monkeypatch, "index", tmp_path / "run", *sets) == 0
    asked = ["--target", model, "--preset", "iar", "--with", "top_choice", "--seconds", "1"]
    assert run(monkeypatch, "extract", tmp_path / "run", *asked) == 0
    plan = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    assert "TopChoice(margin=0.0)" in " ".join(plan["signals"])
    assert any(name.startswith("top_choice") for name in FeatureTable.read(tmp_path / "run").feature_names)

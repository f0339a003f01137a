"""The example package, built and installed as anybody's would be: a signal, a target family and a command."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from earwitness.features import FeatureTable
from earwitness.plug_ins import load_plug_ins
from earwitness.signals.registry import further_signals
from earwitness.targets import families, load_target
from earwitness.testing import check_signal, check_target
from tests.cli.test_bad_input import run

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
        further_signals.cache_clear()
        families.cache_clear()
        yield folder
    further_signals.cache_clear()
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
    assert len(list(check_signal(further_signals()["top_choice"]))) == 5


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

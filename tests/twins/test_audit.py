"""From masters to a verdict: every stage through the command line, on a small model."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from earwitness.cli.app import app
from earwitness.errors import EarwitnessError
from earwitness.twins.audit import checked_seal
from earwitness.twins.mark import mark_folder
from earwitness.twins.seal import copy_path
from earwitness.twins.verdict import TwinsResult
from tests.tiny import save_tiny_musicgen

KEY = bytes(range(32))


def _masters(folder: Path, works: int) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    time = np.arange(2 * 16_000) / 16_000
    for work in range(works):
        tones = rng.choice(np.arange(200, 2000, 37), 5, replace=False)
        wave = sum(0.05 * np.sin(2 * np.pi * tone * time * (1 + 0.1 * np.sin(time))) for tone in tones)
        soundfile.write(folder / f"work {work}.wav", wave, 16_000)
    return folder


def test_a_broken_seal_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    mark_folder(_masters(tmp_path / "m", 2), tmp_path / "s", KEY, copies=2)
    assert len(checked_seal(tmp_path / "s", KEY).works) == 2
    copy_path(tmp_path / "s", "work 1", 1).write_bytes(b"fLaC")
    with pytest.raises(EarwitnessError, match=r"does not hold: .*work 1/01\.flac.*The target was not asked"):
        checked_seal(tmp_path / "s", KEY)


@pytest.mark.slow
def test_twins_of_a_model_that_saw_none_of_them(tmp_path: Path) -> None:
    model, sealed, key, run = save_tiny_musicgen(tmp_path / "model"), tmp_path / "s", tmp_path / "key", tmp_path / "run"
    masters = _masters(tmp_path / "m", 5)
    invoke = CliRunner().invoke
    made = invoke(app, ["mark", "--in", str(masters), "--out", str(sealed), "--key", str(key), "--copies", "3"])
    assert made.exit_code == 0, made.output
    asked = invoke(
        app,
        ["twins", str(run), "--sealed", str(sealed), "--key", str(key), "--target", str(model), "--seconds", "1"],
    )
    assert asked.exit_code == 0, asked.output
    result = TwinsResult.model_validate(json.loads((run / "twins.json").read_text()))
    assert result.p_value is not None
    assert result.p_value_floor == 1 / 3**5
    assert [work.twins for work in result.works] == [2] * 5
    assert result.verdict in asked.output.replace(" ", "_")
    assert result.seal_sha256 is not None
    assert result.seal_sha256 in made.output

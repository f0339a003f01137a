"""``earwitness reference``: one line per target in the registry is all the commands need."""

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from earwitness.ground_truth import registry
from earwitness.ground_truth.registry import Shipped, shipped
from tests.cli.test_bad_input import run


def test_every_target_is_listed_with_its_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "reference", "list") == 0
    printed = capsys.readouterr().out
    assert printed.count("per-track loss AUC") == len(registry.TARGETS)
    assert "fiddle: trained on 100 of 406 tunes for 7 epochs" in printed


@pytest.mark.parametrize("name", registry.TARGETS)
def test_the_path_is_a_model_directory(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "reference", "path", name) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert f"# {name}" in (folder / "README.md").read_text(encoding="utf-8")
    assert list(folder.rglob("*.safetensors"))
    assert callable(registry.collection(name).write_track)


@pytest.mark.slow
def test_the_collection_is_written_as_the_model_met_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    on_card = shipped("fiddle").read()
    one = on_card.tunes[0]
    monkeypatch.setattr(
        Shipped, "read", lambda self: replace(on_card, tunes=(one, replace(one, content_sha256="other")))
    )
    assert run(monkeypatch, "reference", "data", "fiddle", "--out", tmp_path) == 0
    captured = capsys.readouterr()
    assert f"2 tracks; the manifest is {tmp_path / 'manifest.csv'}" in captured.out
    assert f"1 of them are not what the card says, {one.name} first" in captured.err
    assert soundfile.info(tmp_path / "member" / f"{one.name}.flac").samplerate == 16_000


def test_a_tune_that_is_not_in_the_collection_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("music21", reason="needs pip install 'earwitness[demo]'")
    on_card = shipped("fiddle").read()
    missing = replace(on_card.tunes[0], name="Nowhere")
    monkeypatch.setattr(Shipped, "read", lambda self: replace(on_card, tunes=(missing,)))
    assert run(monkeypatch, "reference", "data", "fiddle", "--out", tmp_path) == 2
    assert "holds no usable tune Nowhere" in capsys.readouterr().err

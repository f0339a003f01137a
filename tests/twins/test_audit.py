"""From masters to a verdict: every stage through the command line, on a small model."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from earwitness.cli.app import app
from earwitness.errors import EarwitnessError
from earwitness.pipeline import index_stage
from earwitness.settings import VerdictSettings
from earwitness.twins.audit import checked_seal, judge, read_prompts, write_manifest
from earwitness.twins.mark import mark_folder
from earwitness.twins.seal import Seal, copy_path
from earwitness.twins.verdict import TwinsResult
from tests.tiny import save_tiny_musicgen
from tests.twins.test_verdict import table

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


def test_another_test_is_kept_beside_the_first_and_stamped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = table(1, works=30, known=2.0)
    monkeypatch.setattr("earwitness.twins.audit.FeatureTable.read", lambda run: measured)
    seal = Seal(key_commitment="0", marks=("tilt",), strength=1.0, works=())
    first, path = judge(tmp_path, seal, VerdictSettings(alpha=0.01, permutations=999))
    before = path.read_bytes()
    assert (path.name, first.departures) == ("twins.json", [])
    assert judge(tmp_path, seal, VerdictSettings(alpha=0.01, permutations=999)) == (first, path)
    for number in (2, 3):
        other, beside = judge(tmp_path, seal, VerdictSettings(alpha=0.2, permutations=99))
        assert beside.name == f"twins-000{number}.json"
        assert other.reasons[0] == (
            "This test is not as first planned: alpha was 0.01, now 0.2; permutations was 999, now 99."
        )
        assert TwinsResult.model_validate_json(beside.read_text()) == other
    assert path.read_bytes() == before


def test_settings_out_of_range_are_refused_before_the_copies_are_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("00" * 32)
    asked = ["twins", str(tmp_path / "run"), "--sealed", str(tmp_path), "--key", str(tmp_path / "key"), "--target", "x"]
    found = CliRunner().invoke(app, [*asked, "--alpha", "0.001", "--permutations", "99"])
    assert "99 permutations cannot give a p-value of 0.001" in str(found.exception)
    assert "must lie between 0 and 1" in str(CliRunner().invoke(app, [*asked, "--alpha", "5"]).exception)
    assert not (tmp_path / "run").exists()


def test_copies_of_one_work_are_not_warned_of_as_one_recording(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "m").mkdir()
    for work in range(2):
        notes = np.repeat(rng.choice(np.arange(200, 3000, 37), 40), 4_000)
        wave = 0.3 * np.sin(2 * np.pi * np.cumsum(notes) / 16_000) + 0.01 * rng.normal(size=len(notes))
        soundfile.write(tmp_path / "m" / f"work {work}.wav", wave, 16_000)
    seal = mark_folder(tmp_path / "m", tmp_path / "s", KEY, copies=3)
    (tmp_path / "run").mkdir()
    collection = index_stage(tmp_path / "run", manifest=write_manifest(tmp_path / "run", tmp_path / "s", seal, KEY))
    assert sum(couple.declared for couple in collection.couples) >= 2
    assert not [warning for warning in collection.warnings if "same recording" in warning]


def test_prompts_of_works_reach_every_copy(tmp_path: Path) -> None:
    seal = mark_folder(_masters(tmp_path / "m", 2), tmp_path / "s", KEY, copies=2)
    (tmp_path / "run").mkdir()
    given = tmp_path / "prompts.csv"
    given.write_text('work,prompt\nwork 1,"a reel, in D"\n')
    prompts = read_prompts(given, seal)
    collection = index_stage(
        tmp_path / "run", manifest=write_manifest(tmp_path / "run", tmp_path / "s", seal, KEY, prompts)
    )
    found = sorted(collection.tracks.select("pair", "prompt").iter_rows())
    assert found == [("work 0", ""), ("work 0", ""), ("work 1", "a reel, in D"), ("work 1", "a reel, in D")]
    given.write_text("work,prompt\nwork 9,a jig\n")
    with pytest.raises(EarwitnessError, match="names the work 'work 9', which was not sealed"):
        read_prompts(given, seal)
    given.write_text("name,text\nwork 1,a jig\n")
    with pytest.raises(EarwitnessError, match="no columns work and prompt"):
        read_prompts(given, seal)


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
    before = (run / "twins.json").read_bytes()
    (run / "twins.json").unlink()
    again = ["twins", str(run), "--sealed", str(sealed), "--key", str(key), "--target", str(model), "--seconds", "1"]
    other = invoke(app, [*again, "--alpha", "0.2"])
    assert other.exit_code == 0, other.output
    assert "not as first planned: alpha was 0.01, now 0.2" in other.output
    assert not (run / "twins.json").exists()
    assert invoke(app, again).exit_code == 0
    assert (run / "twins.json").read_bytes() == before
    seeded = invoke(app, [*again, "--seed", "5"])
    assert "choose another run folder" in str(seeded.exception)
    assert "--out" not in str(seeded.exception)

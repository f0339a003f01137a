"""Marks for scores: small, of the same notes, each one of its own kind; and a sealed folder of MIDI files."""

from pathlib import Path

import numpy as np
import pytest
from symusic import Note, Score, Tempo, Track
from typer.testing import CliRunner

from earwitness import midi
from earwitness.cli.app import app
from earwitness.errors import EarwitnessError
from earwitness.pipeline import index_stage
from earwitness.twins.audit import write_manifest
from earwitness.twins.mark import mark_folder
from earwitness.twins.score_marks import SCORE_MARKS, marked_score
from earwitness.twins.seal import Seal, copy_path, inconsistencies

KEY = bytes(range(32))
SEED, OTHER = bytes(32), bytes([1] * 32)


def _score(seed: int = 0) -> Score:
    """Two tracks of chords whose notes are repeated at once, with velocities at both ends of the range."""
    rng = np.random.default_rng(seed)
    score = Score(480)
    score.tempos.append(Tempo(0, qpm=100.0))
    for program in (0, 40):
        track = Track(program=program)
        for beat in range(24):
            for pitch in (60, 64, 67):
                track.notes.append(Note(beat * 480, 480, pitch + int(rng.integers(0, 2)), int(rng.integers(1, 128))))
        score.tracks.append(track)
    return score


def _arrays(score: Score) -> list[dict[str, np.ndarray]]:
    return [
        {name: np.asarray(values).astype(int) for name, values in track.notes.numpy().items()} for track in score.tracks
    ]


@pytest.mark.parametrize("kind", list(SCORE_MARKS))
def test_a_mark_follows_its_seed_and_leaves_the_score_alone(kind: str) -> None:
    score = _score()
    before = score.dumps_midi()
    one, again, other = (marked_score(score, [kind], seed).dumps_midi() for seed in (SEED, SEED, OTHER))
    assert one == again
    assert len({one, other, before}) == 3
    assert score.dumps_midi() == before
    assert marked_score(score, [kind], SEED, strength=0.0).dumps_midi() == before


@pytest.mark.parametrize("strength", [1.0, 3.0])
def test_velocities_and_onsets_move_by_the_steps_and_nothing_else_does(strength: float) -> None:
    score = _score()
    louder = _arrays(marked_score(score, ["velocity"], SEED, strength=strength))
    later = _arrays(marked_score(score, ["onset"], SEED, strength=strength))
    for own, loud, late in zip(_arrays(score), louder, later, strict=True):
        assert set(np.unique(np.abs(loud["velocity"] - own["velocity"]))) == set(range(int(strength) + 1))
        assert loud["velocity"].min() >= 1
        assert all(np.array_equal(loud[name], own[name]) for name in ("time", "duration", "pitch"))
        assert set(np.unique(np.abs(late["time"] - own["time"]))) == set(range(int(strength) + 1))
        np.testing.assert_array_equal(late["time"] + late["duration"], own["time"] + own["duration"])
        assert all(np.array_equal(late[name], own[name]) for name in ("velocity", "pitch"))
        assert late["time"].min() >= 0
        for pitch in np.unique(late["pitch"]):
            rows = late["pitch"] == pitch
            starts, ends = late["time"][rows], (late["time"] + late["duration"])[rows]
            assert (starts[1:] >= ends[:-1]).all()


def test_another_order_holds_the_same_music() -> None:
    score = _score()
    other = marked_score(score, ["order"], SEED)
    assert midi.content_sha256(other) == midi.content_sha256(score)
    assert [note.pitch for note in other.tracks[0].notes] != [note.pitch for note in score.tracks[0].notes]
    assert [note.time for note in other.tracks[0].notes] == [note.time for note in score.tracks[0].notes]


@pytest.fixture
def masters(tmp_path: Path) -> Path:
    folder = tmp_path / "masters"
    (folder / "set").mkdir(parents=True)
    for number, name in enumerate(("one", "set/two")):
        (folder / f"{name}.mid").write_bytes(_score(number).dumps_midi())
    return folder


def test_scores_are_marked_sealed_checked_and_indexed(masters: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "sealed", tmp_path / "key"
    invoke = CliRunner().invoke
    made = invoke(app, ["mark", "--in", str(masters), "--out", str(out), "--key", str(key), "--copies", "3"])
    assert made.exit_code == 0, made.output
    seal, secret = Seal.read(out), bytes.fromhex(key.read_text())
    assert seal.marks == tuple(SCORE_MARKS)
    assert sorted(path.name for path in (out / "published").rglob("*.mid")) == ["one.mid", "two.mid"]
    assert invoke(app, ["mark", "verify", str(out), "--key", str(key)]).exit_code == 0
    (tmp_path / "run").mkdir()
    collection = index_stage(tmp_path / "run", manifest=write_manifest(tmp_path / "run", out, seal, secret))
    assert len(collection.tracks) == 6
    changed = copy_path(out, "set/two", 1, ".mid")
    changed.write_bytes(changed.read_bytes()[:-1])
    assert [str(found) for found in inconsistencies(out, seal, None)] == [f"{changed}: was changed since it was sealed"]


def test_what_no_model_could_tell_apart_is_refused(masters: Path, tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="Copies 0 and 1 of 'one' are the same but for what no model reads"):
        mark_folder(masters, tmp_path / "s", KEY, copies=2, kinds=["order"])
    with pytest.raises(EarwitnessError, match="are for audio and for scores; mark the two apart"):
        mark_folder(masters, tmp_path / "s", KEY, copies=2, kinds=["velocity", "tilt"])
    with pytest.raises(EarwitnessError, match=r"no mark 'loudness'; choose among timing, .* velocity, onset, order"):
        mark_folder(masters, tmp_path / "s", KEY, copies=2, kinds=["loudness"])

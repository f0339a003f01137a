"""What is played is what was measured, and only where single tracks may be spoken of."""

import base64
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC

from earwitness import pipeline
from earwitness.app import fragments
from earwitness.app.listening import strongest_and_weakest
from earwitness.collection.tracks import Collection
from earwitness.errors import EarwitnessError
from earwitness.verdict.result import DatasetInferenceResult, TrackResult
from tests.report.samples import full_result

RATE, TRACKS = 8000, 4
HOSTILE = "<script>document.title='run'</script>\"'><img src=x onerror=alert(1)>\u202e${alert(1)}{{x}}" + "w" * 4000


def write_run(folder: Path) -> Path:
    """An indexed run of noise whose suspect tracks score 0, 1, 2, 3 in order of name, with evidence of use."""
    for side, role in enumerate(("suspect", "held-out")):
        (folder / role).mkdir(parents=True)
        for i in range(TRACKS):
            wave = np.random.default_rng([side, i]).normal(scale=0.1, size=30 * RATE).clip(-1, 1)
            soundfile.write(folder / role / f"{i}.flac", wave, RATE)
            if not i:
                tags = FLAC(folder / role / f"{i}.flac")
                tags["title"] = HOSTILE
                tags.save()
    pipeline.index_stage(folder / "run", suspect=folder / "suspect", held_out=folder / "held-out")
    rows = Collection.read(folder / "run").tracks.iter_rows(named=True)
    tracks = [
        TrackResult(track_id=r["track_id"], role=r["role"], group=r["group"], score=int(r["path"][0]), p_value=0.5)
        for r in rows
    ]
    full_result().model_copy(update={"tracks": tracks}).write(folder / "run" / "result.json")
    return folder / "run"


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("case"))


def test_both_ends_of_the_suspect_tracks_are_played_from_their_middle(indexed: Path) -> None:
    strongest, weakest = strongest_and_weakest(indexed)
    assert [track.score for track in strongest] == [3, 2]
    assert [track.score for track in weakest] == [0, 1]
    assert strongest[0].title == "3.flac"
    assert weakest[0].title == HOSTILE
    assert strongest[0].sound is not None
    head, _, sound = strongest[0].sound.partition(",")
    assert head == "data:audio/flac;base64"
    played, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)))
    original, _ = soundfile.read(indexed.parent / "suspect" / "3.flac")
    assert rate == RATE
    np.testing.assert_allclose(played, original[5 * RATE : 25 * RATE], atol=1e-4)
    shown = fragments.players(strongest, weakest, 0.01)
    assert shown.count("<audio") == 4
    assert "<script" not in shown
    assert "<img" not in shown


def test_a_file_that_was_changed_or_is_gone_is_not_played(indexed: Path, tmp_path: Path) -> None:
    case = Path(shutil.copytree(indexed.parent, tmp_path / "case"))
    run = write_run(tmp_path / "other")
    shutil.copy(case / "suspect" / "2.flac", tmp_path / "other" / "suspect" / "3.flac")
    (tmp_path / "other" / "suspect" / "2.flac").unlink()
    strongest, _ = strongest_and_weakest(run)
    assert [track.sound for track in strongest] == [None, None]
    assert all(track.why_not == "The file is not the one that was measured; it is not played." for track in strongest)
    assert "<audio" not in fragments.players(strongest, [], 0.01)


@pytest.mark.parametrize("alike", [True, False])
def test_where_single_tracks_are_not_spoken_of_it_says_why(alike: bool, indexed: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(indexed, tmp_path / "run"))
    result = DatasetInferenceResult.read(run / "result.json")
    change = {"verdict": "no_evidence"} if alike else {"blind": None}
    result.model_copy(update=change).write(run / "result.json")
    expected = "only where there is evidence of use" if alike else "not shown to be alike"
    with pytest.raises(EarwitnessError, match=expected):
        strongest_and_weakest(run)

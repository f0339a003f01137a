"""The same recording in other clothes is known; another is not; two sets that share one are refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import symusic

from earwitness.audio import decode
from earwitness.collection.index import index
from earwitness.collection.landmarks import Landmarks, landmarks
from earwitness.collection.note_grams import note_grams
from earwitness.collection.recordings import Match, joined_groups, same_recordings
from earwitness.errors import EarwitnessError
from tests.audio_encoders import RATE, encoded, mp3, music, written

SONG = music(12, 1)


def as_file(path: Path, content: bytes) -> Landmarks:
    audio = decode(written(path, content))
    return landmarks(audio.samples, audio.sample_rate)


def test_copies_are_known_and_other_recordings_are_not(tmp_path: Path) -> None:
    tracks = {
        "original": landmarks(SONG, RATE),
        "MP3 64": as_file(tmp_path / "a.mp3", mp3(SONG, 64)),
        "AAC": as_file(tmp_path / "a.m4a", encoded(SONG, "aac", "ipod")),
        "-6 dB": landmarks(SONG / 2, RATE),
        "2 s trimmed": landmarks(SONG[2 * RATE :], RATE),
        "1 % faster": landmarks(soxr.resample(SONG, RATE, RATE / 1.01), RATE),
        "1 % slower": landmarks(soxr.resample(SONG, RATE, RATE * 1.01), RATE),
        "other": landmarks(music(12, 2), RATE),
        "noise": landmarks(np.random.default_rng(0).standard_normal(12 * RATE).astype(np.float32), RATE),
    }
    names = list(tracks)
    found = {(names[m.first], names[m.second]) for m in same_recordings(list(tracks.values()))}
    copies = names[:-2]
    assert {("original", name) for name in copies[1:]} <= found
    assert not {name for pair in found for name in pair} & {"other", "noise"}


def test_too_little_to_tell_is_no_match() -> None:
    short = landmarks(SONG[:500], RATE)
    assert len(short.codes) == 0
    assert same_recordings([short, short, landmarks(SONG, RATE)]) == []
    assert same_recordings([]) == []
    brief = [
        landmarks(np.random.default_rng(n).normal(0, 0.1, n).astype(np.float32), RATE) for n in (6000, 8000, 12_000)
    ]
    assert same_recordings(brief) == []


def marks(codes: list[int], times: list[float]) -> Landmarks:
    return Landmarks(codes=np.array(codes, dtype=np.uint64), times=np.array(times, dtype=np.float32))


def test_marks_must_agree_in_when_they_come() -> None:
    codes, times = list(range(100)), [float(i) for i in range(100)]
    later = marks(codes, [time + 7.5 for time in times])
    scattered = marks(codes, list(np.random.default_rng(0).permutation(times) * 9))
    assert same_recordings([marks(codes, times), later, scattered]) == [Match(first=0, second=1, share=1.0)]


def test_marks_that_all_tracks_have_are_no_evidence() -> None:
    everywhere = [marks(list(range(100)), [float(i) for i in range(100)]) for _ in range(200)]
    assert same_recordings(everywhere) == []


def test_groups_with_a_recording_in_common_are_one() -> None:
    groups = [("b", "album"), ("b", "album"), ("a", "album"), ("c", "track")]
    assert joined_groups(groups, [Match(first=1, second=2, share=0.5)]) == [
        ("a", "recording"), ("a", "recording"), ("a", "recording"), ("c", "track"),
    ]  # fmt: skip
    assert joined_groups(groups, [Match(first=0, second=1, share=0.5)]) == groups


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, seed in {"s/A/1.flac": 1, "s/A/2.flac": 3, "s/B/1.flac": 4, "h/C/1.flac": 5, "h/D/1.flac": 6}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, music(8, seed), RATE)
    return tmp_path / "s", tmp_path / "h"


def test_a_copy_within_a_set_joins_groups_and_is_said(folders: tuple[Path, Path]) -> None:
    written(folders[0] / "best of" / "copy.mp3", mp3(music(8, 4) / 2))
    collection = index(*folders)
    rows = {row["path"]: (row["group"], row["group_from"]) for row in collection.tracks.iter_rows(named=True)}
    assert rows["best of/copy.mp3"] == rows["B/1.flac"] == ("folder:suspect:B", "recording")
    assert rows["A/1.flac"] == ("folder:suspect:A", "folder")
    assert collection.warnings[0].startswith(
        "1 pair of files in one set of one recording (suspect B/1.flac = suspect best of/copy.mp3, "
    )


def test_a_copy_across_the_sets_is_refused_unless_declared_a_pair(folders: tuple[Path, Path], tmp_path: Path) -> None:
    written(folders[1] / "D" / "copy.mp3", mp3(music(8, 4)[RATE:]))
    with pytest.raises(EarwitnessError, match=r"same recording is in both sets \(suspect B/1.flac = held_out D/copy.m"):
        index(*folders)
    lines = ["path,role,pair", "s/B/1.flac,suspect,take 1", "h/D/copy.mp3,held_out,Take 1", "h/C/1.flac,held_out,"]
    (tmp_path / "m.csv").write_text("\n".join(lines))
    assert index(manifest=tmp_path / "m.csv").tracks["pair"].to_list() == ["take 1", None, "take 1"]
    (tmp_path / "m.csv").write_text("\n".join(lines).replace("Take 1", "take 2"))
    with pytest.raises(EarwitnessError, match="same recording is in both sets"):
        index(manifest=tmp_path / "m.csv")


def test_one_shared_recording_among_many_is_left_out_of_both_sets_and_said(folders: tuple[Path, Path]) -> None:
    for side, folder in enumerate(folders):
        for i in range(10):
            soundfile.write(folder / f"{i}.flac", np.random.default_rng([side, i]).normal(0, 0.1, 8000), RATE)
    written(folders[1] / "D" / "copy.mp3", mp3(music(8, 4)[RATE:]))
    collection = index(*folders)
    assert {"B/1.flac", "D/copy.mp3"} & set(collection.tracks["path"]) == set()
    assert collection.failures.select("path", "error").rows() == [
        ("B/1.flac", "in both sets"), ("D/copy.mp3", "in both sets"),
    ]  # fmt: skip
    assert collection.warnings[0].startswith("2 tracks were left out, because the same recording is in both sets (susp")
    assert collection.summary()["suspect failed"] == 1


def melody(seed: int, *, transposed: int = 0, program: int = 0, resolution: int = 480, bpm: int = 120) -> symusic.Score:
    rng = np.random.default_rng(seed)
    score = symusic.Score(resolution)
    score.tempos.append(symusic.Tempo(0, bpm))
    track = symusic.Track("", program)
    onset = 0
    for pitch, quarters in zip(60 + rng.integers(0, 12, 80), rng.choice([0.5, 1, 2], 80), strict=True):
        track.notes.append(
            symusic.Note(int(onset * resolution), int(quarters * resolution), int(pitch) + transposed, 64)
        )
        onset += quarters
    score.tracks.append(track)
    return score


def test_a_score_is_known_in_another_key_tempo_and_instrument() -> None:
    scores = [melody(1), melody(1, transposed=5, program=40, resolution=96, bpm=90), melody(2), melody(3)]
    found = same_recordings([note_grams(score) for score in scores])
    assert found == [Match(first=0, second=1, share=1.0)]


def test_a_score_of_drums_alone_has_no_marks() -> None:
    score = melody(1)
    score.tracks[0].is_drum = True
    assert len(note_grams(score).codes) == 0

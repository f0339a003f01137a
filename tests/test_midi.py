"""MIDI: one score one hash, whatever the file; unusable files say why."""

from pathlib import Path

import pytest
import symusic

from earwitness.errors import AudioError
from earwitness.midi import LARGEST_BYTES, decode

HEADER = b"MThd\x00\x00\x00\x06"


def two_notes(resolution: int = 480, *, velocity: int = 64, bpm: float = 120.0) -> symusic.Score:
    score = symusic.Score(resolution)
    score.tempos.append(symusic.Tempo(0, bpm))
    score.time_signatures.append(symusic.TimeSignature(0, 3, 4))
    track = symusic.Track("piano", 5)
    track.notes.append(symusic.Note(0, resolution, 60, velocity))
    track.notes.append(symusic.Note(resolution, resolution // 2, 67, velocity))
    score.tracks.append(track)
    return score


def saved(score: symusic.Score, path: Path) -> Path:
    score.dump_midi(path)
    return path


def test_a_score_is_read_with_what_the_tracks_table_asks(tmp_path: Path) -> None:
    midi = decode(saved(two_notes(), tmp_path / "a.mid"))
    assert (midi.notes, midi.tracks, midi.seconds) == (2, 1, 0.75)
    assert (midi.sample_rate, midi.channels, midi.codec, midi.bits_per_sample) == (0, 0, "midi", None)
    assert [note.pitch for note in midi.score.tracks[0].notes] == [60, 67]


def test_the_same_music_in_another_file_has_the_same_hash(tmp_path: Path) -> None:
    first = decode(saved(two_notes(), tmp_path / "a.mid"))
    other = two_notes(96)
    other.tracks[0].name = "another name"
    other.tempos.append(symusic.Tempo(96, 120.0))  # repeats the tempo that holds
    split = symusic.Track("second", 5)
    split.notes.append(other.tracks[0].notes.pop(1))
    other.tracks.append(split)
    second = decode(saved(other, tmp_path / "b.mid"))
    assert second.tracks == 2
    assert second.content_hash == first.content_hash


@pytest.mark.parametrize("change", ["velocity", "tempo", "program", "drums", "metre", "end"])
def test_other_music_has_another_hash(tmp_path: Path, change: str) -> None:
    score = two_notes(velocity=65 if change == "velocity" else 64, bpm=121 if change == "tempo" else 120)
    if change == "program":
        score.tracks[0].program = 6
    if change == "drums":
        score.tracks[0].is_drum = True
    if change == "metre":
        score.time_signatures.append(symusic.TimeSignature(480, 4, 4))
    if change == "end":
        score.tracks[0].notes[1].duration += 1
    ours, theirs = (decode(saved(s, tmp_path / f"{i}.mid")) for i, s in enumerate((two_notes(), score)))
    assert ours.content_hash != theirs.content_hash


def _late(tick: int) -> symusic.Score:
    score = two_notes()
    score.tracks[0].notes.append(symusic.Note(tick, 10, 60, 64))
    return score


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        (b"", "is empty"),
        (b"RIFF" + bytes(40), "does not begin as a MIDI file"),
        (HEADER + bytes([0, 1, 0]), "is cut off"),
        (HEADER + bytes([0, 0, 0, 1, 1, 0xE0]) + b"MTrk\x00\x00\x00\x04\x00\xff\x2f\x00", "no notes"),
        (
            HEADER + bytes([0, 0, 0, 1, 0xE7, 0x28]) + b"MTrk\x00\x00\x00\x04\x00\xff\x2f\x00",
            "SMPTE frames, which is not",
        ),
    ],
)
def test_what_is_no_score_is_refused_in_one_line(tmp_path: Path, content: bytes, needed: str) -> None:
    path = tmp_path / "bad\nname.mid"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=needed) as caught:
        decode(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", [1, 3, 4, 9, 20])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, missing: int) -> None:
    path = saved(two_notes(), tmp_path / "a.mid")
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(AudioError, match="is cut off"):
        decode(path)


def test_absurd_lengths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="goes on for"):
        decode(saved(_late(480 * 100_001), tmp_path / "long.mid"))
    slow = two_notes(bpm=4)
    slow.tracks[0].notes.append(symusic.Note(480 * 2000, 10, 60, 64))
    with pytest.raises(AudioError, match="goes on for"):
        decode(saved(slow, tmp_path / "slow.mid"))


def test_absurd_sizes_are_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.mid"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(AudioError, match="more than any score"):
        decode(path)


@pytest.mark.parametrize(("resolution", "needed"), [(0, "how long a quarter is"), (480, "lasts no time")])
def test_music_without_time_is_refused(tmp_path: Path, resolution: int, needed: str) -> None:
    path = tmp_path / "a.mid"
    track = bytes([0, 0x90, 60, 64, 0, 0x80, 60, 0, 0, 0xFF, 0x2F, 0])
    path.write_bytes(
        HEADER + bytes([0, 0, 0, 1]) + resolution.to_bytes(2, "big") + b"MTrk" + len(track).to_bytes(4, "big") + track
    )
    with pytest.raises(AudioError, match=needed):
        decode(path)


def test_absent_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"none\.mid does not exist"):
        decode(tmp_path / "none.mid")
    with pytest.raises(AudioError, match="is not a regular file"):
        decode(tmp_path)

"""AudioCaps: the layouts it comes in, and what is wrong with others, to the letter."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from earwitness.bench.paper import audiocaps
from earwitness.errors import EarwitnessError
from tests.bench.paper.layouts import (
    AUDIOCAPS_COLUMNS,
    Name,
    kinds,
    line_of,
    start,
    video,
    write_audio,
    write_audiocaps,
    write_csv,
)

VIDEO = video("train", 0)


def test_a_complete_copy(tmp_path: Path) -> None:
    listing = audiocaps.load(write_audiocaps(tmp_path, train=3, val=2, test=4))
    assert listing.findings == ()
    assert [row.member for row in listing.rows] == 3 * [True] + 6 * [False]
    assert all(row.path and row.path.is_file() for row in listing.rows)
    clip = listing.rows[6]
    assert (clip.name, clip.group) == (f"{video('test', 1)}_10", f"youtube:{video('test', 1)}")
    assert clip.path == tmp_path / "test" / f"{video('test', 1)}_10.wav"
    # Its lines give captions 1, 2, 3, 4, 0.
    assert clip.prompt == "test 1, caption 0"


@pytest.mark.parametrize(
    "name",
    [
        lambda split, i: f"{video(split, i)}.wav",
        lambda split, i: f"Y{video(split, i)}.flac",
        lambda split, i: f"audio/{split}/Y{video(split, i)}_{start(i)}.ogg",
        lambda split, i: f"{video(split, i)}_{start(i)}_{start(i) + 10}.mp3",
        lambda split, i: f"waves/{video(split, i)}_{1000 * start(i)}_{1000 * (start(i) + 10)}.wav",
        lambda split, i: f"{ {'val': 'validation'}.get(split, split) }/{video(split, i)}_{start(i)}.WAV",
    ],
)
def test_names_in_the_wild(name: Name, tmp_path: Path) -> None:
    listing = audiocaps.load(write_audiocaps(tmp_path, train=2, val=1, test=2, name=name, lists="dataset"))
    assert listing.findings == ()
    assert [row.path for row in listing.rows] == [
        tmp_path / name(split, i) for split, i in (("train", 0), ("train", 1), ("val", 0), ("test", 0), ("test", 1))
    ]


def test_a_clip_may_be_named_by_any_of_its_captions(tmp_path: Path) -> None:
    write_audiocaps(tmp_path, train=1, val=0, test=1, name=lambda split, i: f"unused/{split}{i}.wav")
    train = write_audio(tmp_path / "train" / "1000.wav", [7])
    test = write_audio(tmp_path / "test" / "1003.wav", [8])
    (tmp_path / "val.csv").unlink()
    listing = audiocaps.load(tmp_path)
    assert [row.path for row in listing.rows] == [train, test]
    assert kinds(listing.findings) == [("list_absent", False)]


def test_the_folder_of_another_split_is_not_believed(tmp_path: Path) -> None:
    write_audiocaps(tmp_path, train=2, val=1, test=2)
    moved = tmp_path / "train" / f"{video('train', 1)}_10.wav"
    (tmp_path / "test" / "audio").mkdir()
    moved.rename(tmp_path / "test" / "audio" / moved.name)
    listing = audiocaps.load(tmp_path)
    assert [row.path is None for row in listing.rows] == [False, True, False, False, False]
    assert line_of(listing.findings, "wrong_split_folder") == (
        "Not used, since in the folder of another split: 1 clip (test/audio/tr001-_AbCd_10.wav (train))."
    )


def test_a_clip_in_two_splits_blocks(tmp_path: Path) -> None:
    write_audiocaps(tmp_path, train=2, val=1, test=2)
    with (tmp_path / "test.csv").open("a", encoding="utf-8") as file:
        file.write(f"5555,{video('train', 1)},10,The same again\n")
    listing = audiocaps.load(tmp_path)
    assert kinds(listing.findings) == [("in_two_splits", True)]
    assert line_of(listing.findings, "in_two_splits") == (
        "Listed in two splits: 1 clip (tr001-_AbCd (train and test)); use the lists as they were published."
    )


def test_the_later_release_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_audiocaps(tmp_path, train=3, val=1, test=1)
    monkeypatch.setattr(audiocaps, "FIRST_RELEASE_CLIPS", 2)
    assert line_of(audiocaps.load(tmp_path).findings, "other_release") == (
        "train.csv lists 3 clips, more than the 2 of AudioCaps 1.0 that the models were trained on; "
        "use dataset/ of its repository, not dataset2.0/."
    )


def test_lists_that_are_absent(tmp_path: Path) -> None:
    write_audiocaps(tmp_path, train=1, val=1, test=1)
    (tmp_path / "train.csv").unlink()
    (tmp_path / "val.csv").unlink()
    listing = audiocaps.load(tmp_path)
    assert kinds(listing.findings) == [("list_absent", True), ("list_absent", False)]
    assert listing.findings[0].line == (
        f"There is no train.csv in {tmp_path} or its dataset/; copy it from the AudioCaps repository."
    )


@pytest.mark.parametrize(
    ("columns", "rows", "said"),
    [
        (AUDIOCAPS_COLUMNS[:3], [(1, VIDEO, 0)], "lacks the column 'caption' (found: audiocap_id, youtube_id, start_"),
        (AUDIOCAPS_COLUMNS, [], "lists nothing below its header"),
        (AUDIOCAPS_COLUMNS, [(1, "../../x", 0, "A dog")], "line 2: the youtube_id is '../../x', not an id of 11"),
        (AUDIOCAPS_COLUMNS, [("../../x", VIDEO, 0, "A dog")], "line 2: the audiocap_id is '../../x', not a number"),
        (AUDIOCAPS_COLUMNS, [(1, VIDEO, 0, "A\nB"), (2, VIDEO, "²", "")], "line 4: the start_time is '²'"),
        (AUDIOCAPS_COLUMNS, [(5000 * "1", VIDEO, 0, "A dog")], "the audiocap_id is '" + 59 * "1" + "…', not a number"),
        (AUDIOCAPS_COLUMNS, [(1, VIDEO, 0, "A dog", "?")], "line 2 has 5 cells and its header 4"),
        (AUDIOCAPS_COLUMNS, [(1, "a\x1b[m" + 90 * "b", 0, "")], "the youtube_id is 'a\ufffd[m" + 55 * "b" + "…', not"),
    ],
)  # fmt: skip
def test_malformed_lists(columns: Sequence[str], rows: Sequence[Sequence[object]], said: str, tmp_path: Path) -> None:
    write_audiocaps(tmp_path, train=1, val=1, test=1)
    write_csv(tmp_path / "train.csv", columns, rows)
    with pytest.raises(EarwitnessError) as caught:
        audiocaps.load(tmp_path)
    assert said in str(caught.value)
    assert str(tmp_path / "train.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lacks the column 'audiocap_id' (found: nothing)"),
        ("audiocap_id,youtube_id,start_time,caption\n1,tr000-_AbCd,0,caf\xe9\n".encode("latin-1"), "is not UTF-8 text"),
        (b'audiocap_id,youtube_id,start_time,caption\n1,tr000-_AbCd,0,"open', "is not a valid CSV file"),
    ],
)
def test_files_that_are_no_lists(content: bytes, said: str, tmp_path: Path) -> None:
    write_audiocaps(tmp_path, train=1, val=1, test=1)
    (tmp_path / "test.csv").write_bytes(content)
    with pytest.raises(EarwitnessError, match=r"test\.csv") as caught:
        audiocaps.load(tmp_path)
    assert said in str(caught.value)


def test_further_columns_are_named(tmp_path: Path) -> None:
    write_audiocaps(tmp_path, train=1, val=1, test=1)
    write_csv(tmp_path / "train.csv", (*AUDIOCAPS_COLUMNS, "labels"), [(1, video("train", 0), 0, "A dog", "/m/1")])
    (finding,) = audiocaps.load(tmp_path).findings
    assert (finding.line, finding.blocks) == ("train.csv has columns that are not read: labels.", False)

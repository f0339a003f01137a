"""Lakh under FIGARO's split: groups are songs, and a song on both sides is noticed."""

from pathlib import Path

import pytest

from earwitness.bench.paper import lakh
from earwitness.errors import EarwitnessError
from tests.bench.paper.layouts import kinds, line_of, song, write_lakh, write_matches, write_split


def test_a_complete_copy(tmp_path: Path) -> None:
    names = write_lakh(tmp_path, train=3, val=1, test=2)
    listing = lakh.load(tmp_path)
    assert [(row.name, row.member) for row in listing.rows] == [
        *((name, True) for name in names["train"]),
        *((name, False) for name in names["test"]),
    ]
    assert [row.path for row in listing.rows] == [
        tmp_path / "lmd_full" / row.name[0] / f"{row.name}.mid" for row in listing.rows
    ]
    assert [row.group for row in listing.rows] == [f"md5:{row.name}" for row in listing.rows]
    assert kinds(listing.findings) == [("groups", False)]


def test_songs_that_share_a_file_are_one_group(tmp_path: Path) -> None:
    names = write_lakh(tmp_path, train=4, val=1, test=2)
    (first, second, third, alone), (other, _) = names["train"], names["test"]
    write_matches(tmp_path, {song(3): [first, second], song(2): [second, third], song(1): [third, other]})
    groups = {row.name: row.group for row in lakh.load(tmp_path).rows}
    assert [groups[name] for name in (first, second, third, other)] == 4 * [f"song:{song(1)}"]
    assert groups[alone] == f"md5:{alone}"


def test_the_matched_folders_say_the_same_and_hold_files_too(tmp_path: Path) -> None:
    names = write_lakh(tmp_path, train=2, val=1, test=1)
    (tmp_path / "match_scores.json").unlink()
    assert kinds(lakh.load(tmp_path).findings) == [("no_groups", False)]
    moved, name = names["train"], song(9)
    place = tmp_path / "lmd_matched" / name[2] / name[3] / name[4] / name
    place.mkdir(parents=True)
    for md5 in moved:
        (tmp_path / "lmd_full" / md5[0] / f"{md5}.mid").rename(place / f"{md5}.mid")
    listing = lakh.load(tmp_path)
    assert [row.path for row in listing.rows][:2] == [place / f"{md5}.mid" for md5 in moved]
    assert [row.group for row in listing.rows][:2] == 2 * [f"song:{name}"]
    assert (
        line_of(listing.findings, "groups") == "Matched with 1 song: 2 files; every other file is a group of its own."
    )


def test_changed_copies_are_no_substitute(tmp_path: Path) -> None:
    names = write_lakh(tmp_path, train=1, val=1, test=1)
    md5 = names["train"][0]
    (tmp_path / "lmd_aligned").mkdir()
    (tmp_path / "lmd_full" / md5[0] / f"{md5}.mid").rename(tmp_path / "lmd_aligned" / f"{md5}.mid")
    assert [row.path is None for row in lakh.load(tmp_path).rows] == [True, False]


def test_a_file_in_two_splits_blocks(tmp_path: Path) -> None:
    names = write_lakh(tmp_path, train=2, val=1, test=1)
    write_split(tmp_path, "test", [*names["test"], names["val"][0]])
    assert line_of(lakh.load(tmp_path).findings, "in_two_splits") == (
        f"Listed in two splits: 1 file ({names['val'][0]} (val and test)); use the splits as published."
    )


def test_splits_that_are_absent(tmp_path: Path) -> None:
    write_lakh(tmp_path, train=1, val=1, test=1)
    (tmp_path / "splits" / "train.txt").unlink()
    (tmp_path / "splits" / "val.txt").unlink()
    findings = lakh.load(tmp_path).findings
    assert kinds(findings) == [("list_absent", True), ("list_absent", False), ("groups", False)]
    assert findings[0].line == (f"There is no splits/train.txt in {tmp_path}; copy splits/ from FIGARO's repository.")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"../../etc/passwd\n", "line 1 is '../../etc/passwd', not a file such as a/<md5>.mid"),
        (b"\n\n", "lists nothing"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (f"a/{32 * 'a'}.mid\na/{32 * 'A'}.mid\n".encode(), "line 2 is 'a/AAAA"),
    ],
)
def test_malformed_splits(content: bytes, said: str, tmp_path: Path) -> None:
    write_lakh(tmp_path, train=1, val=1, test=1)
    (tmp_path / "splits" / "train.txt").write_bytes(content)
    with pytest.raises(EarwitnessError, match=r"train\.txt") as caught:
        lakh.load(tmp_path)
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b"[1, 2]", b'{"TR": ["a"]}', b"{", b"\xff", 100_000 * b"["])
def test_malformed_matches(content: bytes, tmp_path: Path) -> None:
    write_lakh(tmp_path, train=1, val=1, test=1)
    (tmp_path / "match_scores.json").write_bytes(content)
    with pytest.raises(EarwitnessError, match=r"match_scores\.json is not the published JSON"):
        lakh.load(tmp_path)

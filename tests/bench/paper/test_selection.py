"""The draw: the same every time, groups whole on one side, and exact about what is missing."""

from dataclasses import replace
from pathlib import Path

import pytest

from earwitness.bench.paper.listing import Listed, Listing
from earwitness.bench.paper.selection import Draw, Selection, select
from tests.bench.paper.layouts import SECONDS, kinds, line_of, write_audio

DRAW = Draw(tracks_a_side=4, tracks_a_group=1, seconds=1.0, seed=0)


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Listing:
    """Nine files of either side, three a group."""
    folder = tmp_path_factory.mktemp("audio")
    rows = [
        Listed(
            name=f"{side}{i}", path=write_audio(folder / f"{side}{i}.wav", [member, i]), member=member,
            group=f"{side}-group-{i // 3}",
        )
        for member, side in ((True, "a"), (False, "b"))
        for i in range(9)
    ]  # fmt: skip
    return Listing(rows=tuple(rows))


def names(selection: Selection) -> list[str]:
    return [track.name for track in selection.tracks]


def test_as_many_as_asked_for_and_no_group_too_often(listing: Listing) -> None:
    drawn = select(listing, replace(DRAW, tracks_a_group=2))
    assert [track.member for track in drawn.tracks] == 4 * [True] + 4 * [False]
    counts = [sum(track.group == group for track in drawn.tracks) for group in {row.group for row in listing.rows}]
    assert sorted(counts) == [0, 0, 2, 2, 2, 2]
    assert drawn.findings == ()


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_the_list(listing: Listing) -> None:
    draw = replace(DRAW, tracks_a_side=2)
    once = select(listing, draw)
    again = select(Listing(rows=listing.rows[::-1]), draw)
    assert names(once) == names(again)
    assert len({tuple(names(select(listing, replace(draw, seed=seed)))) for seed in range(5)}) > 1


def test_an_absent_file_changes_no_other_pick(listing: Listing) -> None:
    draw = replace(DRAW, tracks_a_side=3, tracks_a_group=3)
    whole = names(select(listing, draw))
    lost = whole[0]
    rows = tuple(replace(row, path=None) if row.name == lost else row for row in listing.rows)
    drawn = select(Listing(rows=rows), draw)
    assert names(drawn)[:2] == whole[1:3]
    assert names(drawn)[3:] == whole[3:]
    assert line_of(drawn.findings, "files_absent") == f"Absent of the 9 files of the training side: 1 file ({lost})."


def test_a_group_listed_on_both_sides_is_left_out_whether_its_files_are_there_or_not(listing: Listing) -> None:
    stray = Listed(name="stray", path=None, member=False, group="a-group-1")
    drawn = select(Listing(rows=(*listing.rows, stray)), replace(DRAW, tracks_a_side=6, tracks_a_group=3))
    assert {track.group for track in drawn.tracks if track.member} == {"a-group-0", "a-group-2"}
    assert line_of(drawn.findings, "groups_on_both_sides") == (
        "Listed on both sides and left out of both: 1 group (a-group-1)."
    )


def test_too_few_tracks_block_and_say_what_would_do(listing: Listing) -> None:
    drawn = select(listing, DRAW)
    assert kinds(drawn.findings) == 2 * [("too_few_tracks", True)]
    assert drawn.findings[0].line == (
        "The training side has 3 tracks that can be used, and 4 are wanted (at most 1 of a group); "
        "get more of the listed files, or ask for fewer with --tracks 3."
    )
    assert "--tracks" not in select(Listing(rows=()), DRAW).findings[0].line


def test_files_that_cannot_be_used_are_passed_over(tmp_path: Path) -> None:
    good = [write_audio(tmp_path / f"good{i}.wav", [i]) for i in range(3)]
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    write_audio(tmp_path / "short.wav", [9], seconds=0.5)
    (tmp_path / "copy.wav").write_bytes(good[0].read_bytes())
    rows = [
        Listed(name=path.stem, path=path, member=path.stem != "copy", group=path.stem)
        for path in sorted(tmp_path.glob("*.wav"))
    ]
    drawn = select(Listing(rows=tuple(rows)), replace(DRAW, tracks_a_side=5))
    assert sorted(names(drawn)) == ["good0", "good1", "good2"]
    assert line_of(drawn.findings, "unreadable") == "Passed over as undecodable: 1 file (broken.wav)."
    assert line_of(drawn.findings, "too_short") == ("Passed over as shorter than a window of 1 s: 1 file (short.wav).")
    assert line_of(drawn.findings, "same_content") == (
        "Passed over as the same as another that is drawn: 1 file (copy.wav)."
    )
    assert SECONDS > 1

"""Stable Audio Open: published lists against the user's own, source by source."""

from pathlib import Path

import pytest

from earwitness.bench.paper import attribution
from earwitness.errors import EarwitnessError
from tests.bench.paper.layouts import ATTRIBUTION_COLUMNS, kinds, line_of, write_attributions, write_audio, write_csv


def test_a_complete_copy(tmp_path: Path) -> None:
    write_attributions(tmp_path, members=4, others=3)
    listing = attribution.load(tmp_path, source="freesound")
    assert [row.member for row in listing.rows] == 4 * [True] + 3 * [False]
    assert kinds(listing.findings) == [("claim", False)]
    first, last = listing.rows[0], listing.rows[-1]
    assert (first.prompt, first.artist, first.group) == ("Sound 100", "User 01", "freesound author:user 01")
    assert first.path == tmp_path / "freesound" / "100__user__sound.wav"
    assert last.path == tmp_path / "held_out" / "freesound" / "202__user__sound.wav"


def test_names_begin_with_the_id(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "fma_dataset_attribution2.csv", ("id", "title", "author"), [(n, "", " ") for n in (4, 48, 485)]
    )
    write_csv(tmp_path / "held_out" / "fma.csv", ("id", "title", "author"), [(999, "Later", "Z")])
    paths = [
        write_audio(tmp_path / "fma" / name, [i])
        for i, name in enumerate(("000/000004.wav", "48.flac", "485 - a title.ogg", "4850.wav", "x48.wav"))
    ]
    listing = attribution.load(tmp_path, source="fma")
    assert [row.path for row in listing.rows] == [*paths[:3], None]
    assert [row.group for row in listing.rows] == ["fma:4", "fma:48", "fma:485", "fma author:z"]
    assert line_of(listing.findings, "untitled") == (
        "Untitled in fma_dataset_attribution2.csv, so asked about without a prompt: 3 recordings."
    )


def test_one_author_is_one_group_however_it_is_written(tmp_path: Path) -> None:
    write_attributions(tmp_path)
    write_csv(
        tmp_path / "freesound_dataset_attribution2.csv", ATTRIBUTION_COLUMNS,
        [(1, "a", "Ana  Lu", "", ""), (2, "b", "ANA LU", "", "")],
    )  # fmt: skip
    rows = attribution.load(tmp_path, source="freesound").rows
    assert rows[0].group == rows[1].group


def test_what_was_trained_on_cannot_be_held_out(tmp_path: Path) -> None:
    write_attributions(tmp_path, members=3, others=3)
    held_out = tmp_path / "held_out" / "freesound_dataset_attribution2.csv"
    write_csv(held_out, ATTRIBUTION_COLUMNS, [(n, "t", "u", "", "") for n in (101, 50, 400)])
    findings = attribution.load(tmp_path, source="freesound").findings
    assert kinds(findings) == [("on_both_sides", True), ("not_later", False), ("claim", False)]
    assert findings[0].line == ("Held out, but trained on by the published list: 1 recording (101); take them out.")
    assert findings[1].line.startswith("Smaller than the largest published id: 2 held-out ids (50, 101). ")


def test_lists_that_are_absent_or_too_many(tmp_path: Path) -> None:
    write_attributions(tmp_path)
    assert kinds(attribution.load(tmp_path, source="fma").findings) == 2 * [("list_absent", True)]
    write_csv(tmp_path / "freesound_dataset_attribution2 (1).csv", ATTRIBUTION_COLUMNS, [(1, "a", "b", "", "")])
    (finding,) = attribution.load(tmp_path, source="freesound").findings
    assert finding.line == (
        f"{tmp_path} holds 2 lists (freesound_dataset_attribution2 (1).csv, freesound_dataset_attribution2.csv); "
        "keep one."
    )


@pytest.mark.parametrize("number", ["../../x", "", "-1", "1e3", "٣"])
def test_ids_are_numbers(number: str, tmp_path: Path) -> None:
    write_attributions(tmp_path)
    held_out = tmp_path / "held_out" / "freesound_dataset_attribution2.csv"
    write_csv(held_out, ATTRIBUTION_COLUMNS, [(number, "t", "u", "", "")])
    with pytest.raises(EarwitnessError) as caught:
        attribution.load(tmp_path, source="freesound")
    assert str(caught.value) == (
        f"{held_out} line 2: the id is {number!r}, not a number; get the published list again."
    )

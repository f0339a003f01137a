"""Near-copies in the report: on the page and on the screen where there are some, and nowhere else."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from earwitness.report import near_copies
from earwitness.report.context import ReportContext, TrackRow
from earwitness.report.html import render_html
from earwitness.report.text import print_result
from earwitness.verdict.near_copies import NearCopies, NearCopy
from earwitness.verdict.result import DatasetInferenceResult
from tests.report.samples import full_context, full_result, hostile

FOUND = NearCopies(
    found=(
        NearCopy(track_id="s0003", seconds=4.32, token_agreement=0.874, similarity=0.953),
        NearCopy(track_id="elsewhere", seconds=0.3, token_agreement=0.1, similarity=0.881),
    ),
    above_seconds=1.66, above_similarity=0.8549, held_out_groups=16, suspect_groups=16, level=0.01,
)  # fmt: skip
HEADING = '<h2 id="near-copies">'


def with_copies(result: DatasetInferenceResult, found: NearCopies = FOUND) -> DatasetInferenceResult:
    return result.model_copy(update={"near_copies": found})


def screen(result: DatasetInferenceResult, context: ReportContext | None = None) -> list[str]:
    console = Console(width=120, record=True, file=StringIO())
    print_result(result, console, context=context)
    return console.export_text().splitlines()


def test_the_page_lists_them_with_what_they_mean() -> None:
    context = full_context()
    page = render_html(with_copies(full_result()), context)
    assert HEADING in page
    title = next(track.title for track in context.tracks if track.track_id == "s0003")
    assert near_copies.table(FOUND, context).rows == (
        (title, "The Example Ensemble", "Sessions 1", "4.3", "87.4\xa0%", "0.95"),
        ("elsewhere", "—", "—", "0.3", "10\xa0%", "0.88"),
    )
    assert f"<td>{title}</td>" in page
    for sentence in (
        "the model went on as 2 suspect tracks in fact do.",
        "stands beside the verdict, which is about the whole set. A common riff is no such evidence",
        "had to agree for more than 1.7 seconds or to reach a similarity above 0.85.",
        "in the 16 held-out groups that, if the model knew neither set, at most 1\xa0% of audits",
    ):
        assert sentence in page


def test_a_lone_measure_and_a_lone_track_are_worded_for() -> None:
    sound = replace(FOUND, found=(replace(FOUND.found[0], seconds=None, token_agreement=None),), above_seconds=None)
    assert "as one suspect track in fact does." in near_copies.statement(sound)
    assert "had to reach a similarity above 0.85." in near_copies.rule(sound)
    assert near_copies.table(sound, full_context()).rows[0][3:] == ("—", "—", "0.95")
    assert near_copies.lines(sound, ReportContext()) == ["s0003: similarity 0.95"]
    assert "agree for more than 1.7 seconds." in near_copies.rule(replace(FOUND, above_similarity=1.0))


def test_the_screen_names_them_and_stays_one() -> None:
    tracks = (TrackRow(track_id="s0003", role="suspect", group="g", path="held by path.flac"),)
    lines = [line.rstrip() for line in screen(with_copies(full_result()), ReportContext(tracks=tracks))]
    at = lines.index("Near-copies: the model plays these tracks back")
    assert lines[at + 1] == "– held by path.flac: agrees for 4.3 s, similarity 0.95"
    assert len(lines) <= 40


@pytest.mark.parametrize("found", [None, replace(FOUND, found=())])
def test_without_any_there_is_no_section(found: NearCopies | None) -> None:
    result = full_result().model_copy(update={"near_copies": found})
    assert HEADING not in render_html(result, full_context())
    assert screen(result, full_context()) == screen(full_result())


def test_strangers_titles_are_shown_and_never_obeyed() -> None:
    result, context = hostile("<script>alert(1)</script>[red]")
    found = replace(FOUND, found=(replace(FOUND.found[0], track_id=context.tracks[0].track_id),))
    page = render_html(with_copies(result, found), context)
    assert HEADING in page
    assert "<script" not in page


def test_they_survive_the_record(tmp_path: Path) -> None:
    sound = replace(FOUND, found=(replace(FOUND.found[0], seconds=None),), above_seconds=None)
    with_copies(full_result(), sound).write(tmp_path / "result.json")
    assert DatasetInferenceResult.read(tmp_path / "result.json").near_copies == sound

"""The first page: who states what, what is weighed, what was not heard, and how often it was tried."""

from dataclasses import replace
from pathlib import Path

import pytest

from earwitness.record.case import Case
from earwitness.record.commitment import Commitment
from earwitness.report.front_page import facts, heard, would_change
from earwitness.report.html import render_html
from earwitness.verdict.attempts import FIRST, Attempt
from tests.report.samples import VERDICTS, bare_result, full_context, full_result


def attempt(number: int, *differs: str) -> Attempt:
    return Attempt(
        number=number, made=f"2026-03-0{number}T10:00:00+00:00", settings={}, differs=differs, verdict="no_evidence",
        p_value=0.5, target="m", plan_hash="ab", features_sha256="", result="result.json", result_sha256="",
        version="0.1.0", previous=FIRST,
    )  # fmt: skip


def test_what_nobody_stated_is_said_to_be_not_stated() -> None:
    page = render_html(full_result(), full_context())
    for label in ("Case reference", "Author", "Who vouches for the held-out set"):
        assert f"<dt>{label}</dt><dd>not stated</dd>" in page


def test_what_was_stated_is_printed_and_escaped() -> None:
    case = Case(reference="3 O 17/26", author="<b>A. Expert</b>", held_out_statement="The producer, under oath.")
    context = replace(full_context(), case=case, set_names={"suspect": "albums", "held_out": "out-takes"})
    page = render_html(full_result(), context)
    assert "<dd>3 O 17/26</dd>" in page
    assert "&lt;b&gt;A. Expert&lt;/b&gt;" in page
    assert "<dt>Who vouches for the held-out set</dt><dd>The producer, under oath.</dd>" in page
    assert "<dt>Held-out set</dt><dd>out-takes</dd>" in page


def test_attempts_and_a_plan_that_was_not_kept_are_on_the_first_page() -> None:
    committed = Commitment(plan_hash="cd" * 32, made="2026-03-01", version="0.1.0")
    context = replace(full_context(), attempts=(attempt(1, "alpha was 0.01, now 0.2"), attempt(2)), committed=committed)
    said = dict(facts(full_result(), context))
    assert said["Date of the test"] == "2026-03-02 10:00:00 UTC"
    assert said["Tests made of this run"] == "2, of which 1 not as planned"
    assert (
        dict(facts(full_result(), replace(context, attempts=(attempt(1),))))["Tests made of this run"]
        == "1, as planned"
    )
    assert "the run did not keep to it" in said["Plan laid down"]
    kept = dict(facts(full_result().model_copy(update={"plan_hash": "cd" * 32}), context))
    assert "the run kept to it" in kept["Plan laid down"]


def test_how_much_of_the_music_was_not_heard_is_said() -> None:
    context = full_context()
    tracks = tuple(replace(track, seconds=300.0) for track in context.tracks)
    assert heard(replace(context, tracks=tracks)) == (
        "Of each track, 3 excerpts of 8 seconds were taken: at most 24 seconds of music, while half of the tracks last "
        "5:00 minutes or longer. The rest of the music was not put to the model."
    )
    short = tuple(replace(track, seconds=20.0) for track in context.tracks)
    assert heard(replace(context, tracks=short)) == (
        "Of each track, up to 3 excerpts of 8 seconds were taken, as many as it has; half of the tracks last "
        "20 seconds or less."
    )
    assert heard(replace(context, plan={})) is None


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_says_what_would_change_it(verdict) -> None:
    points = would_change(bare_result(verdict))
    assert len(points) >= 2
    page = render_html(bare_result(verdict), full_context())
    assert all(point.heading in page for point in points)


def test_a_statement_is_kept_where_nothing_new_is_stated(tmp_path: Path) -> None:
    Case.note(tmp_path, author="A", reference="1")
    Case.note(tmp_path, author=None, reference="2")
    assert Case.read(tmp_path) == Case(author="A", reference="2")
    assert not (tmp_path / "none").exists()


def test_dots_have_names_only_where_single_tracks_may_be_spoken_of() -> None:
    context = full_context()
    title = next(track.title for track in context.tracks if track.role == "suspect")
    result = full_result()
    assert result.track_wise
    svg = render_html(result, context).split('<figure class="chart"')[1]
    assert f"<title>{title} · suspect/album 0 · " in svg
    other = render_html(full_result(verdict="no_evidence"), context).split('<figure class="chart"')[1]
    assert f"<title>{title}" not in other

import json
from pathlib import Path

import polars as pl
import pytest

from earwitness.collection.tracks import Failure
from earwitness.errors import EarwitnessError
from earwitness.identity import TargetIdentity
from earwitness.report.context import ReportContext, TrackRow, report_context, set_summaries


@pytest.fixture
def run(tmp_path: Path) -> Path:
    pl.DataFrame(
        {
            "track_id": ["a", "b", "c"],
            "role": ["suspect", "suspect", "held_out"],
            "group": ["x", "x", "y"],
            "path": ["a.flac", "b.flac", "c.flac"],
            "sha256": ["1" * 64, "2" * 64, "3" * 64],
            "seconds": [90.0, 30.0, None],
            "sample_rate": [44100, 44100, 44100],
            "title": ["One", "", None],
            "group_from": ["album", "folder", "track"],
        }
    ).write_parquet(tmp_path / "tracks.parquet")
    pl.DataFrame(
        {
            "track_id": [None],
            "path": ["bad.wav"],
            "stage": ["index"],
            "error": ["AudioError"],
            "message": ["Too short."],
        }
    ).write_parquet(tmp_path / "failures.parquet")
    (tmp_path / "plan.json").write_text(
        json.dumps({"target": {"family": "musicgen", "weights_sha256": "ab"}, "seed": 0})
    )
    (tmp_path / "environment.json").write_text(json.dumps({"python": "3.12", "timings": {"extract": 3, "note": "x"}}))
    return tmp_path


def test_a_run_folder_is_read_into_one_record(run: Path) -> None:
    context = report_context(run, title="T", created="today")
    assert (context.title, context.created) == ("T", "today")
    assert context.tracks[1] == TrackRow(
        track_id="b", role="suspect", group="x", seconds=30.0, sha256="2" * 64, group_from="folder", path="b.flac"
    )
    assert context.tracks[0].title == "One"
    assert context.failures == (
        Failure(track_id="", path="bad.wav", stage="index", error="AudioError", message="Too short."),
    )
    assert context.target == TargetIdentity(family="musicgen", weights_sha256="ab", dtype="")
    assert context.environment == {"python": "3.12"}
    assert context.timings == {"extract": 3.0}
    assert set(context.files) == {"tracks.parquet", "failures.parquet", "plan.json", "environment.json"}


def test_sets_are_counted_and_unknown_lengths_leave_the_minutes_unknown(run: Path) -> None:
    suspect, held_out = report_context(run).sets
    assert (suspect.tracks, suspect.groups, suspect.minutes) == (2, 1, 2.0)
    assert dict(suspect.groups_from) == {"album": 1, "folder": 1}
    assert (held_out.role, held_out.minutes) == ("held_out", None)
    assert set_summaries(()) == ()


def test_an_empty_folder_gives_an_empty_context(tmp_path: Path) -> None:
    assert report_context(tmp_path) == ReportContext()


def test_the_report_itself_is_not_among_the_hashed_files(run: Path) -> None:
    (run / "report.html").write_text("old")
    (run / "hashes.json").write_text("{}")
    assert not {"report.html", "hashes.json"} & set(report_context(run).files)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("plan.json", "{", "cannot be read as JSON"),
        ("environment.json", "[1]", "holds no JSON object"),
        ("tracks.parquet", "no parquet", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(run: Path, name: str, content: str, complaint: str) -> None:
    (run / name).write_text(content)
    with pytest.raises(EarwitnessError, match=complaint) as caught:
        report_context(run)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="is not a folder"):
        report_context(tmp_path / "nowhere")

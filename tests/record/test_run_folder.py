"""What a run folder adds to a result."""

from pathlib import Path

import polars as pl

from earwitness.record import run_folder
from earwitness.settings import MeasureSettings, VerdictSettings
from tests.measure.test_plan import plan
from tests.report.samples import bare_result


def test_what_is_remarked_of_a_target_becomes_a_warning(tmp_path: Path) -> None:
    planned = plan(test=run_folder.settings_of(VerdictSettings()))
    rows = [track.model_dump() for track in planned.tracks]
    pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)).write_parquet(tmp_path / "tracks.parquet")
    settings = MeasureSettings(target="a/model", device="cpu")
    run_folder.note_environment(tmp_path, settings, 1.0, 2, ["Its schedule is not its own."])
    result = run_folder.as_recorded(tmp_path, planned, VerdictSettings(), bare_result("no_evidence"))
    assert result.warnings[-1] == "Its schedule is not its own."
    assert result.target_name == "a/model"
    assert result.departures == []

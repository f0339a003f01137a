"""What a run folder adds to a result."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from earwitness.errors import EarwitnessError
from earwitness.files import file_sha256
from earwitness.record import run_folder
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.verdict.attempts import read_attempts, unlogged
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


@pytest.mark.parametrize("settings", [VerdictSettings(), VerdictSettings(alpha=0.2)])
def test_a_test_broken_off_before_its_result_was_written_is_ended_by_the_same_test(
    tmp_path: Path, settings: VerdictSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan(test=run_folder.settings_of(VerdictSettings()))
    planned.write(tmp_path)
    rows = [track.model_dump() for track in planned.tracks]
    pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)).write_parquet(tmp_path / "tracks.parquet")

    def full(path: Path, content: bytes) -> None:
        raise EarwitnessError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "write_bytes", full)
        with pytest.raises(EarwitnessError, match="full"):
            run_folder.keep_result(tmp_path, settings, bare_result("no_evidence"))
    (attempt,) = read_attempts(tmp_path)
    assert not (tmp_path / attempt.result).exists()
    run_folder.keep_result(tmp_path, settings, bare_result("no_evidence"))
    assert read_attempts(tmp_path) == [attempt]
    assert file_sha256(tmp_path / attempt.result) == attempt.result_sha256
    run_folder.keep_result(tmp_path, settings, bare_result("no_evidence"))
    assert [each.number for each in read_attempts(tmp_path)] == [1, 2]
    assert unlogged(tmp_path) == []


def test_two_tests_at_the_same_time_keep_a_result_and_a_line_each(tmp_path: Path) -> None:
    planned = plan(test=run_folder.settings_of(VerdictSettings()))
    planned.write(tmp_path)
    rows = [track.model_dump() for track in planned.tracks]
    pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)).write_parquet(tmp_path / "tracks.parquet")
    alphas = [0.02 + number / 100 for number in range(6)]
    with ThreadPoolExecutor(len(alphas)) as pool:
        kept = [
            pool.submit(run_folder.keep_result, tmp_path, VerdictSettings(alpha=alpha), bare_result("no_evidence"))
            for alpha in alphas
        ]
    assert all(each.result().departures for each in kept)
    attempts = read_attempts(tmp_path)
    assert sorted(attempt.settings["alpha"] for attempt in attempts) == alphas
    assert len({attempt.result for attempt in attempts}) == len(alphas)
    assert all(file_sha256(tmp_path / attempt.result) == attempt.result_sha256 for attempt in attempts)

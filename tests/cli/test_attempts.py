"""One sealed record: what a second test of a run folder does, and what becomes of a changed one."""

import json
from pathlib import Path

import polars as pl
import pytest

from earwitness.verdict.attempts import read_attempts
from tests.cli.test_bad_input import audit, one_line, run, write_sets
from tests.tiny import save_tiny_musicgen


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one audit, to be copied."""
    folder = tmp_path_factory.mktemp("case")
    suspect, held_out = write_sets(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert audit(monkeypatch, save_tiny_musicgen(folder / "model"), suspect, held_out, folder / "run") == 0
    return folder / "run"


@pytest.fixture
def case(audited: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(audited, tmp_path / "run"))


def test_the_planned_test_is_the_result_and_the_first_attempt(case: Path) -> None:
    result = json.loads((case / "result.json").read_text())
    (attempt,) = read_attempts(case)
    assert attempt.as_planned
    assert (attempt.result, attempt.verdict, attempt.p_value) == ("result.json", result["verdict"], result["p_value"])
    assert attempt.plan_hash == result["plan_hash"]
    assert attempt.settings["permutations"] == 199


def test_another_test_replaces_nothing_and_is_stamped(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (case / "result.json").read_bytes()
    assert run(monkeypatch, "test", case, "--alpha", 0.2, "--permutations", 199) == 0
    assert run(monkeypatch, "test", case, "--permutations", 199, "--higher", "excess_loss*") == 0
    assert (case / "result.json").read_bytes() == before
    first, second, third = read_attempts(case)
    assert first.as_planned
    assert second.differs == ("alpha was 0.01, now 0.2",)
    assert third.differs == ('higher was [], now ["excess_loss*"]',)
    other = json.loads((case / second.result).read_text())
    assert other["reasons"][0] == "This test is not as planned: alpha was 0.01, now 0.2."
    assert run(monkeypatch, "report", case) == 0
    page = (case / "report.html").read_text()
    assert "3 tests were made of this run folder" in page
    assert "no: alpha was 0.01, now 0.2" in page
    capsys.readouterr()
    assert run(monkeypatch, "attempts", case) == 0
    said = capsys.readouterr().out
    assert "NOT AS PLANNED: alpha was 0.01, now 0.2" in said
    assert "3 attempts in 1 runs: 1 as planned, 2 not as planned." in said
    assert run(monkeypatch, "attempts", case, "--json") == 0
    assert [line["number"] for line in json.loads(capsys.readouterr().out)] == [1, 2, 3]


def test_the_same_test_again_gives_the_same_result(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (case / "result.json").read_bytes()
    assert run(monkeypatch, "test", case, "--permutations", 199) == 0
    assert (case / "result.json").read_bytes() == before
    assert [attempt.as_planned for attempt in read_attempts(case)] == [True, True]


@pytest.mark.parametrize("column", ["group", "role"])
def test_regrouped_or_swapped_tracks_are_named(case: Path, monkeypatch: pytest.MonkeyPatch, column: str) -> None:
    tracks = pl.read_parquet(case / "tracks.parquet")
    metadata = pl.read_parquet_metadata(case / "tracks.parquet")
    swapped = {"suspect": "held_out", "held_out": "suspect"}
    new = pl.col("role").replace(swapped) if column == "role" else pl.lit("G") + pl.col("role")
    tracks.with_columns(new.alias(column)).write_parquet(case / "tracks.parquet", metadata=metadata)
    before = (case / "result.json").read_bytes()
    assert run(monkeypatch, "test", case, "--permutations", 199) == 0
    assert (case / "result.json").read_bytes() == before
    assert read_attempts(case)[-1].differs[0].startswith(f"the {column} of 12 track(s) was changed")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("result.json", "result.json is not the result that attempt 1 noted"),
        ("plan.json", "plan.json is not the plan that attempt 1 was held against"),
        ("features/part-00000.parquet", "the files in features/ are not those that attempt 1 tested"),
    ],
)
def test_a_change_under_new_hashes_is_found_by_the_log(
    case: Path, name: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from earwitness.report.bundle import write_bundle_hashes

    path = case / name
    if name == "plan.json":
        path.write_text(path.read_text().replace('"seed": 0', '"seed": 1', 1))
    else:
        path.write_bytes(path.read_bytes() + b" ")
    write_bundle_hashes(case)
    assert run(monkeypatch, "verify", case) == 2
    assert said in one_line(capsys)


def test_a_bad_setting_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = write_sets(tmp_path)
    model = save_tiny_musicgen(tmp_path / "model")
    for more, said in (
        (("--alpha", 2), "alpha"),
        (("--preset", "none-such"), "none-such"),
        (("--with", "none-such"), "none-such"),
        (("--device", "none-such"), "none-such"),
        (("--anchors", tmp_path / "nowhere"), "nowhere"),
        (("--reference", tmp_path / "nowhere"), "nowhere"),
    ):
        assert audit(monkeypatch, model, suspect, held_out, tmp_path / "out", *more) == 2
        assert said in one_line(capsys)
        assert not (tmp_path / "out").exists()


def test_the_machine_that_measured_is_kept(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (case / "environment.json").read_bytes()
    folder = json.loads((case / "environment.json").read_text())["target"]
    sets = Path(folder).parent
    assert audit(monkeypatch, Path(folder), sets / "suspect", sets / "held-out", case) == 0
    assert (case / "environment.json").read_bytes() == before

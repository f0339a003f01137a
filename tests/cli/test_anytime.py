"""An audit that goes on: bets stay as they were made, and a table that does not fit is refused."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from earwitness.features import FeatureTable
from earwitness.spec import Direction, FeatureSpec
from earwitness.stats.eprocess import e_process
from tests.cli.test_bad_input import one_line, run


def world(groups: int, *, shift: float = 0.8, seed: int = 0) -> pl.DataFrame:
    """Two features, ``groups`` groups of two tracks per side; a larger world begins with the smaller one."""
    rows = []
    for i in range(groups):
        rng = np.random.default_rng([seed, i])
        for role, mean in (("suspect", shift), ("held_out", 0.0)):
            for track in range(2):
                up, down = rng.normal(size=2) + mean
                rows.append((f"{role}-{i:03}-{track}", role, f"{role}-album-{i:03}", up, -down))
    return pl.DataFrame(rows, schema=["track_id", "role", "group", "up", "down"], orient="row")


def save(frame: pl.DataFrame, path: Path, *, plan_hash: str | None = None, target: str | None = None) -> Path:
    """Write a table whose metadata state directions and provenance."""
    specs = {
        name: FeatureSpec(name=name, member_is=Direction.LOWER if name == "down" else Direction.HIGHER)
        for name in frame.columns[3:]
    }
    FeatureTable(frame=frame, specs=specs, plan_hash=plan_hash, target=target).write(path)
    return path


def bet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: Path, state: Path, *more: object
) -> dict[str, object]:
    assert run(monkeypatch, "anytime", table, "--state", state, "--json", *more) == 0
    content: dict[str, object] = json.loads(capsys.readouterr().out)
    return content


def test_one_call_is_the_e_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = world(30)
    found = bet(monkeypatch, capsys, save(frame, tmp_path / "t.parquet"), tmp_path / "state.json", "--seed", 5)
    # Features in order of name, each turned so that a member moves it up.
    values = np.column_stack([-frame["down"].to_numpy(), frame["up"].to_numpy()])
    expected = e_process(values, frame["group"].to_numpy(), (frame["role"] == "suspect").to_numpy(), seed=5)
    assert found["wealth_path"] == pytest.approx(list(expected.wealth))
    assert found["wealth"] == pytest.approx(expected.e_value)
    assert found["largest_wealth"] == pytest.approx(max(expected.wealth))
    assert found["p_any"] == pytest.approx(1 / max(expected.wealth))
    assert (found["pairs"], found["groups_added"], found["reached"]) == (30, 60, True)


def test_two_calls_equal_one_call_on_the_whole_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = world(24)
    once = bet(monkeypatch, capsys, save(frame, tmp_path / "all.parquet"), tmp_path / "once.json")
    state = json.loads((tmp_path / "once.json").read_text())
    # Groups are bet on in the order of a hash of their names; the first table holds the first nine pairs.
    first = [name for pair in state["process"]["pairs"][:9] for name in (pair["suspect"], pair["held_out"])]
    some = save(frame.filter(pl.col("group").is_in(first)), tmp_path / "some.parquet")
    early = bet(monkeypatch, capsys, some, tmp_path / "twice.json")
    assert early["wealth_path"] == once["wealth_path"][:9]
    twice = bet(monkeypatch, capsys, tmp_path / "all.parquet", tmp_path / "twice.json")
    assert twice | {"groups_added": 48} == once
    assert json.loads((tmp_path / "twice.json").read_text())["process"] == state["process"]


def test_more_groups_change_no_bet_and_the_same_table_adds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame, state = world(20), tmp_path / "state.json"
    # Three held-out groups are missing at first: three suspect groups wait.
    late = [f"held_out-album-{i:03}" for i in (0, 4, 5)]
    small = save(world(12).filter(~pl.col("group").is_in(late)), tmp_path / "small.parquet")
    before = bet(monkeypatch, capsys, small, state)
    assert (before["pairs"], before["waiting_suspect"], before["waiting_held_out"]) == (9, 3, 0)
    kept = state.read_text()
    again = bet(monkeypatch, capsys, small, state)
    assert again == before | {"groups_added": 0}
    assert state.read_text() == kept
    after = bet(monkeypatch, capsys, save(frame, tmp_path / "large.parquet"), state)
    assert after["wealth_path"][:9] == before["wealth_path"]
    assert (after["pairs"], after["groups_added"], after["waiting_suspect"]) == (20, 19, 0)
    back = bet(monkeypatch, capsys, small, state)
    assert back["wealth_path"] == after["wealth_path"]
    assert back["notes"] == ["19 groups that were counted before are not in this table; their bets stand."]


def test_missing_values_survive_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = world(8).with_columns(
        down=pl.when(pl.col("group").str.ends_with("003")).then(float("nan")).otherwise(pl.col("down"))
    )
    table, state = save(frame, tmp_path / "t.parquet"), tmp_path / "state.json"
    before = bet(monkeypatch, capsys, table, state)
    assert '"NaN"' in state.read_text()
    assert bet(monkeypatch, capsys, table, state) == before | {"groups_added": 0}


@pytest.mark.slow
def test_plain_sentences_and_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = save(world(3, shift=0), tmp_path / "t.parquet")
    arguments = ["anytime", table, "--state", tmp_path / "state.json", "--plot", tmp_path / "wealth.html"]
    assert run(monkeypatch, *arguments) == 0
    said = capsys.readouterr().out
    assert "3 pairs of groups were bet on so far; this table added 6 groups." in said
    assert "has not reached 1/alpha = 100" in said
    assert "stop here, or add tracks and run the same again, at any time" in said
    page = (tmp_path / "wealth.html").read_text(encoding="utf-8")
    assert '"pairs": 3' in page
    assert "<script src=" not in page
    save(world(40, shift=3), tmp_path / "t.parquet")
    assert run(monkeypatch, "anytime", table, "--state", tmp_path / "other.json") == 0
    assert "has reached 1/alpha = 100" in capsys.readouterr().out


def test_what_does_not_go_on_is_refused_and_the_state_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state, frame = tmp_path / "state.json", world(6)
    bet(monkeypatch, capsys, save(frame, tmp_path / "t.parquet", plan_hash="aa", target="m"), state)
    kept = state.read_text()
    album, track = "held_out-album-002", "held_out-002-1"
    swapped = pl.when(pl.col("group") == album).then(pl.lit("suspect")).otherwise(pl.col("role"))
    moved = pl.when(pl.col("track_id") == track).then(pl.col("up") + 1).otherwise(pl.col("up"))
    spanning = pl.when(pl.col("group").str.ends_with("000")).then(pl.lit("album")).otherwise(pl.col("group"))
    cases = {
        "tracks changed since; bets already made cannot be remade": frame.filter(pl.col("track_id") != track),
        "role changed since; bets already made cannot be remade": frame.with_columns(role=swapped),
        "values changed since; bets already made cannot be remade": frame.with_columns(up=moved),
        "tracks on both sides": frame.with_columns(group=spanning),
        "differ in 'more'": frame.with_columns(more=pl.col("up")),
    }
    for number, (needed, changed) in enumerate(cases.items()):
        table = save(changed, tmp_path / f"{number}.parquet", plan_hash="aa", target="m")
        assert run(monkeypatch, "anytime", table, "--state", state) == 2
        assert needed in one_line(capsys)
    for needed, plan_hash, target in (("plan aa", "bb", "m"), ("target m", "aa", "n")):
        table = save(frame, tmp_path / "other.parquet", plan_hash=plan_hash, target=target)
        assert run(monkeypatch, "anytime", table, "--state", state) == 2
        assert needed in one_line(capsys)
    good = ["anytime", tmp_path / "t.parquet", "--state"]
    for more, needed in (
        ([state, "--lower", "up"], "differ in 'up'"),
        ([state, "--seed", 1], "seed 0"),
        ([state, "--alpha", 1], "alpha"),
        ([tmp_path / "t.parquet"], "not a state"),
        ([tmp_path], "not a state"),
    ):
        assert run(monkeypatch, *good, *more) == 2
        assert needed in one_line(capsys)
    assert state.read_text() == kept


@pytest.mark.parametrize("command", ["anytime", "calibrate"])
def test_pairs_are_refused_where_they_would_be_ignored(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.csv"
    world(30).with_columns(pair=pl.col("group").str.slice(-3)).write_csv(path)
    more = ["--state", tmp_path / "state.json"] if command == "anytime" else []
    assert run(monkeypatch, command, path, "--higher", "up", *more) == 2
    assert "compares sets, not pairs" in one_line(capsys)
    assert not (tmp_path / "state.json").exists()

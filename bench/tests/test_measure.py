from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from earwitness.ground_truth.registry import shipped
from earwitness_bench.feature_sets import signal_of
from earwitness_bench.lengths import Length
from earwitness_bench.measure import Measured, collection, drawn_tunes, measure
from earwitness_bench.scale import QUICK

pytestmark = pytest.mark.slow

SCALE = replace(QUICK, tracks=4)
LENGTH = Length(target="chorale", epochs=2, model=shipped("chorale").model)


def test_one_tune_a_group_and_as_many_of_either_side() -> None:
    drawn = drawn_tunes("fiddle", 50)
    assert len({tune.group for tune in drawn}) == len(drawn) == 100
    assert [tune.member for tune in drawn] == [True] * 50 + [False] * 50
    assert drawn_tunes("fiddle", 50) == drawn


def test_all_groups_are_taken_where_there_are_no_more() -> None:
    tunes = shipped("chorale").read().tunes
    drawn = drawn_tunes("chorale", 10_000)
    assert {tune.group for tune in drawn} == {tune.group for tune in tunes}
    assert len(drawn) == len({tune.group for tune in tunes})


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def answers(work: Path) -> Measured:
    return measure(LENGTH, SCALE, work, on_progress=lambda done, total: None)


def test_the_collection_is_written_as_the_card_names_it(answers: Measured, work: Path) -> None:
    manifest = pl.read_csv(collection("chorale", SCALE, work))
    drawn = drawn_tunes("chorale", 4)
    assert manifest["group"].to_list() == [tune.group for tune in drawn]
    assert manifest["role"].to_list() == ["member" if tune.member else "non_member" for tune in drawn]


def test_every_signal_is_asked_once_and_the_sets_are_parts_of_it(answers: Measured) -> None:
    asked = {signal_of(name) for name in answers.every.oriented(include_unknown=True)[1]}
    assert {"loss", "min_k", "zlib", "hinge", "surp", "renyi", "neighbour", "grad_norm"} <= asked
    default = {signal_of(name) for name in answers.default.oriented(include_unknown=True)[1]}
    assert default == {"excess_loss"}
    assert len(answers.published.oriented(include_unknown=True)[1]) == 18
    assert answers.every.frame.height == answers.default.frame.height == answers.published.frame.height == 8


def test_what_is_measured_is_not_asked_again(answers: Measured, work: Path) -> None:
    parts = {path: path.stat().st_mtime_ns for path in (work / "runs").rglob("part-*.parquet")}
    again = measure(LENGTH, SCALE, work, on_progress=lambda done, total: None)
    assert again.every.frame.equals(answers.every.frame)
    assert {path: path.stat().st_mtime_ns for path in (work / "runs").rglob("part-*.parquet")} == parts

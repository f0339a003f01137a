"""The whole benchmark on one small target, and what an interruption leaves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest

from earwitness.errors import EarwitnessError
from earwitness_bench.run import piece, run_bench
from earwitness_bench.scale import QUICK

pytestmark = pytest.mark.slow

SCALE = replace(
    QUICK, name="tiny", epochs=MappingProxyType({"chorale": ()}), tracks=10, sizes=(4,), draws=4, null_draws=4,
    permutations=99, stressed=(),
)  # fmt: skip


@contextmanager
def silent(title: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda done, total: None


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("bench")
    run_bench(SCALE, folder / "work", folder / "out", library=None, report=lambda line: None, bar=silent)
    return folder / "work", folder / "out"


def test_every_table_is_there_with_its_cells(folders: tuple[Path, Path]) -> None:
    tables = {path.stem: pl.read_csv(path) for path in (folders[1] / "bench").glob("*.csv")}
    assert set(tables) == {"targets", "attacks", "collections", "minimum", "ranking"}
    assert tables["targets"].select("target", "epochs", "kind", "members_asked").rows() == [
        ("chorale", 2, "symbolic", 10)
    ]
    assert len(tables["collections"]) == 2 * 4  # feature sets × methods, one size
    assert set(tables["minimum"]["features"]) == {"default", "published"}
    assert {"loss", "min_k", "grad_norm"} <= set(tables["attacks"]["signal"])
    assert {"grown", "default", "published", "loss alone"} <= set(tables["ranking"]["set"])


def test_the_page_is_written(folders: tuple[Path, Path]) -> None:
    page = (folders[1] / "bench.md").read_text(encoding="utf-8")
    assert "chorale" in page
    assert list((folders[1] / "bench").glob("*.svg"))


def test_what_is_done_is_not_done_again(folders: tuple[Path, Path]) -> None:
    work, out = folders
    before = {path: path.stat().st_mtime_ns for path in (work / "parts").iterdir()}
    run_bench(SCALE, work, out, library=None, report=lambda line: None, bar=silent)
    assert {path: path.stat().st_mtime_ns for path in (work / "parts").iterdir()} == before
    assert len(before) == 4


def test_a_folder_belongs_to_one_scale(folders: tuple[Path, Path]) -> None:
    other = replace(SCALE, draws=5)
    with pytest.raises(EarwitnessError, match="holds a benchmark of another size"):
        run_bench(other, folders[0], folders[1], library=None, report=lambda line: None, bar=silent)


def test_a_piece_that_failed_leaves_nothing_to_be_taken_for_it(tmp_path: Path) -> None:
    def fails() -> pl.DataFrame:
        raise EarwitnessError("the disk is full")

    with pytest.raises(EarwitnessError):
        piece(tmp_path / "parts" / "one.csv", fails)
    assert not (tmp_path / "parts" / "one.csv").exists()
    made = piece(tmp_path / "parts" / "one.csv", lambda: pl.DataFrame({"p": [0.5]}))
    assert piece(tmp_path / "parts" / "one.csv", fails).equals(made)

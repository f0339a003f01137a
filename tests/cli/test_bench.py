"""``earwitness bench`` where the benchmark's own distribution is not installed."""

import pytest
import typer
from typer.testing import CliRunner

from earwitness.cli import bench
from earwitness.errors import EarwitnessError


@pytest.fixture
def without() -> typer.Typer:
    return bench.bench_app(None)


@pytest.mark.parametrize("asked", [[], ["--full", "--work", "w"], ["train", "fiddle", "--work", "w"]])
def test_one_line_says_how_to_install_it(without: typer.Typer, asked: list[str]) -> None:
    error = CliRunner().invoke(without, asked).exception
    assert isinstance(error, EarwitnessError)
    assert "pip install earwitness-bench" in str(error)


def test_the_papers_experiments_are_there_without_it(without: typer.Typer) -> None:
    shown = CliRunner().invoke(without, ["paper", "--help"])
    assert shown.exit_code == 0
    assert "earwitness bench paper --audiocaps DIR" in " ".join(shown.output.split())

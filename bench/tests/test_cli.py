"""What the distribution adds to ``earwitness bench``."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from earwitness.cli.app import app
from earwitness.ground_truth.registry import TARGETS
from earwitness_bench import run
from earwitness_bench.recipes import recipe


def test_quick_is_the_default_and_the_page_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, Path, Path, Path | None]] = []

    def fake(scale: object, work: Path, out: Path, *, library: Path | None, report: object, bar: object) -> Path:
        asked.append((scale.name, work, out, library))  # type: ignore[attr-defined]
        return out / "bench.md"

    monkeypatch.setattr(run, "run_bench", fake)
    plain = CliRunner().invoke(app, ["bench"])
    full = CliRunner().invoke(app, ["bench", "--full", "--work", "w", "--out", "docs", "--recordings", str(tmp_path)])
    assert (plain.exit_code, full.exit_code) == (0, 0)
    assert asked == [
        ("quick", Path("bench-quick"), Path("bench-out"), None),
        ("full", Path("w"), Path("docs"), tmp_path),
    ]
    assert str(Path("docs") / "bench.md") in full.output


def test_a_subcommand_does_not_start_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run_bench", lambda *_, **__: pytest.fail("started"))
    assert CliRunner().invoke(app, ["bench", "paper", "--help"]).exit_code == 0


def test_help_has_an_example() -> None:
    shown = CliRunner().invoke(app, ["bench", "--help"])
    assert shown.exit_code == 0
    assert "earwitness bench --full" in " ".join(shown.output.split())


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_its_recipe(name: str) -> None:
    assert callable(recipe(name).train)
    assert callable(recipe(name).publish)


def test_train_repeats_a_recipe_and_publishes_the_epoch_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from earwitness.ground_truth.registry import shipped
    from earwitness_bench.recipes import fiddle

    published: list[tuple[int, Path]] = []
    monkeypatch.setattr(fiddle, "train", lambda work, *, report: 12)
    monkeypatch.setattr(
        fiddle, "publish", lambda work, epoch, out: published.append((epoch, out)) or shipped("fiddle").read()
    )
    last = CliRunner().invoke(app, ["bench", "train", "fiddle", "--work", str(tmp_path)])
    asked = CliRunner().invoke(app, ["bench", "train", "fiddle", "--work", str(tmp_path), "--epoch", "4", "--out", "o"])
    assert (last.exit_code, asked.exit_code) == (0, 0)
    assert "fiddle: trained on 100 of 406 tunes" in last.output
    assert published == [(12, tmp_path / "published"), (4, Path("o"))]

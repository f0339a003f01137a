from pathlib import Path

import pytest
from typer.testing import CliRunner

from earwitness.cli.app import app


def test_quick_is_the_default_and_the_page_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from earwitness.bench import run

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
    from earwitness.bench import run

    monkeypatch.setattr(run, "run_bench", lambda *_, **__: pytest.fail("started"))
    assert CliRunner().invoke(app, ["bench", "paper", "--help"]).exit_code == 0


def test_help_has_an_example() -> None:
    shown = CliRunner().invoke(app, ["bench", "--help"])
    assert shown.exit_code == 0
    assert "earwitness bench --full" in " ".join(shown.output.split())

"""``earwitness bench paper``: what it prints, writes and refuses."""

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from earwitness.bench.paper import run as running
from earwitness.bench.paper.run import Effort
from earwitness.cli.bench_paper import command
from earwitness.errors import EarwitnessError
from tests.bench.paper.layouts import write_audiocaps
from tests.tiny import save_tiny_musicgen

app = typer.Typer()
app.command()(command)


def paper(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """AudioCaps and a MusicGen."""
    folder = tmp_path_factory.mktemp("there")
    return write_audiocaps(folder / "data", train=11, val=4, test=7), save_tiny_musicgen(folder / "model")


def test_the_check_prints_findings_and_commands(there: tuple[Path, Path], tmp_path: Path) -> None:
    options = ["--tracks", 10, "--seconds", 1, "--only", "musicgen", "--only", "figaro"]
    found = paper("--audiocaps", there[0], "--target", f"musicgen={there[1]}", "--out", tmp_path / "out", *options)
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert lines[0] == "musicgen: ready, 10 and 10 tracks in 10 and 10 groups"
    assert lines[2].startswith(f"  $ earwitness index {tmp_path / 'out' / 'musicgen' / 'iar'} --manifest ")
    assert "figaro: not ready" in lines
    assert lines[-2].startswith("  ! No folder was given; give --lakh DIR")
    assert lines[-1].startswith("  ! The checkpoint is on no hub")
    assert (tmp_path / "out" / "musicgen" / "manifest.csv").is_file()
    assert not (tmp_path / "out" / "figaro").exists()


def test_json_is_all_that_is_printed(there: tuple[Path, Path], tmp_path: Path) -> None:
    found = paper(
        "--audiocaps", there[0], "--out", tmp_path, "--tracks", 10, "--seconds", 1, "--only", "tango", "--json"
    )
    (record,) = json.loads(found.stdout)["experiments"]
    assert (record["name"], record["ready"], record["training_side"]) == ("tango", True, {"tracks": 10, "groups": 10})
    assert len(record["commands"]) == 22
    assert json.loads((tmp_path / "check.json").read_text()) == {"experiments": [record]}


@pytest.mark.slow
def test_ready_experiments_run_and_a_failure_is_one_line(
    there: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = Effort(permutations=199, control_runs=5, curve_draws=2, exact_curve_draws=2, null_runs=5)
    monkeypatch.setattr(running, "Effort", lambda: little)
    monkeypatch.setattr(running, "METHODS", ("exact", "iar"))
    arguments = ["--audiocaps", there[0], "--target", f"musicgen={there[1]}", "--out", tmp_path, "--only", "musicgen"]
    sizes = ["--tracks", 10, "--seconds", 1, "--device", "cpu", "--json"]
    found = paper(*arguments, *sizes, "--run")
    assert found.exit_code == 0, found.stderr
    (record,) = json.loads(found.stdout)["experiments"]
    assert [cell["method"] for cell in record["verdicts"]] == 2 * ["exact", "iar"]
    # Other tracks in the same folder are refused, and nothing is lost.
    failed = paper(*arguments, "--tracks", 11, "--seconds", 1, "--device", "cpu", "--run")
    assert isinstance(failed.exception, EarwitnessError)
    assert str(failed.exception).startswith("1 of 1 experiments failed: ")
    assert "other tracks" in str(failed.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "mozart"], "There is no experiment 'mozart'"),
        (["--target", "figaro"], "--target 'figaro' is not of the form NAME=DIR"),
        (["--target", "mozart=DIR"], "There is no experiment 'mozart'"),
        (["--audiocaps", "nowhere"], "The folder nowhere of --audiocaps does not exist"),
        (["--run"], "No experiment is ready to run"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    found = paper(*arguments, "--out", tmp_path)
    assert isinstance(found.exception, EarwitnessError)
    assert str(found.exception).startswith(said)


def test_importing_the_command_stays_light(tmp_path: Path) -> None:
    import subprocess

    code = "import sys, earwitness.cli.bench_paper; sys.exit(any(m in sys.modules for m in ('torch', 'polars')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=tmp_path).returncode == 0

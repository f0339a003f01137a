"""What is imported when: importing the package and asking for help load nothing heavy, and nothing needs one system."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("altair", "diffusers", "gradio", "numpy", "polars", "scipy", "sklearn", "soundfile", "torch", "transformers")
UNIX_ONLY = frozenset(("crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"))

HELP = """
from typer.main import get_command
from typer.testing import CliRunner
from earwitness.cli.app import app

names = [[], *([name] for name in get_command(app).commands)]
assert len(names) > 15
for name in names:
    assert CliRunner().invoke(app, [*name, "--help"]).exit_code == 0, name
"""


def heavy_after(code: str) -> set[str]:
    """Which of ``HEAVY`` an interpreter has loaded after running the code."""
    printing = f"\nimport sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + printing], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_after("import earwitness, earwitness.cli.app") == set()


def test_the_help_of_every_command_loads_nothing_heavy() -> None:
    assert heavy_after(HELP) == set()


def test_reading_and_testing_a_table_loads_no_model_code() -> None:
    loaded = heavy_after("from earwitness import FeatureTable, dataset_inference")
    assert "polars" in loaded
    assert loaded.isdisjoint({"torch", "transformers", "diffusers", "soundfile", "altair"})


def test_reading_files_testing_and_reporting_load_no_model_code() -> None:
    """What asks a target waits until a target is asked."""
    loaded = heavy_after("import earwitness.pipeline, earwitness.report.html, earwitness.findings.inspection")
    assert loaded.isdisjoint({"torch", "transformers", "diffusers"})


def test_the_lightness_tests_can_fail() -> None:
    assert heavy_after("import earwitness; earwitness.FeatureTable") == {"numpy", "polars"}


def top_level_imports(source: str) -> Iterator[str]:
    """The packages that a module imports when it is loaded; those of a function or a guard are not among them."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("folder", ["src", "bench/src"])
def test_no_module_needs_unix_to_be_imported(folder: str) -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob("*.py")}
    assert len(sources) > 30
    assert [path for path, source in sources.items() if not UNIX_ONLY.isdisjoint(top_level_imports(source))] == []


def test_a_module_that_needs_unix_would_be_found() -> None:
    assert set(top_level_imports("import resource\nfrom pwd import getpwuid")) <= UNIX_ONLY
    assert set(top_level_imports("def peak():\n    import resource")) == set()


def test_a_run_tells_no_peak_memory_where_the_system_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from earwitness.record import run_folder

    assert run_folder._peak_memory_mib() > 0
    monkeypatch.setitem(sys.modules, "resource", None)
    assert run_folder._peak_memory_mib() is None

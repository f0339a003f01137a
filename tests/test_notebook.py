"""The example notebook runs as it stands, and its committed outputs are those of a whole run."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "notebook" / "verdict.ipynb"
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=300).execute()
nbformat.write(notebook, sys.argv[2])
"""


def shown(path: Path) -> list[list[str]]:
    """The kinds of output of every code cell."""
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    return [[kind for output in cell["outputs"] for kind in output.get("data", {"text": 0})] for cell in cells]


def test_the_committed_notebook_was_run_whole_and_is_small() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert "error" not in {o["output_type"] for cell in notebook["cells"] for o in cell.get("outputs", [])}
    assert sum("image/svg+xml" in kinds for kinds in shown(NOTEBOOK)) == 4
    assert NOTEBOOK.stat().st_size < 200_000


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    if find_spec("nbclient") is None or find_spec("ipykernel") is None:
        pytest.skip("nbclient and ipykernel are not installed; they belong to the extra dev")
    again = tmp_path / "again.ipynb"
    subprocess.run([sys.executable, "-c", EXECUTE, NOTEBOOK, again], check=True)
    assert shown(again) == shown(NOTEBOOK)
    verdicts = [path.read_text(encoding="utf-8").count("Evidence of use.") for path in (again, NOTEBOOK)]
    assert verdicts[0] == verdicts[1] > 0

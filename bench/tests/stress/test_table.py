"""The table of a target is complete, restartable and made of its cells."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from earwitness_bench.methods import METHODS
from earwitness_bench.scale import QUICK
from earwitness_bench.stress import table
from earwitness_bench.stress.cells import SCHEMA, Cell
from earwitness_bench.stress.explanations import to_explain
from earwitness_bench.stress.outcome import FAILED
from earwitness_bench.stress.scenarios import Part, Scenario
from stress.worlds import asked, pools

MEMBERS, OTHERS = (Part(member=True),), (Part(member=False),)
TWO = (
    Scenario(name="plain", setting="used", truth="used", suspects=MEMBERS, held_out=OTHERS, size=30),
    Scenario(name="plain", setting="turned round", truth="not used", suspects=OTHERS, held_out=MEMBERS, size=30),
)
SMALL = replace(QUICK, stress_draws=6, permutations=199)


@pytest.mark.slow
def test_the_table_is_made_once_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = pools()
    world = asked(found, effect=1.5)
    monkeypatch.setattr(table, "SCENARIOS", TWO)
    monkeypatch.setattr(table, "write_pools", lambda *_, **__: tmp_path)
    monkeypatch.setattr(table, "ask", lambda *_, **__: (world, found))
    lines: list[str] = []
    made = table.stress_table("fiddle", 6, tmp_path, tmp_path, SMALL, report=lines.append)
    assert made.height == len(TWO) * len(METHODS)
    assert made.columns == ["target", "epochs", *SCHEMA, "why"]
    assert made.null_count().select("truth", "says_used", "low", "high", "outcome").row(0) == (0,) * 5
    assert len(lines) == len(TWO)
    cells = [Cell(**row) for row in made.select(SCHEMA.keys()).iter_rows(named=True)]
    for cell, why in zip(cells, made["why"], strict=True):
        beside = {other.method: other for other in cells if other.setting == cell.setting}
        assert (why is not None) == (to_explain(cell, beside) is not None)
    wrong = made.filter(pl.col("outcome").is_in(list(FAILED)))
    assert set(wrong["method"]) >= {"cdi", "iar"}
    assert "exact" not in set(wrong["method"])
    written = tmp_path / "fiddle-0006-quick" / "stress.csv"
    assert pl.read_csv(written, schema=made.schema).equals(made)

    monkeypatch.setattr(table, "ask", None)
    (tmp_path / "fiddle-0006-quick" / "stress.csv").unlink()
    assert table.stress_table("fiddle", 6, tmp_path, tmp_path, SMALL, report=lines.append).equals(made)
    assert len(lines) == len(TWO)

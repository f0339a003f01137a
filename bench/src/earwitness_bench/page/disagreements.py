"""Where `exact` and a published procedure disagreed about a stress scenario, and one of them was right."""

from typing import Any

import polars as pl

from earwitness_bench.stress.outcome import FAILED, SUCCEEDED

Record = dict[str, Any]


def disagreements(stress: pl.DataFrame) -> list[tuple[Record, Record]]:
    """Every cell in which a published procedure was wrong and ``exact`` right, or the reverse: both rows."""
    exact = {scenario_of(row): row for row in stress.iter_rows(named=True) if row["method"] == "exact"}
    pairs = [(row, exact.get(scenario_of(row))) for row in stress.iter_rows(named=True) if row["method"] != "exact"]
    return [
        (row, ours)
        for row, ours in pairs
        if ours is not None
        and (
            (row["outcome"] in FAILED and ours["outcome"] in SUCCEEDED)
            or (row["outcome"] in SUCCEEDED and ours["outcome"] in FAILED)
        )
    ]


def right_alone(stress: pl.DataFrame) -> tuple[int, int]:
    """How many such cells there are with ``exact`` right, and with the published procedure right."""
    pairs = disagreements(stress)
    ours = sum(exact["outcome"] in SUCCEEDED for _, exact in pairs)
    return ours, len(pairs) - ours


def scenario_of(row: Record) -> tuple[object, ...]:
    """What the rows of one cell share: target, epochs, scenario, setting, truth."""
    return tuple(row[name] for name in ("target", "epochs", "scenario", "setting", "truth"))

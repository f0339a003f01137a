"""The stress table of one target: every scenario, every method, and whether it was right.

Goal: from a model folder to ``stress.csv``, in steps that are not repeated: the pools' audio, the
measurements, and the draws of each scenario stay in the work folder.
"""

import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from earwitness.files import write_atomically
from earwitness.types import OnMessage
from earwitness_bench.parallel import processors
from earwitness_bench.scale import Scale
from earwitness_bench.stress.asking import ask
from earwitness_bench.stress.cells import SCHEMA, Cell, draw_scenario
from earwitness_bench.stress.explanations import reasons
from earwitness_bench.stress.pools import write_pools
from earwitness_bench.stress.scenarios import SCENARIOS, Scenario


def stress_table(target: str, epochs: int, model: Path, work: Path, scale: Scale, *, report: OnMessage) -> pl.DataFrame:
    """Put every scenario to every method and return the table, which is also written.

    Parameters
    ----------
    target, epochs, model
        The ground-truth target, how long it was trained, and its folder; ``fiddle`` or ``hum``.
    work
        ``work/TARGET-EPOCHS-SCALE`` holds what is done, and ``stress.csv`` in it the table.
    scale
        Its ``stress_tracks``, ``stress_draws`` and ``permutations`` count.
    report
        Takes a line of progress.

    Returns
    -------
    polars.DataFrame
        One row per scenario, setting and method: ``target, epochs``, the columns of `SCHEMA`, and ``why``, a
        sentence wherever a method is wrong and ``exact``, or for ``exact`` a published one, is right.

    Raises
    ------
    EarwitnessError
        If the target hears no rendered tunes or has too few.
    """
    folder = work / f"{target}-{epochs:04d}-{scale.name}"
    cells = {scenario: folder / "cells" / f"{_slug(scenario)}.csv" for scenario in SCENARIOS}
    if not all(path.exists() for path in cells.values()):
        _draw_missing(target, model, folder, cells, scale, report)
    drawn = pl.concat([pl.read_csv(path, schema=SCHEMA) for path in cells.values()])
    table = drawn.select(pl.lit(target).alias("target"), pl.lit(epochs).alias("epochs"), pl.all())
    table = table.with_columns(
        why=pl.Series(reasons([Cell(**row) for row in drawn.iter_rows(named=True)]), dtype=pl.String)
    )
    write_atomically(folder / "stress.csv", table.write_csv)
    return table


def _draw_missing(
    target: str, model: Path, folder: Path, cells: dict[Scenario, Path], scale: Scale, report: OnMessage
) -> None:
    write_pools(target, model, folder / "audio", scale.stress_tracks, report=report)
    asked, pools = ask(target, model, folder / "audio", folder / "runs", report=report)
    workers = processors()
    # Workers are spawned: a fork would copy the state of the libraries' own threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        for scenario, path in cells.items():
            if not path.exists():
                found = draw_scenario(
                    scenario, asked, pools, draws=scale.stress_draws, permutations=scale.permutations,
                    executor=executor, workers=workers,
                )  # fmt: skip
                rows = pl.DataFrame([asdict(cell) for cell in found], schema=SCHEMA, orient="row")
                write_atomically(path, rows.write_csv)
                said = ", ".join(f"{cell.method} {cell.says_used:.0%}" for cell in found)
                report(f"{target}: {scenario.name}, {scenario.setting} ({scenario.truth}): {said}")


def _slug(scenario: Scenario) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{scenario.name} {scenario.setting}".lower()).strip("-")

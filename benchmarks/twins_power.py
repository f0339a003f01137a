"""Power of keyed twins on models that were trained on published copies: by works and copies. Prints Markdown.

    python benchmarks/twins_power.py RUN … --draws 200

``RUN`` is a folder that ``earwitness twins`` made with a model whose truth is known. One line says what the whole run
gave; below it, works and copies are drawn from it again and again (of a work, the published copy and k − 1 of its
twins), each draw tested with 999 relabellings.

    python benchmarks/twins_power.py --null RUN … --draws 2000

draws which copy was published instead, uniformly: the level, on the answers of a real model to real marks, with 199
relabellings. 95 % Clopper–Pearson intervals.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from verdict_level import head, row, share

from earwitness import FeatureTable
from earwitness.twins.verdict import twins_test

WORKS, COPIES = (3, 6, 12), (2, 4, 8)


def of_some(table: FeatureTable, works: int, copies: int, rng: np.random.Generator) -> FeatureTable:
    """So many works of a table, and of each the published copy with some of its twins."""
    names = table.frame["pair"].unique().sort().to_list()
    rows = []
    for name in rng.choice(names, works, replace=False):
        own = np.flatnonzero((table.frame["pair"] == name).to_numpy())
        published = own[table.is_suspect()[own]]
        rows += [*published, *rng.choice(np.setdiff1d(own, published), copies - 1, replace=False)]
    return replace(table, frame=table.frame[sorted(rows)])


def redrawn(table: FeatureTable, rng: np.random.Generator) -> FeatureTable:
    """The same copies, of which others were published."""
    role = np.full(table.frame.height, "held_out", dtype=object)
    for name in table.frame["pair"].unique().sort():
        role[rng.choice(np.flatnonzero((table.frame["pair"] == name).to_numpy()))] = "suspect"
    return replace(table, frame=table.frame.with_columns(role=pl.Series(role.tolist(), dtype=pl.String)))


def level(runs: list[Path], draws: int) -> None:
    head("run", "works × copies", "p ≤ .01", "p ≤ .05")
    for run in runs:
        table = FeatureTable.read(run).pooled()
        found = np.array([
            twins_test(redrawn(table, np.random.default_rng([draw, 1])), permutations=199, seed=draw).p_value or 1.0
            for draw in range(draws)
        ])  # fmt: skip
        works = table.frame["pair"].n_unique()
        size = f"{works} × {table.frame.height // works}"
        row(run.name, size, *(share(int((found <= alpha).sum()), draws) for alpha in (0.01, 0.05)))


def power(runs: list[Path], draws: int) -> None:
    for run in runs:
        table = FeatureTable.read(run).pooled()
        result = twins_test(table)
        place = 0.0 if result.mean_place is None else result.mean_place
        print(f"{run.name}: {len(result.works)} works, mean place {place:.2f}, p = {result.p_value:.4f}\n")
        head("works", *(f"{copies} copies" for copies in COPIES))
        for works in WORKS:
            cells = []
            for copies in COPIES:
                tests = [
                    twins_test(of_some(table, works, copies, np.random.default_rng([draw, works, copies])),
                               permutations=999, seed=draw)
                    for draw in range(draws)
                ]  # fmt: skip
                found = sum(test.p_value is not None and test.p_value <= test.alpha for test in tests)
                cells.append("cannot" if tests[0].p_value is None else share(found, draws))
            row(str(works), *cells)
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--null", action="store_true", help="the level instead")
    given = parser.parse_args()
    (level if given.null else power)(given.runs, given.draws)


if __name__ == "__main__":
    main()

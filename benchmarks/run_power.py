"""Verdict power on a run whose truth is known: shares of p ≤ .01 and of evidence of use, by tracks per side.

    python benchmarks/run_power.py RUN --draws 200 --nulls 1000

RUN is a run folder (or table) with the roles member and non_member, such as

    earwitness reference data fiddle --out data
    earwitness index RUN --manifest data/manifest.csv
    earwitness extract RUN --target "$(earwitness reference path fiddle)"

Each draw takes whole groups at random: all, half or none of the suspects were trained on; none of the held-out
set. `dataset_inference` whole, less its A/A control; 1,999 relabellings; 95 % Clopper–Pearson intervals (draws of one
run overlap, so they are those of repeated audits of *this* collection). Runs on older commits too, as
`verdict_level.py` does.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from verdict_level import ALPHA, answer, head, row, share

from earwitness import FeatureTable


def drawn(rng: np.random.Generator, table: FeatureTable, size: int, used: float) -> FeatureTable | None:
    """Return an audit of ``size`` groups per side, or None where there are not so many."""
    member = table.frame["role"] == "member"
    inside, outside = (
        rng.permutation(table.frame.filter(side)["group"].unique().sort().to_numpy()) for side in (member, ~member)
    )
    known = round(size * used)
    if len(inside) < known or len(outside) < 2 * size - known:
        return None
    suspect = pl.Series([*inside[:known], *outside[size : 2 * size - known]])
    held_out = pl.Series(outside[:size])
    frame = table.frame.filter(pl.col("group").is_in(suspect.implode()) | pl.col("group").is_in(held_out.implode()))
    side = pl.when(pl.col("group").is_in(suspect.implode())).then(pl.lit("suspect")).otherwise(pl.lit("held_out"))
    return replace(table, frame=frame.with_columns(role=side))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[8, 12, 16, 30, 60, 100])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--nulls", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = FeatureTable.read(options.run).pooled()
    head("tracks per side", "of the suspects trained on", "draws", f"p ≤ {ALPHA:g}", "evidence of use")
    for size in options.sizes:
        for used, draws in ((1.0, options.draws), (0.5, options.draws), (0.0, options.nulls)):
            hits = [0, 0]
            for draw in range(draws):
                audit = drawn(np.random.default_rng([options.seed, size, round(10 * used), draw]), table, size, used)
                if audit is None:
                    break
                p, evidence = answer(audit, draw)
                hits[0] += p <= ALPHA
                hits[1] += evidence
            else:
                row(size, f"{used:.0%}", draws, *(share(count, draws) for count in hits))


if __name__ == "__main__":
    main()

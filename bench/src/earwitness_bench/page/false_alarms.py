"""False alarms: how often a method fires on two sets of which neither was trained on."""

from typing import Any

import polars as pl

from earwitness.stats.binomial import clopper_pearson
from earwitness_bench.methods import METHODS
from earwitness_bench.page.blocks import Block, Bullets, Table
from earwitness_bench.page.markdown import code, share, times
from earwitness_bench.scale import ALPHA

Record = dict[str, Any]


def false_alarms(points: pl.DataFrame) -> list[Block]:
    """The table of false alarms over a target's training lengths, and what it says."""
    pooled = pooled_false_alarms(points)
    if not len(pooled):
        return ["No false alarms were measured: there are too few tracks that were not trained on to draw two sets."]
    cells: dict[tuple[str, str, int], dict[str, Record]] = {}
    for row in pooled.iter_rows(named=True):
        cells.setdefault((row["target"], row["features"], row["size"]), {})[row["method"]] = row
    rows = [
        [
            code(target),
            features,
            str(size),
            f"{next(iter(methods.values()))['draws']:,}",
            *(_alarm(methods.get(method)) for method in METHODS),
        ]
        for (target, features, size), methods in cells.items()
    ]
    return [
        "Pairs of sets of which neither was trained on, over all training lengths of a target together; nominal "
        f"{ALPHA:.0%}. In bold where even the lower limit is above it; by chance that happens in at most one "
        "row in forty of a method that keeps its level. Each draw splits the tracks that were not trained on at "
        "random, so the intervals hold for this pool of tracks; both sets of features see the same draws.",
        Table(["target", "features", "tracks per side", "draws", *(code(method) for method in METHODS)], rows),
        Bullets(_says(pooled)),
    ]


def pooled_false_alarms(points: pl.DataFrame) -> pl.DataFrame:
    """Add up the draws over a target's training lengths: one row per target, features, method and size.

    Every length is asked about the same tracks, so that the sum explores one pool of them. Columns:
    ``target, features, method, size, hits, draws, share, low, high`` (Clopper–Pearson).
    """
    measured = points.filter(pl.col("false_alarms").is_not_null())
    hits = (pl.col("false_alarms") * pl.col("null_draws")).round().cast(pl.Int64).sum().alias("hits")
    keys = ["target", "features", "method", "size"]
    summed = measured.group_by(keys, maintain_order=True).agg(hits, pl.col("null_draws").sum().alias("draws"))
    limits = [clopper_pearson(hits, draws) for hits, draws in summed.select("hits", "draws").rows()]
    return summed.with_columns(
        (pl.col("hits") / pl.col("draws")).alias("share"),
        pl.Series("low", [low for low, _ in limits], dtype=pl.Float64),
        pl.Series("high", [high for _, high in limits], dtype=pl.Float64),
    )


def _alarm(row: Record | None) -> str:
    if row is None:
        return "—"
    said = share(row["share"], row["low"], row["high"])
    return f"**{said}**" if row["low"] > ALPHA else said


def _says(pooled: pl.DataFrame) -> list[str]:
    sentences = []
    for method in METHODS:
        found = pooled.filter(pl.col("method") == method)
        if len(found):
            top = found.sort("share", descending=True, maintain_order=True).row(0, named=True)
            above = int((found["low"] > ALPHA).sum())
            sentences.append(
                f"The interval of {code(method)} lies above the nominal level in {above} of "
                f"{times(len(found), 'row')}; at most it fires in "
                f"{share(top['share'], top['low'], top['high'])} of such draws ({code(top['target'])}, "
                f"{top['features']} features, {top['size']} tracks per side)."
            )
    return sentences

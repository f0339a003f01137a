"""Dataset inference: how many tracks each method needs, and how often it is wrong without a cause."""

from typing import Any

import polars as pl

from earwitness.verdict.numbers import p_value
from earwitness_bench.charts import collections_chart
from earwitness_bench.collections import POWER
from earwitness_bench.methods import AS_USED, METHODS
from earwitness_bench.page.blocks import Block, Bullets, Folded, Picture, Section, Table
from earwitness_bench.page.false_alarms import false_alarms
from earwitness_bench.page.markdown import after, code, number, share, times
from earwitness_bench.page.tables import Tables
from earwitness_bench.scale import ALPHA

Record = dict[str, Any]
_CHECKPOINT = ("target", "epochs")


def sets_section(tables: Tables) -> Section:
    """The curves, the minimum numbers of tracks, and the false alarms."""
    blocks: list[Block] = [
        "Sets are drawn from the tracks asked about; shown is the share of draws in which a method's p-value is at "
        f"most {ALPHA:g}. Every method is drawn with the default features, and, folded away, with the published ones."
    ]
    drawings = {}
    for (target,), points in tables.collections.group_by("target", maintain_order=True):
        headings = _headings(tables.targets.filter(pl.col("target") == target))
        for features in ("default", "published"):
            of_features = points.filter(pl.col("features") == features)
            name, title = f"sets-{target}-{features}", f"{target}, {features} features: sets found, and false alarms"
            drawings[name] = collections_chart(of_features, name=name, title=title, headings=headings)
            if features == "default":
                blocks += [f"### {code(target)}", Picture(name, title)]
            else:
                blocks.append(Folded(f"{target} with the published features", Picture(name, title)))
        blocks.append(Folded(f"{target}: mean and median p by tracks per side, suspects trained on", _p_values(points)))
    blocks += ["### How many tracks", *_minimum(tables), "### False alarms", *false_alarms(tables.collections)]
    return Section(heading="Dataset inference", blocks=tuple(blocks), drawings=drawings)


def _p_values(points: pl.DataFrame) -> Table:
    """The papers' curve in figures: mean p, then the median, over the draws of a size."""
    cells: dict[tuple[int, str, int], dict[str, Record]] = {}
    for row in points.iter_rows(named=True):
        cells.setdefault((row["epochs"], row["features"], row["size"]), {})[row["method"]] = row
    rows = [
        [
            str(epochs),
            features,
            str(size),
            f"{next(iter(methods.values()))['draws']:,}",
            *(_mean_and_median(methods.get(method)) for method in METHODS),
        ]
        for (epochs, features, size), methods in cells.items()
    ]
    return Table(["epochs", "features", "tracks per side", "draws", *(code(method) for method in METHODS)], rows)


def _mean_and_median(row: Record | None) -> str:
    if row is None:
        return "—"
    return f"{p_value(row['mean_p'], alpha=ALPHA)}, {p_value(row['median_p'], alpha=ALPHA)}"


def _headings(targets: pl.DataFrame) -> dict[int, str]:
    return {
        row["epochs"]: f"{after(row['epochs'])}\nloss AUC {number(row['loss_auc'])}"
        for row in targets.sort("epochs").iter_rows(named=True)
    }


def _minimum(tables: Tables) -> list[Block]:
    largest = _largest(tables.collections)
    found = {
        (row["target"], row["epochs"], row["features"], row["method"]): row
        for row in tables.minimum.iter_rows(named=True)
    }
    checkpoints = list(dict.fromkeys((target, epochs) for target, epochs, _, _ in found))
    front = [
        [code(target), str(epochs), *(_fewest(found.get((target, epochs, AS_USED[m], m)), largest) for m in METHODS)]
        for target, epochs in checkpoints
    ]
    every = [
        [
            code(target),
            str(epochs),
            features,
            code(method),
            _reached(row["by_mean_p"], largest[target, epochs]),
            _reached(row["by_power"], largest[target, epochs]),
            share(row["worst_false_alarms"], row["worst_low"], row["worst_high"]),
            _or_dash(row["worst_size"]),
            _or_dash(row["null_draws"]),
        ]
        for (target, epochs, features, method), row in found.items()
    ]
    columns = (
        "target", "epochs", "features", "method", f"mean p ≤ {ALPHA:g}", f"power ≥ {POWER:.0%}",
        "worst false alarms", "at tracks per side", "draws",
    )  # fmt: skip
    return [
        f"The smallest number of tracks per side from which on the mean p over draws stays at or below {ALPHA:g} (the "
        f"papers' rule), then that from which on at least {POWER:.0%} of the draws have p ≤ {ALPHA:g}; below, the "
        "worst rate of false alarms over the sizes. Each method has the features it would be used with: `exact` the "
        "default ones, the others the published ones. “> n”: not with the largest sets drawn. A number of tracks is "
        "worth what the false alarms below it allow.",
        Table(["target", "epochs", *(code(method) for method in METHODS)], front),
        Bullets(_minimum_says(found, checkpoints)),
        Folded("Every method with both sets of features", Table(columns, every)),
    ]


def _largest(points: pl.DataFrame) -> dict[tuple[str, int], int]:
    sizes = points.group_by(_CHECKPOINT, maintain_order=True).agg(pl.col("size").max())
    return {(target, epochs): size for target, epochs, size in sizes.rows()}


def _fewest(row: Record | None, largest: dict[tuple[str, int], int]) -> str:
    if row is None:
        return "—"
    most = largest[row["target"], row["epochs"]]
    alarms = share(row["worst_false_alarms"], row["worst_low"], row["worst_high"])
    of = "" if row["null_draws"] is None else f" of {row['null_draws']:,}"
    return f"{_reached(row['by_mean_p'], most)} / {_reached(row['by_power'], most)}<br>{alarms}{of}"


def _reached(size: int | None, largest: int) -> str:
    return f"&gt; {largest}" if size is None else str(size)


def _or_dash(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"


def _minimum_says(found: dict[tuple[str, int, str, str], Record], checkpoints: list[tuple[str, int]]) -> list[str]:
    sentences = []
    for method in METHODS:
        rows = [row for point in checkpoints if (row := found.get((*point, AS_USED[method], method)))]
        reached = sum(row["by_power"] is not None for row in rows)
        sentence = f"{code(method)} reaches {POWER:.0%} power at {reached} of {times(len(rows), 'checkpoint')}"
        if method != "exact":
            fewer = [
                row for row in rows if _fewer(row, found.get((row["target"], row["epochs"], AS_USED["exact"], "exact")))
            ]
            sentence += f", and with fewer tracks than `exact` at {len(fewer)}"
            above = sum(row["worst_low"] is not None and row["worst_low"] > ALPHA for row in fewer)
            if fewer:
                sentence += f"; at {above} of those the interval of its worst false alarms lies above {ALPHA:.0%}"
        sentences.append(f"{sentence}.")
    return sentences


def _fewer(row: Record, exact: Record | None) -> bool:
    if row["by_power"] is None or exact is None:
        return False
    return exact["by_power"] is None or row["by_power"] < exact["by_power"]

"""What it means: one paragraph whose every figure is in a table above it."""

import polars as pl

from earwitness_bench.collections import POWER
from earwitness_bench.methods import AS_USED, METHODS
from earwitness_bench.page.blocks import Section
from earwitness_bench.page.disagreements import right_alone
from earwitness_bench.page.false_alarms import pooled_false_alarms
from earwitness_bench.page.markdown import after, code, listed, number, times
from earwitness_bench.page.tables import Tables
from earwitness_bench.scale import ALPHA


def meaning_section(tables: Tables) -> Section:
    """Sentences from the tables; what a table lacks is left out."""
    sentences = [_signals(tables.targets), *_sets(tables), *_stress(tables.stress), _limits(tables)]
    return Section(heading="What it means", blocks=(" ".join(sentences),))


def _signals(targets: pl.DataFrame) -> str:
    ordered = targets.sort("loss_auc")
    low, high = ordered.row(0, named=True), ordered.row(-1, named=True)
    return (
        f"Over {times(len(targets), 'checkpoint')} of {times(targets['target'].n_unique(), 'target')} the loss tells "
        f"tracks that were trained on from others with an AUC between {number(low['loss_auc'])} "
        f"({code(low['target'])}, {after(low['epochs'])}) and {number(high['loss_auc'])} ({code(high['target'])}, "
        f"{after(high['epochs'])}); 0.5 is chance."
    )


def _sets(tables: Tables) -> list[str]:
    sentences = []
    used = tables.minimum.filter(pl.col("features") == pl.col("method").replace_strict(AS_USED, default=None))
    exact = used.filter(pl.col("method") == "exact")
    reached = exact.filter(pl.col("by_power").is_not_null()).sort("by_power")
    if len(reached):
        ends = [str(reached["by_power"][0]), str(reached["by_power"][-1])]
        sentences.append(
            f"`exact` finds a used collection in {POWER:.0%} of the draws at {len(reached)} of "
            f"{times(len(exact), 'checkpoint')}, with {' to '.join(dict.fromkeys(ends))} tracks per side."
        )
    pooled = pooled_false_alarms(tables.collections)
    above = []
    for method in METHODS:
        rows = pooled.filter(pl.col("method") == method)
        if len(rows):
            above.append(f"{code(method)} in {int((rows['low'] > ALPHA).sum())} of {len(rows)}")
    if above:
        sentences.append(
            f"Where nothing was used, false alarms are above the nominal {ALPHA:.0%} for {listed(above)} rows."
        )
    return sentences


def _stress(stress: pl.DataFrame | None) -> list[str]:
    if stress is None:
        return []
    ours, theirs = right_alone(stress)
    silent = stress.filter((pl.col("method") == "exact") & pl.col("outcome").is_in(["right", "false alarm"]))
    alarms = int((silent["outcome"] == "false alarm").sum())
    return [
        f"Under stress `exact` gave {times(alarms, 'false alarm')} in {times(len(silent), 'cell')} where nothing was "
        f"used; it was right where a published procedure was wrong in {times(ours, 'cell')}, and the reverse held in "
        f"{theirs}."
    ]


def _limits(tables: Tables) -> str:
    seeds = tables.targets.select("target", "split_seed").n_unique()
    return (
        f"All of this is measured on small models and {times(seeds, 'split')}, one per target: it says how the methods "
        "compare and where they fail, not how strong the signal of a large model is."
    )

"""Membership inference: every attack on every checkpoint."""

from collections.abc import Callable
from typing import Any

import polars as pl

from earwitness_bench.page.blocks import Block, Bullets, Folded, Section, Table
from earwitness_bench.page.markdown import after, code, known, listed, number, share, times
from earwitness_bench.page.tables import Tables
from earwitness_bench.page.targets import by_mean_auc

Record = dict[str, Any]


def membership_section(tables: Tables) -> Section:
    """One table per target: signals by falling mean AUC, a column per training length."""
    blocks: list[Block] = [
        "How well each signal tells a single track that was trained on from one that was not. Of a signal's variants "
        "(share k, codebook, level …) the best was chosen on one half of the groups, and is reported on the other. "
        "† marks a signal without a declared direction: it was learned on the choosing half."
    ]
    for (target,), found in tables.attacks.group_by("target", maintain_order=True):
        blocks += _of_target(str(target), found)
    return Section(heading="Membership inference", blocks=tuple(blocks))


def _of_target(target: str, found: pl.DataFrame) -> list[Block]:
    sizes = found.select("members", "non_members").unique(maintain_order=True).rows()
    asked = "; ".join(f"{members:,} members and {others:,} non-members" for members, others in sizes)
    return [
        f"### {code(target)}: AUC",
        f"On {asked} of the reporting half.",
        _pivoted(found, lambda row: number(row["auc"], row["auc_low"], row["auc_high"])),
        Bullets(_says(found)),
        Folded(
            f"{target}: true positives at 1 % false positives",
            _pivoted(found, lambda row: share(row["tpr"], row["tpr_low"], row["tpr_high"])),
        ),
        Folded(
            f"{target}: the variant chosen, of how many, and tracks without a value",
            _pivoted(found, lambda row: f"{code(row['variant'])} of {row['variants']}, {row['undefined']}"),
        ),
    ]


def _pivoted(found: pl.DataFrame, cell: Callable[[Record], str]) -> Table:
    lengths = sorted(set(found["epochs"].to_list()))
    cells = {(row["signal"], row["epochs"]): cell(row) for row in found.iter_rows(named=True)}
    learned = set(found.filter(pl.col("direction") == "learned")["signal"].to_list())
    rows = [
        [
            f"{code(signal)}{' †' if signal in learned else ''}",
            *(cells.get((signal, length), "—") for length in lengths),
        ]
        for signal in by_mean_auc(found)
    ]
    return Table(["signal", *map(after, lengths)], rows)


def _says(found: pl.DataFrame) -> list[str]:
    ranked, lengths = by_mean_auc(found), found["epochs"].n_unique()
    above = found.group_by("signal", maintain_order=True).agg((pl.col("auc_low") > 0.5).fill_null(value=False).sum())
    counts = dict(above.iter_rows())
    everywhere = [signal for signal in ranked if counts[signal] == lengths]
    nowhere = [signal for signal in ranked if counts[signal] == 0]
    sentences = [
        f"Strongest on average: {listed([code(signal) for signal in ranked[:3]])}.",
        f"Of {times(len(ranked), 'signal')}, {len(everywhere)} with an AUC interval above 0.5 at every length, "
        f"{len(nowhere)} at none{f' ({listed([code(signal) for signal in nowhere])})' if nowhere else ''}.",
    ]
    rates = found.filter(pl.col("tpr").is_not_null()).sort("tpr", descending=True, maintain_order=True)
    if len(rates):
        top = rates.row(0, named=True)
        if known(top["tpr_low"]):
            sentences.append(
                "The highest rate of true positives at 1 % false positives is "
                f"{share(top['tpr'], top['tpr_low'], top['tpr_high'])} ({code(top['signal'])}, {after(top['epochs'])})."
            )
    return sentences

"""The targets, how long each was trained, and how strong its signals are."""

import polars as pl

from earwitness_bench.charts import length_chart
from earwitness_bench.page.blocks import Bullets, Picture, Section, Table
from earwitness_bench.page.markdown import after, code, number
from earwitness_bench.page.tables import Tables

LOSSES = ("loss", "denoising_loss")
_BEST = 3


def targets_section(tables: Tables) -> Section:
    """The table of checkpoints and the plot of AUC by training length."""
    columns = (
        "target", "kind", "epochs", "trained on", "loss AUC", "members asked", "non-members asked", "split seed",
    )  # fmt: skip
    rows = [
        (
            code(row["target"]),
            row["kind"],
            f"{row['epochs']:,}{' (shipped)' if row['shipped'] else ''}",
            f"{row['trained_on']:,} of {row['of']:,}",
            number(row["loss_auc"], row["loss_auc_low"], row["loss_auc_high"]),
            f"{row['members_asked']:,}",
            f"{row['non_members_asked']:,}",
            str(row["split_seed"]),
        )
        for row in tables.targets.iter_rows(named=True)
    ]
    return Section(
        heading="The targets",
        blocks=(
            "Half of each collection, by groups of related pieces, was trained on. The loss AUC is the one on the "
            "checkpoint's card: how well the plain loss tells pieces trained on from the others.",
            Table(columns, rows),
            "AUC by training length: the loss, and the three other signals that are strongest on average. A signal's "
            "best variant was chosen on one half of the groups; the AUC is that of the other half.",
            Picture("lengths", "AUC by training length, one panel per target"),
            Bullets(_says(tables.targets)),
        ),
        drawings={"lengths": length_chart(drawn_signals(tables.attacks))},
    )


def drawn_signals(attacks: pl.DataFrame) -> pl.DataFrame:
    """The rows of each target's loss and of the three other signals with the highest AUC on average, in that order."""
    kept = []
    for _, of_target in attacks.group_by("target", maintain_order=True):
        ranked = by_mean_auc(of_target)
        losses = [signal for signal in ranked if signal in LOSSES]
        others = [signal for signal in ranked if signal not in LOSSES][:_BEST]
        kept += [of_target.filter(pl.col("signal") == signal).sort("epochs") for signal in losses + others]
    return pl.concat(kept)


def by_mean_auc(of_target: pl.DataFrame) -> list[str]:
    """A target's signals, by falling mean AUC over its training lengths."""
    means = of_target.group_by("signal", maintain_order=True).agg(pl.col("auc").mean())
    signals: list[str] = means.sort("auc", descending=True, nulls_last=True, maintain_order=True)["signal"].to_list()
    return signals


def _says(targets: pl.DataFrame) -> list[str]:
    sentences = []
    for (target,), found in targets.sort("epochs").group_by("target", maintain_order=True):
        first, last = found.row(0, named=True), found.row(-1, named=True)
        at = [
            f"{number(row['loss_auc'], row['loss_auc_low'], row['loss_auc_high'])} after {after(row['epochs'])}"
            for row in ([first, last] if len(found) > 1 else [first])
        ]
        sentences.append(f"On {code(target)} the loss AUC is {', and '.join(at)}.")
    return sentences

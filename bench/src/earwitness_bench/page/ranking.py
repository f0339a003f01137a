"""The ranking of signals, and the default presets held against it."""

from typing import Any

import polars as pl

from earwitness_bench.page.blocks import Block, Bullets, Folded, Section, Table
from earwitness_bench.page.markdown import code, number, share
from earwitness_bench.scale import ALPHA

Record = dict[str, Any]
_NAMED = ("grown", "default", "published")
_COLUMNS = ("set", "signals", "median p", "mean log₁₀ p", f"power at {ALPHA:g}", "draws")
_CONCLUSIONS = {
    "better": "So the default preset stays.",
    "worse": "So the grown set is the better default for this kind of model.",
    "the same within the interval": "So nothing here speaks against the default preset.",
}


def ranking_section(ranking: pl.DataFrame | None) -> Section:
    """Per kind of model: what was grown, against the default and the published set."""
    heading = "Which signals earn their place"
    if ranking is None:
        return Section(heading=heading, blocks=("The signals were not ranked; `earwitness bench` does it.",))
    blocks: list[Block] = [
        "Half of the groups served to grow a set of signals, one at a time, for as long as the p-value of `exact` "
        "fell; the rows below are of the other half, which played no part in that. All sets see the same draws, at "
        "sizes where the test is neither blind nor sure. “Published” are the signals of the published feature set. A "
        "signal without a declared direction does not count in `exact`, and is never grown."
    ]
    for (kind,), found in ranking.group_by("kind", maintain_order=True):
        named = found.filter(pl.col("set").is_in(_NAMED))
        others = found.filter(~pl.col("set").is_in(_NAMED))
        blocks += [
            f"### {kind}",
            f"Tracks per side of the draws, by training length: {', '.join(found['sizes'][0].split())}.",
            Table(_COLUMNS, [_row(row) for row in named.iter_rows(named=True)]),
            Bullets(_says(named)),
        ]
        if len(others):
            blocks.append(
                Folded(
                    f"{kind}: the grown set without each of its signals, and every signal alone",
                    Table(_COLUMNS, [_row(row) for row in others.iter_rows(named=True)]),
                )
            )
    return Section(heading=heading, blocks=tuple(blocks))


def compared(one: Record, other: Record) -> str:
    """``better``, ``worse``, or ``the same within the interval``: either power lies in the other's interval."""
    if one["power"] > other["power_high"] and one["power_low"] > other["power"]:
        return "better"
    if one["power"] < other["power_low"] and one["power_high"] < other["power"]:
        return "worse"
    return "the same within the interval"


def _row(row: Record) -> tuple[str, ...]:
    return (
        row["set"],
        ", ".join(code(signal) for signal in _signals(row)),
        number(row["median_p"], digits=4),
        number(row["mean_log10_p"], digits=2),
        share(row["power"], row["power_low"], row["power_high"]),
        f"{row['draws']:,}",
    )


def _signals(row: Record) -> list[str]:
    return row["signals"].split(" + ") if row["signals"] else []


def _says(named: pl.DataFrame) -> list[str]:
    rows = {row["set"]: row for row in named.iter_rows(named=True)}
    sentences = []
    default, grown, published = (rows.get(name) for name in ("default", "grown", "published"))
    if default and grown:
        sentences.append(
            f"Against the set grown here the default preset's power is **{compared(default, grown)}**: "
            f"{share(default['power'], default['power_low'], default['power_high'])} and "
            f"{share(grown['power'], grown['power_low'], grown['power_high'])} of {grown['draws']:,} draws. "
            f"{_difference(default, grown)} {_CONCLUSIONS[compared(default, grown)]}"
        )
    if default and published:
        sentences.append(
            f"Against the signals of the published set it is **{compared(default, published)}**: the published "
            f"set's is {share(published['power'], published['power_low'], published['power_high'])}."
        )
    return sentences


def _difference(default: Record, grown: Record) -> str:
    ours, theirs = _signals(default), _signals(grown)
    more = [code(signal) for signal in ours if signal not in theirs]
    fewer = [code(signal) for signal in theirs if signal not in ours]
    parts = []
    if more:
        parts.append(f"The default has {', '.join(more)} more")
    if fewer:
        parts.append(f"{'the' if parts else 'The'} grown set has {', '.join(fewer)} more")
    return f"{'; '.join(parts)}." if parts else "They hold the same signals."

"""The stress table on one page, and why methods disagreed."""

from typing import Any

import polars as pl

from earwitness.verdict.numbers import p_value
from earwitness_bench.charts import stress_chart
from earwitness_bench.methods import METHODS
from earwitness_bench.page.blocks import Block, Bullets, Folded, Picture, Section, Table
from earwitness_bench.page.disagreements import disagreements, right_alone, scenario_of
from earwitness_bench.page.markdown import after, code, known, listed, share, text, times
from earwitness_bench.scale import ALPHA
from earwitness_bench.stress.outcome import FAILED, FOUND, PARTLY_FOUND

Record = dict[str, Any]
MARKS = {"right": "✓", "found": "✓", "partly found": "◐", "missed": "–", "false alarm": "✗", "open": "·"}
_KEYS = ("scenario", "setting", "truth")
_LISTED_OPENLY = 20


def stress_section(stress: pl.DataFrame | None) -> Section:
    """The table, the heat map, the sums, and the reasons."""
    heading = "Where a method should say nothing, or something"
    if stress is None:
        return Section(heading=heading, blocks=("The stress scenarios were not run; `earwitness bench` runs them.",))
    columns, rows = _front(stress)
    asked = stress.select("target", "epochs").unique(maintain_order=True).rows()
    blocks = (
        f"Scenarios that are known to mislead, with {listed([f'{code(t)} after {after(e)}' for t, e in asked])}: the "
        "share of draws in which each method says that the suspect tracks were used. `exact` is the whole verdict with "
        "its look at the sets without the model, so it can also answer that it cannot tell.",
        f"✓ right (quiet where nothing was used, or found in at least {FOUND:.0%} of the draws) · ◐ partly found "
        f"({PARTLY_FOUND:.0%} or more) · – missed · ✗ false alarm (not used, and the share's lower limit is above "
        f"{ALPHA:.0%}) · “·” neither answer is wrong.",
        Table(columns, rows),
        Picture("stress", "What every method says in every scenario"),
        Bullets(_says(stress)),
        Folded("All figures, with 95 % intervals", _everything(stress)),
        "### Where `exact` was wrong or missed something",
        _where_exact_was_wrong(stress),
        "### Why they disagree",
        *_reasons(stress),
    )
    labelled = stress.with_columns(pl.Series("label", [label(row) for row in stress.iter_rows(named=True)]))
    return Section(heading=heading, blocks=blocks, drawings={"stress": stress_chart(labelled, MARKS)})


def label(row: Record) -> str:
    """``scenario: setting``."""
    return row["scenario"] if not row["setting"] else f"{row['scenario']}: {row['setting']}"


def _front(stress: pl.DataFrame) -> tuple[list[str], list[list[str]]]:
    targets = stress["target"].unique(maintain_order=True).to_list()
    cells = {(*(row[key] for key in _KEYS), row["target"], row["method"]): row for row in stress.iter_rows(named=True)}
    scenarios = stress.unique(_KEYS, maintain_order=True, keep="first").rows(named=True)
    rows = []
    for scenario in scenarios:
        key = tuple(scenario[name] for name in _KEYS)
        found = [[cells.get((*key, target, method)) for method in METHODS] for target in targets]
        known_cells = [row for of_target in found for row in of_target if row is not None]
        rows.append(
            [
                text(label(scenario)),
                text(scenario["truth"]),
                " / ".join(dict.fromkeys(str(row["tracks"]) for row in known_cells)),
                " / ".join(dict.fromkeys(str(row["draws"]) for row in known_cells)),
                *(_cell(row) for of_target in found for row in of_target),
            ]
        )
    columns = [f"{target}: {method}" for target in targets for method in METHODS]
    return ["scenario", "truth", "tracks", "draws", *columns], rows


def _cell(row: Record | None) -> str:
    if row is None or not known(row["says_used"]):
        return "—"
    said = f"{row['says_used']:.0%} {MARKS[row['outcome']]}"
    for name, words in (("inconclusive", "inconclusive"), ("cannot_be_tested", "cannot be tested")):
        if row[name]:
            said += f"<br>{words} {row[name]:.0%}"
    return said


def _says(stress: pl.DataFrame) -> list[str]:
    sentences = []
    for method in METHODS:
        outcomes = stress.filter(pl.col("method") == method)["outcome"].to_list()
        if not outcomes:
            continue
        counts = {name: outcomes.count(name) for name in MARKS}
        empty, used = (
            counts["right"] + counts["false alarm"],
            counts["found"] + counts["partly found"] + counts["missed"],
        )
        sentences.append(
            f"{code(method)}: {times(counts['false alarm'], 'false alarm')} in {times(empty, 'cell')} where nothing "
            f"was used; of {times(used, 'cell')} where the tracks were used, {counts['found']} found, "
            f"{counts['partly found']} partly found and {counts['missed']} missed."
        )
    ours, theirs = right_alone(stress)
    sentences.append(
        f"A published procedure was wrong and `exact` right in {times(ours, 'cell')}, the reverse in {theirs}."
    )
    return sentences


def _everything(stress: pl.DataFrame) -> Table:
    columns = (
        "target", "scenario", "truth", "tracks", "draws", "method", "says used", "says no", "inconclusive",
        "cannot be tested", "median p", "outcome",
    )  # fmt: skip
    rows = [
        (
            code(row["target"]),
            text(label(row)),
            text(row["truth"]),
            str(row["tracks"]),
            str(row["draws"]),
            code(row["method"]),
            share(row["says_used"], row["low"], row["high"]),
            share(row["says_no"]),
            share(row["inconclusive"]),
            share(row["cannot_be_tested"]),
            p_value(row["median_p"], alpha=ALPHA),
            row["outcome"],
        )
        for row in stress.iter_rows(named=True)
    ]
    return Table(columns, rows)


def _said(row: Record) -> str:
    return f"{code(row['method'])} {share(row['says_used'], row['low'], row['high'])} ({row['outcome']})"


def _where(row: Record) -> str:
    return f"**{text(label(row))}**, {code(row['target'])}, truth: {text(row['truth'])}"


def _where_exact_was_wrong(stress: pl.DataFrame) -> Block:
    wrong = [row for row in stress.iter_rows(named=True) if row["method"] == "exact" and row["outcome"] in FAILED]
    if not wrong:
        return "In no cell."
    return Bullets(
        [f"{_where(row)}: {_said(row)} of {row['draws']} draws, {row['tracks']} tracks per side." for row in wrong]
    )


def _reasons(stress: pl.DataFrame) -> list[Block]:
    """A line per cell; methods that were wrong for the same reason share it."""
    shared: dict[tuple[object, ...], list[tuple[Record, Record]]] = {}
    for row, exact in disagreements(stress):
        shared.setdefault((*scenario_of(row), row["why"]), []).append((row, exact))
    lines = [
        f"{_where(pairs[0][0])}: {listed([_said(row) for row, _ in pairs])}; {_said(pairs[0][1])}. "
        + (text(pairs[0][0]["why"]) if pairs[0][0]["why"] else "No reason is recorded.")
        for pairs in shared.values()
    ]
    if not lines:
        return ["There is no cell in which a published procedure was wrong and `exact` right, or the reverse."]
    intro = "Every cell in which a published procedure was wrong and `exact` right, or the reverse:"
    if len(lines) <= _LISTED_OPENLY:
        return [intro, Bullets(lines)]
    return [intro, Folded(f"All {len(lines)} reasons", Bullets(lines))]

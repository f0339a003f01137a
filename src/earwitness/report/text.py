"""The result on a terminal: one screen of at most 100 columns and about 40 lines.

Conventions: everything that comes from outside is printed literally, never read as markup.
"""

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from earwitness.report import near_copies
from earwitness.report.context import ReportContext
from earwitness.report.key_figures import key_figures
from earwitness.report.tables import features_by_weight
from earwitness.text import harmless
from earwitness.verdict.numbers import count, decimal
from earwitness.verdict.result import DatasetInferenceResult, Verdict
from earwitness.verdict.wording import GATE, VERDICT_NAMES, headline

WIDTH = 100
_COLOURS: dict[Verdict, str] = {
    "evidence_of_use": "red",
    "no_evidence": "green",
    "inconclusive": "yellow",
    "cannot_be_tested": "blue",
}
_TOP_FEATURES = 6
_MOST_LINES = 4


def print_result(result: DatasetInferenceResult, console: Console, *, context: ReportContext | None = None) -> None:
    """Print verdict, figures, leading features and warnings of a result.

    Parameters
    ----------
    result
        The record to print; what it does not hold is not printed.
    console
        Where to print; wider than 100 columns is not used.
    context
        What surrounds the result in its run folder, for the titles of near-copies.
    """
    parts: list[RenderableType] = [_verdict(result), _figures(result)]
    if result.near_copies is not None and result.near_copies.found:
        lines = near_copies.lines(result.near_copies, context or ReportContext())
        parts.append(_bullets("Near-copies: the model plays these tracks back", lines, style="red"))
    if result.features:
        parts.append(_features(result))
    if result.warnings:
        parts.append(_bullets("Warnings", result.warnings, style="yellow"))
    console.print(Group(*parts), width=min(console.width, WIDTH))


def _verdict(result: DatasetInferenceResult) -> Panel:
    lines: list[RenderableType] = [Text(headline(result), style="bold")]
    lines += [Text(harmless(reason)) for reason in result.reasons]
    return Panel(
        Group(*lines),
        title=Text(VERDICT_NAMES[result.verdict], style="bold"),
        title_align="left",
        border_style=_COLOURS[result.verdict],
        padding=(0, 1),
    )


def _figures(result: DatasetInferenceResult) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for figure in key_figures(result):
        if figure.known:
            table.add_row(Text(figure.label), Text(figure.value))
    if result.blind is not None:
        gate = GATE[result.blind.state]
        table.add_row(Text("blind gate"), Text(f"{gate} (AUC without the model {decimal(result.blind.auc)})"))
    for label, counts in (
        ("tracks", result.n_tracks),
        ("groups", result.n_groups),
        ("files left out", result.failures),
    ):
        if label != "files left out" or counts.suspect or counts.held_out:
            table.add_row(Text(label), Text(f"{count(counts.suspect)} suspect, {count(counts.held_out)} held out"))
    if name := result.target_name or result.target:
        table.add_row(Text("target"), Text(harmless(name)))
    return table


def _features(result: DatasetInferenceResult) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(f"strongest of {count(len(result.features))} features", no_wrap=True, overflow="ellipsis")
    table.add_column("member is", no_wrap=True)
    for name in ("AUC", "weight", "missing"):
        table.add_column(name, justify="right", no_wrap=True)
    for feature in features_by_weight(result)[:_TOP_FEATURES]:
        table.add_row(
            Text(harmless(feature.name)),
            Text(feature.member_is.value),
            decimal(feature.auc, 3),
            decimal(feature.weight, 3),
            count(feature.missing),
        )
    return table


def _bullets(title: str, sentences: list[str], *, style: str) -> Text:
    shown = sentences[:_MOST_LINES]
    more = len(sentences) - len(shown)
    lines = [f"– {harmless(sentence)}" for sentence in shown] + ([f"– and {more} more, in the record"] if more else [])
    return Text("\n".join([title, *lines]), style=style)

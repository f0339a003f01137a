"""An inspection on a terminal, at most 100 columns wide.

Conventions: everything that comes from outside is printed literally, never read as markup.
"""

import shlex
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from earwitness.findings.record import Findings, Mend
from earwitness.report.findings_tables import (
    chance_table,
    couple_table,
    gate_sentence,
    left_out_table,
    property_table,
    prospect_sentences,
    sides_table,
)
from earwitness.report.tables import CellTable
from earwitness.text import harmless

WIDTH = 100
_MOST_ROWS = 5
_MENDED = "samples were mended"


def print_findings(findings: Findings, console: Console, *, brief_of: str | None = None) -> None:
    """Print an inspection; with ``brief_of``, a run folder, only what the start of an audit should say."""
    brief = brief_of is not None
    parts: list[RenderableType] = [_table(sides_table(findings)), _paragraph(gate_sentence(findings))]
    if not brief:
        parts += _section("What differs between the sets", property_table(findings, most=_MOST_ROWS + 3))
        parts += _section("The same recording in two files", couple_table(findings))
        parts += _section("Left out", left_out_table(findings))
        passed = f"{findings.ignored} files of other kinds and {findings.symlinks} symbolic links were passed over."
        if findings.ignored or findings.symlinks:
            parts.append(_paragraph(passed))
        parts += [_paragraph(warning) for warning in findings.warnings if _MENDED in warning]
    parts += [_paragraph(" ".join(prospect_sentences(findings)))]
    if not brief:
        parts += _section("How likely a leak is found", chance_table(findings))
    parts.append(_mend(findings.mend, brief_of))
    console.print(Group(*parts), width=min(console.width, WIDTH))


def _mend(mend: Sequence[Mend], brief_of: str | None) -> RenderableType:
    if not mend:
        return Text("Nothing to mend was found.", style="green")
    lines: list[RenderableType] = []
    most = len(mend) if brief_of is None else _MOST_ROWS - 1
    for number, item in enumerate(mend[:most], start=1):
        before = " Before that, an audit can show nothing." if item.stops else ""
        lines.append(Text(harmless(f"{number}. {item.found}{before}"), style="bold" if item.stops else ""))
        lines.append(Text(f"   {harmless(item.do)}"))
        if item.command:
            lines.append(Text(f"   {item.command}", style="cyan"))
    if brief_of is not None:
        more = f"{len(mend) - most} more, and the details" if len(mend) > most else "The details"
        lines.append(Text(harmless(f"{more}: earwitness inspect {shlex.quote(brief_of)}"), style="dim"))
    elif any(item.command for item in mend):
        lines.append(Text("… stands for the rest of your command.", style="dim"))
    stops = any(item.stops for item in mend)
    return Panel(
        Group(*lines),
        title="What to mend, in this order",
        title_align="left",
        border_style="red" if stops else "yellow",
    )


def _section(title: str, table: CellTable) -> list[RenderableType]:
    if not table.rows:
        return []
    shown = CellTable(columns=table.columns, rows=table.rows[: _MOST_ROWS + 3], numeric=table.numeric)
    more = len(table.rows) - len(shown.rows)
    note = [Text(f"and {more} more: --json or --out lists them", style="dim")] if more else []
    return [Text(), Text(title, style="bold"), _table(shown), *note]


def _paragraph(text: str) -> Text:
    return Text(f"\n{harmless(text)}")


def _table(cells: CellTable) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    for number, column in enumerate(cells.columns):
        table.add_column(column, justify="right" if number in cells.numeric else "left", overflow="fold")
    for row in cells.rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    return table

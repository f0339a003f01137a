"""ROC curves of scores whose truth is known, as one self-contained HTML page under the rules of the report's page."""

from pathlib import Path

import altair as alt

from earwitness.files import write_text
from earwitness.report.charts import Figure
from earwitness.report.html import page_environment
from earwitness.report.svg import chart_svg
from earwitness.report.tables import CellTable
from earwitness.text import harmless
from earwitness.verdict.membership import MembershipResult, ScoreEvaluation
from earwitness.verdict.numbers import ABSENT, count, decimal, interval
from earwitness.verdict.result import Interval

_DRAWN = 5
# Okabe and Ito's colours, told apart without colour vision; the lines differ in dashes too.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ([1, 0], [8, 3], [3, 3], [10, 3, 2, 3], [6, 2], [2, 4])


def render_membership(result: MembershipResult) -> str:
    """Render an evaluation as one HTML document: the curves of the combined score and of the best features, and all."""
    rows = [*([result.combined] if result.combined else []), *result.features]
    return (
        page_environment()
        .get_template("membership.html.j2")
        .render(result=result, figure=_figure(result, rows[: _DRAWN + 1]), scores=_table(rows))
    )


def write_membership(path: Path, result: MembershipResult) -> Path:
    """Write the page; returns its path."""
    write_text(path, render_membership(result))
    return path


def _figure(result: MembershipResult, drawn: list[ScoreEvaluation]) -> Figure | None:
    if not any(row.roc for row in drawn):
        return None
    floor = 0.5 / max(result.non_members, result.members)
    names = [harmless(row.name) for row in drawn]
    records = [
        {"score": name, "order": i, "false": max(x, floor), "true": max(y, floor)}
        for name, row in zip(names, drawn, strict=True)
        for i, (x, y) in enumerate(row.roc)
    ]
    chance = [{"false": floor, "true": floor}, {"false": 1.0, "true": 1.0}]
    scale = alt.Scale(type="log", domain=[floor, 1])
    x = alt.X("false:Q", scale=scale, title="non-members above a score (false positives)")
    y = alt.Y("true:Q", scale=scale, title="members above it (true positives)")
    colour = alt.Scale(domain=names, range=list(_COLOURS[: len(names)]))
    dash = alt.Scale(domain=names, range=list(_DASHES[: len(names)]))
    legend = alt.Legend(title=None, orient="bottom", columns=2, labelLimit=260)
    curves = (
        alt.Chart(alt.InlineData(values=records))
        .mark_line(interpolate="step-after", strokeWidth=1.5)
        .encode(
            x=x, y=y, order="order:Q", color=alt.Color("score:N", scale=colour, legend=legend),
            strokeDash=alt.StrokeDash("score:N", scale=dash, legend=legend),
        )
    )  # fmt: skip
    line = alt.Chart(alt.InlineData(values=chance)).mark_line(color="#888888", strokeDash=[4, 4]).encode(x=x, y=y)
    title = "ROC curves, both axes logarithmic"
    told = "; ".join(f"{name}: AUC {decimal(row.auc.estimate)}" for name, row in zip(names, drawn, strict=True))
    return Figure(
        title=title,
        svg=chart_svg(
            alt.layer(line, curves).properties(width=340, height=340), name="roc", title=title, description=f"{told}."
        ),
        columns=("Score", "AUC"),
        rows=tuple((row.name, decimal(row.auc.estimate, 3)) for row in drawn),
    )


def _table(rows: list[ScoreEvaluation]) -> CellTable:
    return CellTable(
        columns=("Score", "A member is", "AUC (95 %)", "Found at 1 % false alarms", "At 0.1 %", "Missing"),
        rows=tuple(
            (row.name, row.member_is.value, interval(row.auc), *_rates(row), count(row.missing)) for row in rows
        ),
        numeric=frozenset({2, 3, 4, 5}),
    )


def _rates(row: ScoreEvaluation) -> tuple[str, str]:
    rates = [
        interval(Interval(estimate=rate.estimate, low=rate.low, high=rate.high))
        + ("" if rate.resolved else " (none allowed)")
        for rate in row.true_positive_rates
    ]
    first, second = (*rates, ABSENT, ABSENT)[:2]
    return first, second

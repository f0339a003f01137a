"""The plots of the benchmark, from its tables.

Goal: the weak-signal regime at a glance, in print and without colour vision. Conventions: a
method has one colour and one shape everywhere (Okabe and Ito's palette); bars are 95 % limits;
points at the same place stand side by side; nothing is computed but places on the paper.
"""

from collections.abc import Mapping, Sequence

import altair as alt
import polars as pl

from earwitness.report.svg import INK, Drawing, chart_svg
from earwitness_bench.methods import METHODS
from earwitness_bench.scale import ALPHA

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_SHAPES = ("circle", "square", "triangle-up", "diamond")
_WIDTH = 760
_LABELS = 390
_FIELD = 54
_Record = dict[str, str | float | None]


def length_chart(aucs: pl.DataFrame) -> str:
    """AUC by training length, one panel per target, one line per signal, as SVG.

    ``aucs`` holds ``target, epochs, signal, auc, auc_low, auc_high``; signals keep their order.
    """
    panels = []
    for (target,), of_target in aucs.group_by("target", maintain_order=True):
        signals = of_target["signal"].unique(maintain_order=True).to_list()
        epochs = sorted(set(of_target["epochs"].to_list()))
        reach = epochs[-1] - epochs[0] or epochs[0]
        records: list[_Record] = [
            {
                "place": row["epochs"] + _aside(signals.index(row["signal"]), len(signals), 0.012 * reach),
                "signal": row["signal"],
                **{name: row[name] for name in ("auc", "auc_low", "auc_high")},
            }
            for row in of_target.iter_rows(named=True)
        ]
        x = alt.X(
            "place:Q",
            title=f"{target}: epochs of training",
            scale=alt.Scale(domain=[epochs[0] - 0.06 * reach, epochs[-1] + 0.06 * reach], nice=False, zero=False),
            axis=alt.Axis(values=epochs, format=",d", grid=False),
        )
        y = ("auc", "AUC on the reporting half", alt.Scale(zero=False, nice=True), alt.Axis(minExtent=38))
        kinds = _kinds("signal", signals, legend=alt.Legend(title=None, orient="right", symbolSize=70, symbolOpacity=1))
        layers = _lines(records, x=x, y=y, kinds=kinds, limits=("auc_low", "auc_high"), level=0.5)
        panels.append(layers.properties(width=_WIDTH - 260, height=170))
    chart = alt.vconcat(*panels, spacing=18).resolve_scale(color="independent", shape="independent")
    return chart_svg(
        chart,
        name="lengths",
        title="AUC by training length",
        description="One panel per target; the loss and the strongest signals, with 95 % intervals; 0.5 is chance.",
    )


def collections_chart(points: pl.DataFrame, *, name: str, title: str, headings: Mapping[int, str]) -> str:
    """Share of draws with p ≤ α against tracks per side, as SVG: trained on above, not trained on below.

    ``points`` holds one target and one set of features; one column of panels for each number of
    epochs, under its heading.
    """
    methods = [method for method in METHODS if method in points["method"]]
    sizes = sorted(set(points["size"].to_list()))
    columns = [headings[epochs] for epochs in sorted(headings)]
    width = min(320, (_WIDTH - 60) // len(columns) - 8)
    rows = []
    for share, label in (("found", "trained on: found"), ("false_alarms", "not trained on: false alarms")):
        records: list[_Record] = [
            {
                "place": row["size"] * 10 ** _aside(methods.index(row["method"]), len(methods), 0.018),
                "method": row["method"],
                "column": headings[row["epochs"]],
                "share": row[share],
                "low": row[f"{share}_low"],
                "high": row[f"{share}_high"],
            }
            for row in points.iter_rows(named=True)
            if row[share] is not None
        ]
        found = share == "found"
        x = alt.X(
            "place:Q",
            title=None if found else "tracks per side",
            scale=alt.Scale(type="log", domain=[sizes[0] / 1.25, sizes[-1] * 1.25], nice=False),
            axis=alt.Axis(values=sizes, format=",d", grid=False, labelOverlap=True),
        )
        y = (
            "share",
            label,
            alt.Scale(domain=[0, 1] if found else [0, _ceiling(records)], nice=False),
            alt.Axis(format=".0%", tickCount=5, minExtent=38),
        )
        legend = alt.Legend(title=None, orient="top", symbolSize=70, symbolOpacity=1) if found else None
        kinds = _kinds("method", methods, legend=legend)
        layers = _lines(records, x=x, y=y, kinds=kinds, limits=("low", "high"), level=None if found else ALPHA)
        header = alt.Header(labelExpr="split(datum.label, '\\n')") if found else alt.Header(labels=False)
        rows.append(
            layers.properties(width=width, height=150 if found else 110).facet(
                column=alt.Column("column:N", title=None, sort=columns, header=header), spacing=8
            )
        )
    return chart_svg(
        alt.vconcat(*rows, spacing=6),
        name=name,
        title=title,
        description=f"Share of draws with p ≤ {ALPHA:g} by tracks per side, one line per method, with 95 % intervals. "
        "Above, suspects that were trained on; below, suspects that were not: false alarms, beside the nominal "
        f"{ALPHA:.0%}.",
    )


def stress_chart(stress: pl.DataFrame, marks: Mapping[str, str]) -> str:
    """How often each method says "used", as SVG: a row per scenario, a block a truth, a column of panels a target.

    ``stress`` holds ``target, label, truth, method, says_used, outcome``; ``marks`` the sign of an outcome.
    """
    blocks = []
    methods = [method for method in METHODS if method in stress["method"]]
    targets = stress["target"].unique(maintain_order=True).to_list()
    for (truth,), of_truth in stress.group_by("truth", maintain_order=True):
        records: list[_Record] = [
            {
                **{name: row[name] for name in ("target", "label", "method", "says_used")},
                "share": f"{row['says_used']:.0%}",
                "mark": marks.get(row["outcome"], ""),
            }
            for row in of_truth.iter_rows(named=True)
            if row["says_used"] is not None
        ]
        labels = of_truth["label"].unique(maintain_order=True).to_list()
        blocks.append(_block(records, truth=str(truth), labels=labels, methods=methods, targets=targets))
    return chart_svg(
        alt.vconcat(*blocks, spacing=14),
        name="stress",
        title="What every method says under stress",
        description="Share of draws in which a method says that the suspect tracks were used; a darker field is a "
        "larger share. Blocks by what is true.",
    )


def _block(
    records: list[_Record], *, truth: str, labels: Sequence[str], methods: Sequence[str], targets: Sequence[str]
) -> Drawing:
    base = alt.Chart(alt.InlineData(values=records)).encode(
        x=alt.X("method:N", title=None, sort=list(methods), axis=alt.Axis(orient="top", labelAngle=0)),
        y=alt.Y(
            "label:N",
            title=None,
            sort=list(labels),
            axis=alt.Axis(labelLimit=_LABELS, minExtent=_LABELS, labelFontSize=11),
        ),
    )
    fields = base.mark_rect(stroke="white").encode(
        color=alt.Color("says_used:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=["#f2f6fa", _COLOURS[0]]))
    )
    # The sign is a text of its own: where a font lacks it, the figure beside it keeps its letters.
    ink = alt.condition("datum.says_used > 0.8", alt.value("white"), alt.value(INK))
    shares = base.mark_text(fontSize=11, align="right", dx=8).encode(text="share:N", color=ink)
    signs = base.mark_text(fontSize=11, align="left", dx=13).encode(text="mark:N", color=ink)
    return (
        alt.layer(fields, shares, signs)
        .properties(width=_FIELD * len(methods), height=alt.Step(20))
        .facet(column=alt.Column("target:N", title=None, sort=list(targets)), spacing=10)
        .properties(title=alt.Title(f"Truth: {truth}", anchor="start", fontSize=13))
    )


def _lines(
    records: list[_Record],
    *,
    x: alt.X,
    y: tuple[str, str, alt.Scale, alt.Axis],
    kinds: dict[str, alt.Color | alt.Shape],
    limits: tuple[str, str],
    level: float | None,
) -> alt.LayerChart:
    """Points with limits, joined by lines, over a broken line at the level that counts."""
    value, title, scale, axis = y
    data = alt.InlineData(values=records)
    base = alt.Chart(data).encode(x=x)
    low = alt.Y(f"{limits[0]}:Q", title=title, scale=scale, axis=axis)
    middle = alt.Y(f"{value}:Q", title=title, scale=scale, axis=axis)
    layers = [
        base.mark_rule(strokeWidth=1.2, opacity=0.6).encode(y=low, y2=limits[1], color=kinds["color"]),
        base.mark_line(strokeWidth=1.6).encode(y=middle, color=kinds["color"]),
        base.mark_point(size=42, filled=True, opacity=1).encode(y=middle, **kinds),
    ]
    if level is not None:
        layers.insert(0, alt.Chart(data).mark_rule(color=INK, strokeDash=[5, 4]).encode(y=alt.YDatum(level)))
    return alt.LayerChart(data=data, layer=layers)


def _kinds(field: str, names: Sequence[str], *, legend: alt.Legend | None) -> dict[str, alt.Color | alt.Shape]:
    """Colour and shape by name, under one legend."""
    domain = list(names)
    return {
        "color": alt.Color(
            f"{field}:N", legend=legend, scale=alt.Scale(domain=domain, range=list(_COLOURS[: len(domain)]))
        ),
        "shape": alt.Shape(
            f"{field}:N", legend=legend, scale=alt.Scale(domain=domain, range=list(_SHAPES[: len(domain)]))
        ),
    }


def _aside(position: int, of: int, step: float) -> float:
    """How far to the side the point stands, so that all of one place are centred on it."""
    return (position - (of - 1) / 2) * step


def _ceiling(records: Sequence[_Record]) -> float:
    """The top of an axis for shares that are mostly small."""
    return min(1.0, max([0.1, *(1.05 * high for record in records if isinstance(high := record["high"], float))]))

"""Two curves over the works: p against the number of tracks, and the wealth of the bets after each pair.

Goal: show whether an answer hangs on all works or stands with part of them. Conventions: as in
`earwitness.report.charts`; both axes of evidence are logarithmic, and nothing drawn is a test of its own.
"""

import altair as alt
import numpy as np

from earwitness.report.charts import COLOURS, Figure
from earwitness.report.svg import INK, chart_svg
from earwitness.verdict.numbers import count, p_value
from earwitness.verdict.result import DatasetInferenceResult
from earwitness.verdict.strength_wording import wealth

_WIDTH = 620
_ROWS = 8
_DRAWN = 1000
"""Pairs that the wealth is drawn at, at most."""
_Record = dict[str, str | float]


def growth_figure(result: DatasetInferenceResult) -> Figure | None:
    """Draw the median p of parts of the sets over their number of suspect tracks, with lowest and highest.

    ``None`` where no parts were tested.
    """
    if not result.growth:
        return None
    records: list[_Record] = [
        {"tracks": p.suspects, "p": p.p_value, "low": p.lowest, "high": p.highest, "alpha": result.alpha}
        for p in result.growth
    ]
    data = alt.InlineData(values=records)
    x = alt.X("tracks:Q", title="suspect tracks (with as large a part of the held-out ones)")
    reach = [min(*(p.lowest for p in result.growth), result.alpha) / 1.5, 1.0]
    scale = alt.Scale(type="log", domain=reach, nice=False)
    y = alt.Y("p:Q", title="p-value", scale=scale, axis=_powers(*reach))
    spans = alt.Chart(data).mark_rule(color=INK, strokeWidth=2).encode(x=x, y=alt.Y("low:Q", scale=scale), y2="high")
    line = alt.Chart(data).mark_line(color=INK, strokeWidth=1).encode(x=x, y=y)
    dots = alt.Chart(data).mark_circle(color=COLOURS["suspect"], size=70, opacity=1).encode(x=x, y=y)
    level = alt.Chart(data).mark_rule(color=INK, strokeDash=[6, 4]).encode(y=alt.Y("alpha:Q", scale=scale))
    return Figure(
        title="p-value of parts of the sets",
        svg=chart_svg(
            alt.layer(level, spans, line, dots).properties(width=_WIDTH, height=180),
            name="growth",
            title="p-value of parts of the sets",
            description="; ".join(
                f"{count(p.suspects)} suspect tracks: p {p_value(p.p_value, alpha=result.alpha)}" for p in result.growth
            )
            + f". The dashed line is the level {result.alpha:g}.",
        ),
        columns=("Suspect tracks", "Median p", "Lowest", "Highest"),
        rows=tuple(
            (count(p.suspects), *(p_value(v, alpha=result.alpha) for v in (p.p_value, p.lowest, p.highest)))
            for p in result.growth
        ),
    )


def wealth_figure(result: DatasetInferenceResult) -> Figure | None:
    """Draw the wealth after each pair of groups; ``None`` where there were no bets."""
    if not result.wealth:
        return None
    path = [1.0, *result.wealth]
    needed = 1 / result.alpha
    drawn = sorted({*np.linspace(0, len(path) - 1, min(_DRAWN, len(path))).round().astype(int), int(np.argmax(path))})
    records: list[_Record] = [{"pairs": int(i), "wealth": path[i]} for i in drawn]
    data = alt.InlineData(values=records)
    x = alt.X("pairs:Q", title="pairs of a suspect and a held-out group")
    reach = [min(path) / 1.5, max(*path, needed) * 1.5]
    scale = alt.Scale(type="log", domain=reach, nice=False)
    y = alt.Y("wealth:Q", title="wealth", scale=scale, axis=_powers(*reach))
    line = alt.Chart(data).mark_line(color=COLOURS["suspect"], interpolate="step-after", strokeWidth=2).encode(x=x, y=y)
    once = alt.InlineData(values=[{"needed": needed}])
    level = alt.Chart(once).mark_rule(color=INK, strokeDash=[6, 4]).encode(y=alt.Y("needed:Q", scale=scale))
    shown = np.unique(np.linspace(0, len(path) - 1, _ROWS).round().astype(int)).tolist()
    return Figure(
        title="Wealth of the bets",
        svg=chart_svg(
            alt.layer(level, line).properties(width=_WIDTH, height=180),
            name="wealth",
            title="Wealth of the bets",
            description=f"It begins at 1 and ends at {wealth(path[-1])} after {count(len(result.wealth))} pairs; at "
            f"its largest it is {wealth(max(path))}. The dashed line is {count(round(needed))}, which rejects at level "
            f"{result.alpha:g}.",
        ),
        columns=("Pairs", "Wealth"),
        rows=tuple((count(i), wealth(path[i])) for i in shown),
    )


def _powers(low: float, high: float) -> alt.Axis:
    """Ticks at powers of ten within the limits, thinned to about six, written out."""
    powers = np.arange(np.ceil(np.log10(low) - 1e-9), np.floor(np.log10(high) + 1e-9) + 1)
    step = max(1, round(len(powers) / 6))
    ticks = [float(10.0**power) for power in powers[::-1][::step]]
    return alt.Axis(values=ticks, format=",~r", grid=True)

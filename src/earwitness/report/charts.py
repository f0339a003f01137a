"""The charts of the report and of an inspection, each with the numbers behind it.

Goal: static drawings that are readable in print, on any screen and without colour vision.
Conventions: one colour for each set everywhere (Okabe and Ito's vermilion and blue), white
ground, every chart comes with the table of what it shows; nothing is computed that is not
in the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import scipy

from earwitness.findings.record import Property
from earwitness.report.feature_names import FeatureName
from earwitness.report.svg import INK, POINT, Drawing, chart_svg
from earwitness.report.wording import ROLE_NAMES
from earwitness.stats.aa import AAControl
from earwitness.text import harmless
from earwitness.types import Floats
from earwitness.verdict.numbers import decimal, percent
from earwitness.verdict.plots import ResultPlots
from earwitness.verdict.result import DatasetInferenceResult, FeatureResult, TrackResult

COLOURS = {"suspect": "#d55e00", "held_out": "#0072b2"}
_BAND = "#e9e9e9"
_WIDTH = 620
_SMOOTH_FROM = 20
_DOTS_UP_TO = 1500
_BARS = 10
_LANE = 24
_PROPERTIES = 12
_Record = dict[str, str | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawing as inline SVG, and its data as a table."""

    svg: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    dots_are_percentiles: bool = False


def score_figure(tracks: Sequence[TrackResult], names: Mapping[str, str] | None = None) -> Figure | None:
    """Draw the track scores of both sets: a smooth outline over one row of dots per set.

    The outline (a Gaussian kernel density) is left out under 20 tracks per set, where it
    would suggest more than is known. ``names`` by track id are shown where a pointer rests, with group and score.
    Above 1,500 tracks the dots are the percentiles 0.5, 1.5 … 99.5 of the set instead of single tracks. ``None``
    without finite scores in both sets.
    """
    scores = {role: _finite([t.score for t in tracks if t.role == role]) for role in COLOURS}
    if any(len(values) == 0 for values in scores.values()):
        return None
    percentiles = max(len(values) for values in scores.values()) > _DOTS_UP_TO
    dots = {
        role: [(float(score), "") for score in np.quantile(values, (np.arange(100) + 0.5) / 100)]
        if percentiles
        else _named(tracks, role, names)
        for role, values in scores.items()
    }
    strips = _strips(dots, {role: float(np.median(values)) for role, values in scores.items()})
    smooth = all(len(values) >= _SMOOTH_FROM and np.ptp(values) > 0 for values in scores.values())
    chart = (
        alt.vconcat(_outlines(scores), strips, spacing=4 if names is None else _LANE).resolve_scale(x="shared")
        if smooth
        else strips
    )
    return Figure(
        title="Track scores of the two sets",
        svg=chart_svg(
            chart,
            name="scores",
            title="Track scores of the two sets",
            description="; ".join(
                f"{ROLE_NAMES[role]}: {len(v)} tracks, median {decimal(float(np.median(v)))}"
                for role, v in scores.items()
            )
            + ". Further to the right means more member-like.",
        ),
        columns=("Set", "Tracks", "Lowest", "Lower quartile", "Median", "Upper quartile", "Highest", "Mean"),
        rows=tuple(_summary(ROLE_NAMES[role], values) for role, values in scores.items()),
        dots_are_percentiles=percentiles,
    )


def roc_figure(result: DatasetInferenceResult) -> Figure | None:
    """Draw the ROC of the track scores; ``None`` without finite scores in both sets.

    The table says which share of the suspect tracks lies above the score that 1, 5, 10, 25 and 50 % of the held-out
    tracks exceed.
    """
    scores = {role: _finite([t.score for t in result.tracks if t.role == role]) for role in COLOURS}
    if any(len(values) == 0 for values in scores.values()):
        return None
    rows = []
    for share in (0.01, 0.05, 0.1, 0.25, 0.5):
        above = float(np.quantile(scores["held_out"], 1 - share, method="higher"))
        rows.append((percent(share), percent(float(np.mean(scores["suspect"] > above)))))
    auc = result.auc.estimate if result.auc else None
    return Figure(
        title="ROC of the track scores",
        svg=chart_svg(
            ResultPlots(result).roc(),
            name="roc",
            title="ROC of the track scores",
            description=("" if auc is None else f"The area under the curve is {decimal(auc)}. ")
            + "; ".join(f"{there} of held-out tracks above a score, {here} of suspect tracks" for there, here in rows)
            + ".",
        ),
        columns=("Held-out tracks above a score", "Suspect tracks above it"),
        rows=tuple(rows),
    )


def uniformity_figure(a_a: AAControl) -> Figure | None:
    """Draw the control's p-values in ten bars beside the count expected of an honest test.

    The grey band holds 95 % of the counts of a bar when p-values are uniform and runs
    independent: binomial(runs, 0.1). ``None`` where the p-values were not kept.
    """
    p_values = _finite(a_a.p_values)
    if len(p_values) == 0:
        return None
    # A p-value on an edge belongs to the bar below it, as in "p ≤ α".
    bar = np.clip(np.ceil(p_values * _BARS - 1e-9).astype(int) - 1, 0, _BARS - 1)
    counts = np.bincount(bar, minlength=_BARS)
    expected = len(p_values) / _BARS
    low, high = (float(scipy.stats.binom.ppf(q, len(p_values), 1 / _BARS)) for q in (0.025, 0.975))
    records: list[_Record] = [
        {"from": i / _BARS, "to": (i + 1) / _BARS, "zero": 0.0, "runs": float(n)} for i, n in enumerate(counts)
    ]
    span = _inline([{"from": 0.0, "to": 1.0, "low": low, "high": high, "expected": expected}])
    x = alt.X("from:Q", title="p-value of the control run", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=10))
    band = alt.Chart(span).mark_rect(color=_BAND).encode(x=x, x2="to", y="low:Q", y2="high")
    bars = (
        alt.Chart(_inline(records))
        .mark_rect(color=COLOURS["held_out"], opacity=0.8, stroke="white", strokeWidth=2)
        .encode(x=x, x2="to", y=alt.Y("runs:Q", title="control runs", axis=alt.Axis(tickMinStep=1)), y2="zero")
    )
    line = alt.Chart(span).mark_rule(color=INK, strokeDash=[6, 4], strokeWidth=1.5).encode(y="expected:Q")
    return Figure(
        title="p-values of the control runs",
        svg=chart_svg(
            alt.layer(band, bars, line).properties(width=_WIDTH, height=190),
            name="control",
            title="p-values of the control runs",
            description=f"{len(p_values)} runs in ten bars of equal width; about {expected:g} are expected in each.",
        ),
        columns=("p-value above", "up to", "Runs", "Expected"),
        rows=tuple(
            (decimal(i / _BARS, 1), decimal((i + 1) / _BARS, 1), str(n), f"{expected:g}") for i, n in enumerate(counts)
        ),
    )


def family_figure(features: Sequence[FeatureResult]) -> Figure | None:
    """Draw every feature's AUC in its member direction by signal family, one panel per codebook.

    Features without a known direction or AUC are left out; ``None`` where none remain.
    """
    records: list[_Record] = []
    for feature in features:
        if feature.auc is None or not np.isfinite(feature.auc) or feature.member_is.sign == 0:
            continue
        name = FeatureName.parse(harmless(feature.name))
        counted = "counted in the score" if feature.weight else "not counted"
        where = {None: "", "all": "all codebooks"}.get(name.codebook, f"codebook {name.codebook}")
        records.append(
            {"family": name.family, "where": where, "settings": name.settings, "auc": feature.auc, "use": counted}
        )
    if not records:
        return None
    columns = sorted({str(record["where"]) for record in records}, key=_codebook_order)
    families = list(dict.fromkeys(str(record["family"]) for record in records))
    reach = max(0.1, *(abs(float(record["auc"]) - 0.5) + 0.02 for record in records))
    uses = ["counted in the score", "not counted"]
    data = _inline(records)
    scale = alt.Scale(domain=[0.5 - reach, 0.5 + reach], nice=False, zero=False)
    chance = alt.Chart(data).mark_rule(color=INK, strokeDash=[4, 3]).encode(x=alt.XDatum(0.5, scale=scale))
    dots = (
        alt.Chart(data)
        .mark_point(size=46, stroke=INK, strokeWidth=1.2, opacity=0.85)
        .encode(
            x=alt.X(
                "auc:Q",
                title="AUC in the member direction",
                scale=scale,
                axis=alt.Axis(tickCount=8, format=".2f"),
            ),
            y=alt.Y("family:N", title=None, sort=families),
            fill=alt.Fill("use:N", title=None, scale=alt.Scale(domain=uses, range=[INK, "white"])),
        )
    )
    layers = alt.layer(chance, dots, data=data).properties(width=_WIDTH - 120, height=alt.Step(22))
    faceted = columns != [""]
    chart = (
        layers.facet(
            row=alt.Row("where:N", title=None, sort=columns, header=alt.Header(labelAngle=0, labelAlign="left")),
            spacing=10,
        )
        if faceted
        else layers
    )
    return Figure(
        title="AUC of every feature by signal family",
        svg=chart_svg(
            chart,
            name="families",
            title="AUC of every feature by signal family",
            description="One dot per feature; 0.5 is chance, further right, suspect tracks look more member-like.",
        ),
        columns=("Signal family", "Codebook", "Setting", "AUC in the member direction"),
        rows=tuple(
            (str(r["family"]), str(r["where"]), str(r["settings"]), decimal(float(r["auc"]), 3)) for r in records
        ),
    )


def property_figure(properties: Sequence[Property]) -> Figure | None:
    """Draw by how much each of the first properties tells the sets apart: its AUC and 95 % interval.

    ``None`` without properties that have an interval.
    """
    records: list[_Record] = [
        {"property": harmless(found.name), "auc": found.auc, "low": found.low, "high": found.high}
        for found in properties[:_PROPERTIES]
        if found.low is not None and found.high is not None
    ]
    if not records:
        return None
    data = _inline(records)
    scale = alt.Scale(domain=[0, 1])
    order = [str(record["property"]) for record in records]
    names = alt.Y("property:N", title=None, sort=order)
    x = alt.X("auc:Q", title="AUC: 0 held-out tracks have more of it, 1 suspect tracks have", scale=scale)
    chance = alt.Chart(data).mark_rule(color=INK, strokeDash=[4, 3]).encode(x=alt.XDatum(0.5, scale=scale))
    spans = alt.Chart(data).mark_rule(color=INK).encode(x=alt.X("low:Q", scale=scale, title=None), x2="high", y=names)
    dots = alt.Chart(data).mark_circle(size=60, color=COLOURS["suspect"], opacity=1).encode(x=x, y=names)
    return Figure(
        title="Properties of the files that tell the sets apart",
        svg=chart_svg(
            alt.layer(chance, spans, dots).properties(width=_WIDTH - 120, height=alt.Step(22)),
            name="properties",
            title="Properties of the files that tell the sets apart",
            description="One dot a property with its interval; 0.5 is chance.",
        ),
        columns=("Property", "AUC", "From", "To"),
        rows=tuple(
            (str(r["property"]), *(decimal(float(r[key]), 3) for key in ("auc", "low", "high"))) for r in records
        ),
    )


def _outlines(scores: dict[str, Floats]) -> Drawing:
    everything = np.concatenate(list(scores.values()))
    margin = 0.2 * float(np.ptp(everything))
    grid = np.linspace(everything.min() - margin, everything.max() + margin, 160)
    records: list[_Record] = [
        {"set": ROLE_NAMES[role], "score": float(x), "density": float(y)}
        for role, values in scores.items()
        for x, y in zip(grid, scipy.stats.gaussian_kde(values)(grid), strict=True)
    ]
    outlines: Drawing = (
        alt.Chart(_inline(records))
        .mark_area(opacity=0.22, line={"strokeWidth": 2})
        .encode(
            x=alt.X("score:Q", axis=alt.Axis(title=None, labels=False, ticks=False)),
            y=alt.Y("density:Q", stack=None, title="density", axis=alt.Axis(labels=False, ticks=False, grid=False)),
            color=_set_colour(legend=alt.Legend(title=None, orient="top", symbolType="square")),
        )
        .properties(width=_WIDTH, height=150)
    )
    return outlines


def _named(tracks: Sequence[TrackResult], role: str, names: Mapping[str, str] | None) -> list[tuple[float, str]]:
    """Score of each track of a set, and what is shown where a pointer rests on its dot."""
    return [
        (t.score, "" if names is None else f"{names.get(t.track_id, t.track_id)} · {t.group} · {decimal(t.score)}")
        for t in tracks
        if t.role == role and np.isfinite(t.score)
    ]


def _strips(dots: dict[str, list[tuple[float, str]]], medians: dict[str, float]) -> Drawing:
    # Golden-ratio offsets spread neighbours evenly without any randomness.
    records: list[_Record] = [
        {"set": ROLE_NAMES[role], "score": score, "offset": float((i * 0.6180339887) % 1),
         "told": POINT + harmless(told) if told else ""}
        for role, values in dots.items()
        for i, (score, told) in enumerate(sorted(values))
    ]  # fmt: skip
    centres: list[_Record] = [{"set": ROLE_NAMES[role], "score": value} for role, value in medians.items()]
    rows = alt.Y("set:N", title=None, sort=[ROLE_NAMES[role] for role in COLOURS])
    x = alt.X("score:Q", title="track score: further right is more member-like", scale=alt.Scale(zero=False))
    size = 70 if max(map(len, dots.values())) < _SMOOTH_FROM else 22
    points = (
        alt.Chart(_inline(records))
        .mark_circle(size=size, opacity=0.65)
        .encode(
            x=x,
            y=rows,
            yOffset=alt.YOffset("offset:Q", scale=alt.Scale(domain=[-0.4, 1.4])),
            color=_set_colour(),
            description="told:N",
        )
    )
    middle = alt.Chart(_inline(centres)).mark_tick(color=INK, thickness=3, size=36, opacity=1).encode(x=x, y=rows)
    return alt.layer(points, middle).properties(width=_WIDTH, height=alt.Step(46))


def _set_colour(legend: alt.Legend | None = None) -> alt.Color:
    return alt.Color(
        "set:N",
        legend=legend,
        scale=alt.Scale(domain=[ROLE_NAMES[role] for role in COLOURS], range=list(COLOURS.values())),
    )


def _codebook_order(label: str) -> tuple[int, int, str]:
    """Codebooks by number, then all of them together, then anything else by name."""
    number = label.removeprefix("codebook ")
    return (0, int(number), "") if number.isdigit() else (1 if number == "all codebooks" else 2, 0, label)


def _inline(records: list[_Record]) -> alt.InlineData:
    return alt.InlineData(values=records)


def _finite(values: Sequence[float]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]


def _summary(name: str, values: Floats) -> tuple[str, ...]:
    quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    return (name, str(len(values)), *(decimal(float(value)) for value in quartiles), decimal(float(values.mean())))

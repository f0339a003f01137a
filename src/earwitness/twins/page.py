"""The one-page reading of a keyed-twins run: its own page, beside an ordinary report and never part of one.

Goal: what was found, how to read it and what it rests on, under the rules of the report's page (self-contained, no
script, everything from outside escaped). Conventions: what was found is said by `earwitness.verdict.wording`.
"""

from pathlib import Path

import altair as alt
import numpy as np
import scipy

from earwitness.files import write_text
from earwitness.measure.plan import PLAN_NAME, Plan
from earwitness.report.charts import COLOURS, Figure
from earwitness.report.html import page_environment
from earwitness.report.svg import INK, chart_svg
from earwitness.report.tables import CellTable
from earwitness.report.wording import Point
from earwitness.twins.seal import Seal
from earwitness.twins.verdict import TwinsResult, Work
from earwitness.verdict.numbers import count, decimal, frequency
from earwitness.verdict.wording import VERDICT_NAMES, twins_headline

_BAND, _WIDTH, _MOST_BARS = "#e9e9e9", 620, 10


def render_twins(result: TwinsResult, seal: Seal, *, target: str | None = None) -> str:
    """Render a result and the seal that it was made under as one HTML document."""
    return (
        page_environment()
        .get_template("twins.html.j2")
        .render(
            result=result,
            title="Keyed twins: was the published copy of each work learnt?",
            verdict=VERDICT_NAMES[result.verdict],
            headline=twins_headline(result.verdict),
            facts=_facts(result, seal, target),
            how_to_read=_how_to_read(result),
            figure=place_figure(result.works),
            works=_table(result.works),
            limits=_limits(seal),
        )
    )


def write_twins(run: Path, record: Path, result: TwinsResult, seal: Seal) -> Path:
    """Write the page of a record beside it (``twins.html`` beside ``twins.json``); returns its path."""
    target = Plan.read(run).target if (run / PLAN_NAME).exists() else None
    path = record.with_suffix(".html")
    write_text(path, render_twins(result, seal, target=target.name if target else None))
    return path


def place_figure(works: list[Work]) -> Figure | None:
    """Draw how many published copies stand where among their twins, beside what chance gives; ``None`` without works.

    As many bars as a work has copies (at most ten); places of works with fewer or more copies are put where their
    share falls.
    """
    if not works:
        return None
    bars = min(max(work.twins for work in works) + 1, _MOST_BARS)
    places = np.array([work.above / work.twins for work in works])
    counts = np.bincount(np.minimum((places * bars).astype(int), bars - 1), minlength=bars)
    expected = len(works) / bars
    low, high = (float(scipy.stats.binom.ppf(q, len(works), 1 / bars)) for q in (0.025, 0.975))
    x = alt.X(
        "from:Q", title="share of its twins that a published copy scores above",
        scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=5, format=".0%"),
    )  # fmt: skip
    span = alt.InlineData(values=[{"from": 0.0, "to": 1.0, "low": low, "high": high, "expected": expected}])
    records = [{"from": i / bars, "to": (i + 1) / bars, "zero": 0, "works": int(n)} for i, n in enumerate(counts)]
    band = alt.Chart(span).mark_rect(color=_BAND).encode(x=x, x2="to", y="low:Q", y2="high")
    drawn = (
        alt.Chart(alt.InlineData(values=records))
        .mark_rect(color=COLOURS["suspect"], opacity=0.8, stroke="white", strokeWidth=2)
        .encode(x=x, x2="to", y=alt.Y("works:Q", title="works", axis=alt.Axis(tickMinStep=1)), y2="zero")
    )
    line = alt.Chart(span).mark_rule(color=INK, strokeDash=[6, 4], strokeWidth=1.5).encode(y="expected:Q")
    title = "Places of the published copies among their twins"
    return Figure(
        title=title,
        svg=chart_svg(
            alt.layer(band, drawn, line).properties(width=_WIDTH, height=190), name="places", title=title,
            description=f"{len(works)} works in {bars} bars; about {expected:.3g} are expected in each, and further to "
            "the right the published copy is the more member-like one.",
        ),
        columns=("Share of twins below, from", "to", "Works", "Expected"),
        rows=tuple(
            (decimal(i / bars), decimal((i + 1) / bars), str(n), f"{expected:.3g}") for i, n in enumerate(counts)
        ),
    )  # fmt: skip


def _facts(result: TwinsResult, seal: Seal, target: str | None) -> list[tuple[str, str]]:
    copies = sorted({len(work.copies) for work in seal.works})
    between = str(copies[0]) if len(copies) == 1 else f"{copies[0]} to {copies[-1]}"
    facts = [("Model examined", target)] if target else []
    facts += [
        ("Works", f"{count(len(result.works) or len(seal.works))}, of which {between} copies each were sealed"),
        ("Marks", f"{', '.join(seal.marks)}, at strength {seal.strength:g}"),
        ("The seal, SHA-256", seal.sha256),
        ("Commitment to the key", seal.key_commitment),
        ("Beacon", seal.beacon or "none"),
    ]
    return [*facts, *([("The plan", result.plan_hash)] if result.plan_hash else [])]


def _how_to_read(result: TwinsResult) -> list[str]:
    if result.p_value is None:
        return []
    return [
        "A key, which nobody could choose to suit the model, drew which copy of each work was published. Had the model "
        "never met the works, or met them without learning what tells their copies apart, a preference for the "
        f"published copies this strong would come about in {frequency(result.p_value)} draws. This holds whatever the "
        "model, the music and the artist: the other draws are compared on the same answers."
    ]


def _limits(seal: Seal) -> list[Point]:
    chosen = (
        "The draw also hangs on a public text, the beacon; if nobody could know it when the commitment to the key was "
        "given away, not even the owner of the works could choose the draw."
        if seal.beacon
        else "No beacon was used: the owner of the works could have tried keys, if the model existed before the seal."
    )
    return [
        Point(heading="The key was secret.", text="Until publication nobody but its owner could tell which copy it "
              f"draws. {chosen}"),
        Point(heading="The seal came first.", text="Its hash has to have been stamped or published by somebody else "
              "before the works were. This page cannot show that."),
        Point(heading="Only the drawn copies were published.", text="A twin that got out may have been trained on too; "
              "that hides a use, it cannot feign one."),
        Point(heading="No preference is no proof of absence.", text="Most models cannot tell slight marks apart; how "
              "large a part training has to play before this test finds it was measured on small models."),
        Point(heading="It stands by itself.", text="No held-out set was used and no blind gate was needed. Its p-value "
              "is not to be combined with that of an ordinary audit of the same works: both ask the same model about "
              "the same music."),
    ]  # fmt: skip


def _table(works: list[Work]) -> CellTable:
    return CellTable(
        columns=("Work", "Twins", "Twins below the published copy"),
        rows=tuple((work.name, count(work.twins), f"{work.above:g}") for work in works),
        numeric=frozenset({1, 2}),
    )

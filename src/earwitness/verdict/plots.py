"""Charts of a result, for a notebook and for the report: altair charts that recompute no test.

Goal: ``result.plot.scores()``, ``roc()``, ``power()`` and ``signals()``. Conventions: suspect is vermilion and held-out
blue everywhere (Okabe and Ito); further right is more member-like; names are strangers' input and are cleaned.
"""

from dataclasses import dataclass

import altair as alt
import numpy as np
from sklearn.metrics import roc_curve

from earwitness.stats.power import power_from_smallest
from earwitness.text import harmless
from earwitness.types import Floats
from earwitness.verdict.result import DatasetInferenceResult

INK = "#222222"
COLOURS = {"suspect": "#d55e00", "held_out": "#0072b2"}
ROLE_NAMES = {"suspect": "Suspect", "held_out": "Held-out"}
WIDTH = 620
_GOLDEN = 0.6180339887
_CORNERS = 1_000
_Record = dict[str, str | float]
Layers = alt.LayerChart | alt.FacetChart


@dataclass(frozen=True, slots=True)
class ResultPlots:
    """The charts of one result; each raises ``ValueError`` where the result holds nothing to draw."""

    result: DatasetInferenceResult

    def scores(self) -> alt.Chart:
        """Draw every track as a point: its score, by set; hovering names track, group and score."""
        records: list[_Record] = []
        for role in COLOURS:
            tracks = sorted((t for t in self.result.tracks if t.role == role), key=lambda track: track.score)
            records += [
                {"set": ROLE_NAMES[role], "score": t.score, "track": _clean(t.track_id), "group": _clean(t.group),
                 "place": (i * _GOLDEN) % 1}
                for i, t in enumerate(tracks) if np.isfinite(t.score)
            ]  # fmt: skip
        _need(records, "track scores")
        chart: alt.Chart = (
            alt.Chart(alt.InlineData(values=records), title="Track scores of the two sets")
            .mark_circle(size=40, opacity=0.7)
            .encode(
                x=alt.X("score:Q", title="track score: further right is more member-like", scale=alt.Scale(zero=False)),
                y=alt.Y("set:N", title=None, sort=list(ROLE_NAMES.values())),
                yOffset=alt.YOffset("place:Q", scale=alt.Scale(domain=[-0.4, 1.4])),
                color=set_colour(),
                tooltip=["track:N", "group:N", "set:N", alt.Tooltip("score:Q", format=".3f")],
            )
            .properties(width=WIDTH, height=alt.Step(60))
        )
        return chart

    def roc(self) -> Layers:
        """Draw the share of suspect tracks above a score against that of held-out tracks, at up to 1,000 scores."""
        scores = {role: _scores(self.result, role) for role in COLOURS}
        _need(scores["suspect"], "track scores of the suspect set")
        _need(scores["held_out"], "track scores of the held-out set")
        labels = np.repeat([1, 0], [len(scores["suspect"]), len(scores["held_out"])])
        false, true, _ = roc_curve(labels, np.concatenate([scores["suspect"], scores["held_out"]]))
        if len(false) > _CORNERS:
            # Finer than a pixel nothing shows: corners at equal distances along the curve.
            kept = np.unique(np.searchsorted(false + true, np.linspace(0, 2, _CORNERS)).clip(max=len(false) - 1))
            false, true = false[kept], true[kept]
        curve: list[_Record] = [
            {"order": float(i), "false": float(x), "true": float(y)}
            for i, (x, y) in enumerate(zip(false, true, strict=True))
        ]
        chance: list[_Record] = [{"false": 0.0, "true": 0.0}, {"false": 1.0, "true": 1.0}]
        x = alt.X("false:Q", title="share of held-out tracks above a score", scale=alt.Scale(domain=[0, 1]))
        y = alt.Y("true:Q", title="share of suspect tracks above it", scale=alt.Scale(domain=[0, 1]))
        line = (
            alt.Chart(alt.InlineData(values=curve))
            .mark_line(color=COLOURS["suspect"], interpolate="linear")
            .encode(x=x, y=y, order="order:Q")
        )
        dashed = alt.Chart(alt.InlineData(values=chance)).mark_line(color=INK, strokeDash=[4, 3], strokeWidth=1)
        title = "ROC of the track scores"
        if self.result.auc is not None and self.result.auc.estimate is not None:
            title += f": AUC {self.result.auc.estimate:.2f}"
        return alt.layer(dashed.encode(x=x, y=y), line).properties(width=300, height=300, title=title)

    def power(self) -> Layers:
        """Draw the chance of finding an effect of each size with these sets, through the recorded smallest one."""
        smallest = self.result.power.minimum_detectable_auc if self.result.power else None
        if smallest is None or not 0.5 < smallest < 1:
            raise ValueError("This result holds no smallest detectable AUC, so there is no power to draw.")
        aucs = np.linspace(0.5, max(0.8, min(smallest + 0.1, 0.99)), 121)
        powers = power_from_smallest(aucs, smallest, alpha=self.result.alpha)
        records: list[_Record] = [{"auc": float(a), "power": float(p)} for a, p in zip(aucs, powers, strict=True)]
        found: list[_Record] = [{"auc": smallest, "power": 0.8, "told": f"AUC {smallest:.2f} with power 0.8"}]
        x = alt.X("auc:Q", title="AUC of a track", scale=alt.Scale(domain=[0.5, float(aucs[-1])], nice=False))
        y = alt.Y("power:Q", title="chance that it is found", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
        line = alt.Chart(alt.InlineData(values=records)).mark_line(color=INK).encode(x=x, y=y)
        point = alt.Chart(alt.InlineData(values=found)).mark_point(color=INK, filled=True, size=70).encode(x=x, y=y)
        told = point.mark_text(align="left", dx=9, dy=4, color=INK).encode(text="told:N")
        title = f"Power at level {self.result.alpha:g}, by the normal approximation"
        return alt.layer(line, point, told).properties(width=WIDTH, height=220, title=title)

    def signals(self, most: int = 30) -> Layers:
        """Draw the AUC of the ``most`` heaviest features in the direction that training moves them; 0.5 is chance."""
        known = [f for f in self.result.features if f.auc is not None and np.isfinite(f.auc) and f.member_is.sign]
        _need(known, "features of known direction")
        heaviest = sorted(known, key=lambda f: (-(f.weight or 0.0), -(f.auc or 0.0), f.name))[:most]
        records: list[_Record] = [
            {"feature": _clean(f.name), "auc": f.auc or 0.0, "weight": f.weight or 0.0, "chance": 0.5,
             "use": "counted in the score" if f.weight else "not counted"}
            for f in heaviest
        ]  # fmt: skip
        reach = max(0.1, *(abs(float(record["auc"]) - 0.5) + 0.02 for record in records))
        scale = alt.Scale(domain=[max(0.0, 0.5 - reach), min(1.0, 0.5 + reach)], nice=False, zero=False)
        data = alt.InlineData(values=records)
        x = alt.X("auc:Q", title="AUC in the member direction", scale=scale, axis=alt.Axis(tickCount=8, format=".2f"))
        y = alt.Y("feature:N", title=None, sort=[str(r["feature"]) for r in records], axis=alt.Axis(labelLimit=320))
        uses = ["counted in the score", "not counted"]
        stems = alt.Chart(data).mark_rule(color=INK, strokeWidth=1).encode(x=x, x2="chance:Q", y=y)
        dots = (
            alt.Chart(data)
            .mark_point(size=60, stroke=INK, strokeWidth=1.2, opacity=1)
            .encode(
                x=x, y=y,
                fill=alt.Fill("use:N", title=None, scale=alt.Scale(domain=uses, range=[INK, "white"])),
                tooltip=["feature:N", alt.Tooltip("auc:Q", format=".3f"), alt.Tooltip("weight:Q", format=".3f")],
            )
        )  # fmt: skip
        chance = alt.Chart(data).mark_rule(color=INK, strokeDash=[4, 3]).encode(x=alt.XDatum(0.5, scale=scale))
        return alt.layer(chance, stems, dots).properties(width=380, height=alt.Step(20))


def set_colour(legend: alt.Legend | None = None) -> alt.Color:
    """Colour by ``set``: the same two everywhere."""
    return alt.Color(
        "set:N", legend=legend, scale=alt.Scale(domain=list(ROLE_NAMES.values()), range=list(COLOURS.values()))
    )


def _scores(result: DatasetInferenceResult, role: str) -> Floats:
    values = np.array([track.score for track in result.tracks if track.role == role], dtype=np.float64)
    return values[np.isfinite(values)]


def _need(found: object, what: str) -> None:
    if not len(found):  # type: ignore[arg-type]
        raise ValueError(f"This result holds no {what} to draw.")


def _clean(text: str) -> str:
    return str(harmless(text))

"""The figures box: what was measured, in the order in which it should be read.

Goal: one list for the terminal and the page, so that both always say the same.
"""

from dataclasses import dataclass

from earwitness.report.wording import floor_source
from earwitness.stats.aa import AAControl
from earwitness.verdict.numbers import ABSENT, count, decimal, interval, is_known, p_value, percent
from earwitness.verdict.result import DatasetInferenceResult, Tipping
from earwitness.verdict.strength_wording import wealth, word_of
from earwitness.verdict.wording import sayable

_MOST_TRACKS = 10_000


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A measured quantity, its value as text, and what it is in a few words."""

    label: str
    value: str
    note: str

    @property
    def known(self) -> bool:
        """Whether the run computed it."""
        return self.value != ABSENT


def key_figures(result: DatasetInferenceResult) -> list[KeyFigure]:
    """All headline figures; those that a run did not compute have an em dash for a value.

    The share used is stated under a positive verdict on sets that are alike without the model, and where its
    bound is above zero: otherwise it says nothing.
    """
    alpha, power = result.alpha, result.power
    figures = [
        KeyFigure(
            "p-value",
            p_value(result.p_value, alpha=alpha),
            "how often so large a difference appears between sets that are alike for the model",
        ),
        KeyFigure("smallest possible p-value", p_value(result.p_value_floor, alpha=alpha), floor_source(result)),
        KeyFigure("threshold α", f"{alpha:g}", "evidence of use needs a p-value at or below it"),
        _auc(result),
        KeyFigure(
            "A/A false alarms with 95\N{NO-BREAK SPACE}% interval",
            _control(result.a_a),
            _control_note(result.a_a),
        ),
        KeyFigure(
            "smallest AUC seen with power 0.8",
            decimal(power.minimum_detectable_auc if power else None),
            "a smaller effect may escape an audit of this size",
        ),
        KeyFigure(
            "tracks per side needed",
            _needed(power.tracks_needed if power else None),
            "to find the AUC seen here with power 0.8",
        ),
        KeyFigure(
            "unconstrained p-value",
            p_value(result.unconstrained_p_value, alpha=alpha),
            "for a difference in any direction, not only in that of training",
        ),
        KeyFigure(
            "e-value",
            ABSENT if result.e_value is None or not is_known(result.e_value) else wealth(result.e_value),
            f"evidence that stays valid as tracks are added; {1 / alpha:g} or more rejects at α",
        ),
    ]
    if (word := word_of(result)) is not None:
        figures.append(
            KeyFigure("strength in words", word, "for use over sets that are alike; ENFSI’s scale, by the e-value")
        )
    if result.tipping is not None:
        figures.append(_tipping(result.tipping))
    if result.track_wise and result.fraction is not None and sayable(result.fraction.lower):
        estimate = result.fraction.estimate
        figures.append(
            KeyFigure(
                "share of the suspect set used",
                f"at least {percent(result.fraction.lower)}",
                "lower confidence bound"
                + (f"; point estimate, without guarantee: {percent(estimate)}" if is_known(estimate) else ""),
            )
        )
    return figures


def _needed(tracks: int | None) -> str:
    """Beyond ten thousand the number is that of an effect near none, and no plan for anybody."""
    return count(tracks) if tracks is None or tracks <= _MOST_TRACKS else f"more than {count(_MOST_TRACKS)}"


def _auc(result: DatasetInferenceResult) -> KeyFigure:
    """The effect; where the sets were not shown to be alike without the model, it is not called the model's."""
    if result.alike:
        label, note = "AUC", "0.5 is chance, 1 is complete separation of the two sets"
    else:
        label, note = "unadjusted AUC", "may hold what tells the two sets apart without the model; 0.5 is chance"
    return KeyFigure(f"{label} with 95\N{NO-BREAK SPACE}% interval", interval(result.auc), note)


def _tipping(tipping: Tipping) -> KeyFigure:
    """How strong an unmeasured difference would have to be, and what the measured ones leave."""
    left = percent(None if tipping.ratio is None else min(max(tipping.ratio, 0.0), 1.0))
    listed = [f"{decimal(one.multiple, 1)} × {one.name}" for one in tipping.strongest if one.multiple is not None]
    return KeyFigure(
        "an unmeasured difference that would explain it",
        (" or ".join(listed[:1]) if tipping.needed else "none is needed") if listed else ABSENT,
        f"in multiples of what a measured one explains; {left} of the effect is left when all measured are balanced"
        + (f"; {', '.join(listed[1:])}" if tipping.needed and len(listed) > 1 else ""),
    )


def _control(a_a: AAControl | None) -> str:
    if a_a is None:
        return ABSENT
    return f"{percent(a_a.rejection_rate)} ({percent(a_a.low)} to {percent(a_a.high)})"


def _control_note(a_a: AAControl | None) -> str:
    runs = "" if a_a is None else f", from {count(a_a.runs)} runs"
    return f"the test’s own error rate{runs} of comparable music against itself"

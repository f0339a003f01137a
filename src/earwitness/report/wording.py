"""The verdict in plain words: what was found, what it means, what it does not mean.

Goal: sentences that a lawyer can read aloud and a statistician can sign. Conventions: a
p-value is the frequency of such a difference *if the model had no reason to treat the two
sets differently*; it is never turned into a probability that the music was used, and
neither guilt nor innocence is ever stated.
"""

from dataclasses import dataclass

from earwitness.report.numbers import count, decimal, frequency, is_known, p_value, percent
from earwitness.stats.aa import AAControl
from earwitness.verdict.result import Blind, DatasetInferenceResult, Verdict

ROLE_NAMES = {"suspect": "Suspect", "held_out": "Held-out", "member": "Member", "non_member": "Non-member"}
VERDICT_NAMES: dict[Verdict, str] = {
    "evidence_of_use": "Evidence of use",
    "no_evidence": "No evidence of use at this power",
    "inconclusive": "Inconclusive",
    "cannot_be_tested": "Cannot be tested",
}
_HEADLINES: dict[Verdict, str] = {
    "evidence_of_use": "This model answers the suspect tracks as if it knew them better than comparable music "
    "that it cannot know.",
    "no_evidence": "This audit found no sign that the model knows the suspect tracks; a small effect could have "
    "escaped it.",
    "inconclusive": "This audit does not settle whether the model was trained on the suspect tracks.",
    "cannot_be_tested": "These two sets cannot give an answer, whatever the model does.",
}


_PUBLISHED_HEADLINES = {
    "member": "A published procedure tells the two sets apart, the suspect tracks being the more member-like; this "
    "alone is no evidence of use.",
    "away": "A published procedure tells the two sets apart, but the suspect tracks are the less member-like: the "
    "opposite of what training does.",
    None: "A published procedure does not tell the two sets apart.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A short heading and the sentence that belongs to it."""

    heading: str
    text: str


def headline(result: DatasetInferenceResult) -> str:
    """The verdict in one sentence, without figures."""
    if not result.is_exact and result.p_value is not None:
        return _PUBLISHED_HEADLINES[None if result.p_value > result.alpha else result.direction]
    return _HEADLINES[result.verdict]


def p_statement(result: DatasetInferenceResult) -> str:
    """``p = 0.0004``; at the floor with the reason why it cannot be smaller."""
    if result.p_value is None or not is_known(result.p_value):
        return "no p-value was computed"
    stated = f"p = {p_value(result.p_value, alpha=result.alpha)}"
    if result.p_value_floor is None or result.p_value > result.p_value_floor * (1 + 1e-9):
        return stated
    return f"{stated}, {floor_source(result)}"


def floor_source(result: DatasetInferenceResult) -> str:
    """What keeps the p-value from being smaller: the number of permutations, or of groups."""
    if is_sampled(result):
        return f"the smallest value {count(result.permutations)} permutations can give"
    return "the smallest value that so few groups can give"


def is_sampled(result: DatasetInferenceResult) -> bool:
    """Whether permutations were drawn at random, so that their number sets the floor 1/(1 + B)."""
    floor, draws = result.p_value_floor, result.permutations
    return draws is not None and floor is not None and abs(floor * (draws + 1) - 1) < 1e-6


def meaning(result: DatasetInferenceResult) -> list[str]:
    """The paragraphs that explain the verdict with its figures."""
    paragraphs = {
        "evidence_of_use": _evidence,
        "no_evidence": _no_evidence,
        "inconclusive": _inconclusive,
        "cannot_be_tested": _cannot_be_tested,
    }[result.verdict](result)
    if result.p_value is not None and not result.is_exact:
        paragraphs.append(
            f"The p-value comes from the published procedure “{result.method}”, which is not exact: its rate of false "
            "alarms can exceed the nominal one. Read it beside the measured error rate below."
        )
    return paragraphs


def not_meant(result: DatasetInferenceResult) -> list[Point]:
    """What a reader must not take the verdict for; the weightiest first."""
    points = [
        Point(
            heading="It rests on the comparability of the two sets.",
            text="The test asks whether suspect and held-out music are exchangeable with respect to this model’s "
            "behaviour. If they differ in other ways that the model reacts to (period, genre, production, file "
            "format, popularity), that difference alone can produce the result. No calculation can show that two "
            "sets are comparable in every respect.",
        ),
        Point(
            heading="It is not proof of training.",
            text="Membership inference alone cannot prove that a model was trained on given data, because nobody can "
            "retrain the model without them and look (Zhang et al., arXiv 2409.19798). Randomised marks placed "
            "before publication, watermarks, or passages that the model reproduces are stronger evidence.",
        ),
        Point(
            heading="It says nothing about how the music would have reached the model.",
            text="Other releases, copies or excerpts of the same recordings can have the same effect as the "
            "files examined here. The verdict is a measurement and no legal finding.",
        ),
        Point(
            heading="It speaks of the set, not of any single track.",
            text="The effect on one track is usually too weak to tell; only the collection as a whole was tested.",
        ),
        Point(
            heading="It counts groups, not files.",
            text=f"Tracks of one album or session are not independent of each other. The test therefore rests on "
            f"{count(result.n_groups.suspect)} suspect and {count(result.n_groups.held_out)} held-out groups; "
            "groups that belong together in truth but were listed as separate would make it overconfident.",
        ),
    ]
    absence = Point(
        heading="It does not show that the music was left out of training.",
        text="Absence of evidence at this power is compatible with a weak effect, with use of a small part of the "
        "set, and with training that leaves no trace in these measurements.",
    )
    return [absence, *points] if result.verdict == "no_evidence" else points


def control_statement(a_a: AAControl) -> str:
    """What the control runs say about the test's own error rate."""
    alarms = round(a_a.rejection_rate * a_a.runs)
    measured = (
        f"Music that is alike by construction was tested against itself {count(a_a.runs)} times; {count(alarms)} "
        f"{'run' if alarms == 1 else 'runs'} raised a false alarm, {percent(a_a.rejection_rate)} "
        f"(95\N{NO-BREAK SPACE}% interval {percent(a_a.low)} to {percent(a_a.high)}). "
        f"An honest test at α = {a_a.alpha:g} raises at most about {percent(a_a.alpha)}"
    )
    if a_a.impossible:
        return f"{measured}. No honest test raises so many: its p-values are too small here and are not relied on."
    if a_a.low > a_a.alpha:
        return f"{measured}; an honest test raises so many in one audit of {count(round(1 / a_a.chance))}, by chance."
    if a_a.high < a_a.alpha:
        return f"{measured}. This one raises fewer: it is cautious here."
    return f"{measured}, which agrees with what was measured."


def uniformity_statement(a_a: AAControl) -> str:
    """How to read the chart of the control's p-values."""
    return (
        "If the test is honest, every p-value is equally likely in these runs and all bars are about as high as the "
        f"dashed line ({len(a_a.p_values) / 10:g} runs). The grey band is where 95\N{NO-BREAK SPACE}% of bars fall by "
        "chance; tall bars at the left would mean false alarms. The runs share tracks, so the band is a guide."
    )


def blind_statement(blind: Blind, *, alpha: float) -> str:
    """What the model-free comparison of the two sets says."""
    told_apart = (
        f"Without asking the model at all, from sound and file properties alone, the two sets can be told apart with "
        f"an AUC of {decimal(blind.auc)} (95\N{NO-BREAK SPACE}% interval {decimal(blind.low)} to "
        f"{decimal(blind.high)}; 0.5 is chance). "
        f"From {decimal(blind.harmful_auc, 3)} upwards such a difference could by itself trigger a test of this size."
    )
    if blind.state == "pass":
        return f"{told_apart} The upper limit stays below that, so the gate is passed."
    found = (
        "The sets do differ without the model, so the gate is failed."
        if blind.state == "fail"
        else "The interval does not rule that out, so the gate stays undecided."
    )
    if blind.adjusted_p_value is None and blind.effect_ratio is not None:
        return (
            f"{told_apart} {found} With this difference accounted for, {percent(max(blind.effect_ratio, 0.0))} of the "
            "difference in the model's answers is left."
        )
    if blind.adjusted_p_value is None:
        return f"{told_apart} {found} No adjusted test was made."
    adjusted = p_value(blind.adjusted_p_value, alpha=alpha)
    outcome = "remains" if blind.adjusted_p_value <= alpha else "does not remain"
    detail = f" {blind.adjusted_detail}" if blind.adjusted_detail else ""
    return (
        f"{told_apart} {found} With this difference accounted for, and as much again granted to what nobody measured, "
        f"the adjusted test gives p = {adjusted}: the finding "
        f"{outcome} at α = {alpha:g}.{detail}"
    )


GATE = {"pass": "passed", "undecided": "undecided", "fail": "failed"}
"""The states of the blind gate, in words."""


def _evidence(result: DatasetInferenceResult) -> list[str]:
    level = (
        f"The threshold was α = {result.alpha:g}: of audits in which the sets are alike for the model, at most "
        f"{percent(result.alpha)} end in this verdict."
        if result.is_exact
        else f"The threshold was α = {result.alpha:g}."
    )
    return [
        _joined(
            _compared(result),
            "The model’s answers differ between the two, in the direction that training causes "
            f"({p_statement(result)}).",
            _frequency(result),
        ),
        _joined(level, _auc(result)),
    ]


def _no_evidence(result: DatasetInferenceResult) -> list[str]:
    return [
        _joined(
            _compared(result),
            "The difference in the direction that training causes does not reach the threshold "
            f"({p_statement(result)}; α = {result.alpha:g}).",
            _frequency(result),
        ),
        _joined(_power(result), _auc(result)),
    ]


def _inconclusive(result: DatasetInferenceResult) -> list[str]:
    if result.p_value is None:
        return [_compared(result)]
    if result.p_value <= result.alpha:
        found = (
            f"The model does answer the two sets differently ({p_statement(result)}; α = {result.alpha:g}), but the "
            "checks do not allow this to be put down to training."
        )
    else:
        found = (
            f"The difference in the direction that training causes does not reach the threshold "
            f"({p_statement(result)}; α = {result.alpha:g}), yet the checks do not allow the sets to be called alike."
        )
    return [_joined(_compared(result), found, _auc(result))]


def _cannot_be_tested(result: DatasetInferenceResult) -> list[str]:
    floor = result.p_value_floor
    if floor is None or floor <= result.alpha:
        return [_compared(result)]
    return [
        f"{_compared(result)} With so few groups the smallest p-value that could have come out is "
        f"{p_value(floor, alpha=result.alpha)}, which is above the threshold α = {result.alpha:g}. Whatever the "
        "model’s answers, they could not have counted as evidence; more independent groups are needed."
    ]


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _compared(result: DatasetInferenceResult) -> str:
    tracks, groups = result.n_tracks, result.n_groups
    return (
        f"The audit compared {count(tracks.suspect)} suspect tracks ({count(groups.suspect)} independent groups) with "
        f"{count(tracks.held_out)} held-out tracks ({count(groups.held_out)} groups)."
    )


def _frequency(result: DatasetInferenceResult) -> str:
    if result.p_value is None or not result.is_exact:
        return ""
    at_floor = result.p_value_floor is not None and result.p_value <= result.p_value_floor * (1 + 1e-9)
    return (
        "If the model had not been trained on either set, and the sets were otherwise comparable, a difference this "
        f"large would appear in {'at most' if at_floor else 'about'} {frequency(result.p_value)} audits."
    )


def _auc(result: DatasetInferenceResult) -> str:
    alike = result.blind is None or result.blind.passes
    if result.auc is None or result.auc.estimate is None or not alike:
        return ""
    return (
        f"In {round(100 * result.auc.estimate)} of 100 pairs of one suspect and one held-out track, the suspect track "
        f"looks the more familiar to the model; 50 of 100 is chance."
    )


def _power(result: DatasetInferenceResult) -> str:
    seen = None if result.power is None else result.power.minimum_detectable_auc
    if seen is None:
        return "How small a difference this audit could have seen was not computed."
    return (
        f"An audit of this size finds an effect of AUC {decimal(seen)} in 4 of 5 cases; smaller effects may well have "
        "escaped it."
    )

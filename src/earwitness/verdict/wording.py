"""Every sentence that says what was found: the one author for record, terminal and page.

Goal: sentences that a lawyer can read aloud and a statistician can sign, each written once. Conventions:
numbers are written by `earwitness.verdict.numbers`; percentages of combinations are of one suspect and one
held-out track, whether or not works come in pairs; a p-value is the frequency of such a difference *if the model
had no reason to treat the two sets differently* and is never turned into a probability that the music was used;
neither guilt nor innocence is ever stated. The sentences on the verbal scale are
`earwitness.verdict.strength_wording`'s; what a page explains besides (limits, how to read a chart) is
`earwitness.report.wording`.
"""

from math import ceil, log2

from earwitness.stats.aa import AAControl
from earwitness.stats.exact import ExactTest
from earwitness.stats.power import groups_needed_for_floor
from earwitness.verdict.numbers import count, decimal, p_value, percent
from earwitness.verdict.result import Blind, Counts, DatasetInferenceResult, Interval, Power, Tipping, Verdict

VERDICT_NAMES: dict[Verdict, str] = {
    "evidence_of_use": "Evidence of use",
    "no_evidence": "No evidence of use at this power",
    "inconclusive": "Inconclusive",
    "cannot_be_tested": "Cannot be tested",
}
GATE = {"pass": "passed", "undecided": "undecided", "fail": "failed"}
"""The states of the blind gate, in words."""

_HEADLINES: dict[Verdict, str] = {
    "evidence_of_use": "This model answers the suspect tracks as if it knew them better than comparable music "
    "that it cannot know.",
    "no_evidence": "This audit found no sign that the model knows the suspect tracks; a small effect could have "
    "escaped it.",
    "inconclusive": "This audit does not settle whether the model was trained on the suspect tracks.",
    "cannot_be_tested": "These two sets cannot give an answer, whatever the model does.",
}
_SETS_DIFFER = (
    "This audit found no sign that the model knows the suspect tracks, but the two sets differ without the model, and "
    "such a difference can hide one."
)
_PUBLISHED_HEADLINES = {
    "member": "A published procedure tells the two sets apart, the suspect tracks being the more member-like; this "
    "alone is no evidence of use.",
    "away": "A published procedure tells the two sets apart, but the suspect tracks are the less member-like: the "
    "opposite of what training does.",
    None: "A published procedure does not tell the two sets apart.",
}
_WAYS = {
    "member": "the suspect tracks are the more member-like ones",
    "away": "the suspect tracks are the *less* member-like ones, the opposite of what training does",
}


def headline(result: DatasetInferenceResult) -> str:
    """The verdict in one sentence, without figures."""
    if not result.is_exact and result.p_value is not None:
        return _PUBLISHED_HEADLINES[None if result.p_value > result.alpha else result.direction]
    if result.verdict == "no_evidence" and result.blind is not None and result.blind.state == "fail":
        return _SETS_DIFFER
    return _HEADLINES[result.verdict]


# ------------------------------------------------------------- the test


def stated(test: ExactTest, alpha: float) -> str:
    """The p-value with its level and where it comes from."""
    how = f"all {count(test.labellings_used)}" if test.enumerated else f"{count(test.labellings_used - 1)} random"
    whole = (
        f"{test.n_pairs} pairs" if test.n_pairs else f"{test.n_groups_suspect + test.n_groups_held_out} whole groups"
    )
    return f"p = {p_value(test.p_value, alpha=alpha)} at level {alpha:g}, from {how} relabellings of {whole}"


def found(test: ExactTest, alpha: float) -> str:
    """The suspects score higher."""
    return f"The suspect tracks score more member-like than the held-out tracks: {stated(test, alpha)}."


def not_found(test: ExactTest, alpha: float) -> str:
    """The suspects do not score higher."""
    return (
        "The suspect tracks do not score more member-like than the held-out tracks beyond chance: "
        f"{stated(test, alpha)}."
    )


def differs_otherwise(companion_p: float, alpha: float) -> str:
    """The sets differ, but not as training would have it."""
    return (
        f"The model's answers to the two sets do differ (p = {p_value(companion_p, alpha=alpha)} without regard to "
        "direction), but not beyond chance in the direction in which training moves them; the sets may not be "
        "comparable."
    )


def misbehaved(a_a: AAControl, alpha: float) -> str:
    """The control fired impossibly often."""
    return (
        f"The test misbehaves on this held-out set: comparing held-out groups with each other, it fired in "
        f"{a_a.rejections} of {a_a.runs} runs at level {alpha:g}; an honest test gives so many less than once in "
        "10,000 audits."
    )


def without_weight(test: ExactTest, alpha: float) -> str:
    """What follows for the suspects."""
    return f"Its answer for the suspect tracks, {stated(test, alpha)}, therefore carries no weight."


def untestable(n_groups: Counts, alpha: float, floor: float) -> str:
    """Too few groups for the level."""
    return (
        f"There are {n_groups.suspect} suspect and {n_groups.held_out} held-out groups; whatever the model does, the "
        f"smallest p-value they can give is {p_value(floor, alpha=alpha)}, and {alpha:g} is needed: with "
        f"{max(groups_needed_for_floor(alpha), 2)} groups a side it could be reached."
    )


def untestable_pairs(possible: int, alpha: float) -> str:
    """Too few pairs for the level."""
    needed = ceil(log2(1 / alpha))
    return (
        f"The pairs can be exchanged in {possible} ways; whatever the model does, the smallest p-value they can "
        f"give is {p_value(1 / possible, alpha=alpha)}, and {alpha:g} is needed: with {needed} pairs (or albums of "
        "them) it could."
    )


# ------------------------------------------------------------- the two sets without the model


def not_checked(informative: int, needed: int, comparable: str | None) -> str:
    """Too few blind features were measured; a statement in words may stand in for them."""
    measured = f"{informative} informative blind features were measured, and {needed} are needed"
    if comparable is not None:
        return f"Comparability was not checked ({measured}); it is stated: “{comparable}”."
    return (
        f"Comparability not checked: {measured}, so a difference between the sets that has nothing to do with "
        "training was not looked for. Audit the audio itself, or state in words why the sets are comparable."
    )


def own_word(columns: int) -> str:
    """The blind features were not measured by an audit."""
    return (
        f"That the sets are comparable rests on the table's own blind columns ({columns}): this table comes from no "
        "run of an audit, and nothing here measured them."
    )


def gate(blind: Blind, alpha: float) -> str:
    """What the blind gate says."""
    limits = (
        f"AUC {decimal(blind.auc, 3)}, 95\N{NO-BREAK SPACE}% interval {decimal(blind.low, 3)} to "
        f"{decimal(blind.high, 3)}; 0.5 is chance, and from {decimal(blind.harmful_auc, 3)} on such a difference could "
        "by itself trigger a test of this size"
    )
    if blind.state == "fail":
        return (
            "The two sets can be told apart without asking the model, from sound and file properties alone "
            f"(p = {p_value(blind.p_value, alpha=alpha)}; {limits})."
        )
    if blind.state == "pass":
        return (
            "Without asking the model, from sound and file properties alone, the two sets cannot be told apart by as "
            f"much as would matter ({limits})."
        )
    # Each track is scored by what the others say; in few tracks that alone pushes the figure down.
    below = (
        " The figure is below 0.5 by the way it is made in small sets; that does not show that the sets are alike."
        if blind.high < 0.5
        else ""
    )
    return f"Whether the two sets differ enough without the model to matter cannot be excluded ({limits}).{below}"


def hidden() -> str:
    """Nothing was found between sets that differ without the model."""
    return (
        "What that explains was taken out of the comparison, and a use of the suspect tracks, if there was one, "
        "could not be told from it: that nothing was found says little."
    )


def accounted(blind: Blind, alpha: float) -> str:
    """What is left once the difference between the sets is accounted for; empty where nothing had to be."""
    if blind.state == "undecided" and blind.effect_ratio is not None:
        left = percent(_share(blind.effect_ratio))
        return f"Where that is accounted for, {left} of the difference in the model's answers remains."
    if blind.state != "fail":
        return ""
    if blind.adjusted_p_value is None:
        return "The difference could come from that alone: no adjusted test was possible."
    adjusted = f"adjusted p = {p_value(blind.adjusted_p_value, alpha=alpha)}"
    if blind.adjusted_p_value > alpha:
        return f"The difference could come from that alone: {adjusted}."
    return (
        "The difference remains when that is accounted for, and as much again is granted to what nobody measured: "
        f"{adjusted}."
    )


def machine_made() -> str:
    """Why suspects of which some say that a machine made them carry no evidence."""
    return (
        "Some suspect tracks say of themselves that a machine made them. A model finds its own output, and that of "
        "its relatives, familiar without having been trained on it, so this difference is no evidence; leave those "
        "tracks out and audit the rest."
    )


# ------------------------------------------------------------- how large, how much, how sure


def no_weight() -> str:
    """No feature of the score points as training would have it."""
    return "No feature points in the direction in which training moves it, so no track scores higher."


def outscored(auc: Interval) -> str:
    """The effect in pairs."""
    limits = "" if auc.low is None else f" (95\N{NO-BREAK SPACE}% interval {percent(auc.low)} to {percent(auc.high)})"
    return (
        f"A suspect track outscores a held-out track in {percent(auc.estimate)} of all combinations of two{limits}; "
        "50\N{NO-BREAK SPACE}% is chance."
    )


def tipping_point(tipping: Tipping) -> str:
    """What a difference that nobody measured would have to do."""
    left = "" if tipping.ratio is None else f"; {percent(_share(tipping.ratio))} of the difference is left beside them"
    if not tipping.needed:
        return (
            "Once all measured differences between the sets are balanced, what is left is within chance for this "
            f"score, so one that nobody measured could explain it however weak{left}."
        )
    strongest = tipping.strongest[0] if tipping.strongest else None
    if strongest is None or strongest.multiple is None:
        return f"No measured difference between the sets explains any part of this{left}."
    return (
        "A difference between the sets that nobody measured would be enough to explain this if it explained "
        f"{decimal(strongest.multiple, 1)} times as much of it as the strongest measured one, “{strongest.name}”, does"
        f"{left}."
    )


_UNSEEN = {16: 0.056, 30: 0.100, 80: 0.227, 300: 0.889}
"""False verdicts of evidence by tracks per side, shift .5 sd, q = 0 (docs/level-and-power.md):
``python benchmarks/verdict_level.py shift --runs 1000 --sides 16 30 80 300``."""


def unseen(n_tracks: Counts) -> str:
    """What a difference that nobody measured does to an audit, in figures measured at about this size."""
    tracks = min(n_tracks.suspect, n_tracks.held_out)
    size = min(_UNSEEN, key=lambda measured: abs(measured - tracks))
    return (
        "What no measurement of the files catches, no statistic can see: where a cause that explains a fifth of the "
        "model’s answers differed by half a standard deviation and none of it was measured, "
        f"{percent(_UNSEEN[size])} of 1,000 simulated audits with {size} tracks per set ended in evidence of use "
        "although nothing had been used."
    )


def share_used(lower: float) -> str:
    """A lower bound of the share used."""
    return f"At least {percent(lower)} of the suspect tracks were used, with 95\N{NO-BREAK SPACE}% confidence."


def standing_out(tracks: int) -> str:
    """Tracks that stand out one by one."""
    return f"{tracks} of the suspect tracks stand out one by one."


def detectable(power: Power) -> str:
    """What could have been found, and what may have been missed."""
    planted = (
        f"The audit was repeated {power.draws} times on its own tracks, with an effect planted in all suspect tracks"
    )
    ends = "ends in evidence of use" if power.at == "verdict" else "reaches the level"
    if power.minimum_detectable_auc is None:
        return f"{planted}: no effect, however large, {ends} in four of five such audits."
    return (
        f"{planted}: one by which a suspect track outscores a held-out track in "
        f"{percent(power.minimum_detectable_auc)} of all combinations of two {ends} in about four of five such audits; "
        "a smaller one may have been missed."
    )


def why_not_singly(result: DatasetInferenceResult) -> str | None:
    """Why single tracks are not spoken of; ``None`` where they may be."""
    if result.track_wise:
        return None
    if result.verdict != "evidence_of_use":
        return (
            "Single tracks are spoken of only where there is evidence of use; otherwise a list by score would accuse "
            "tracks that were never used."
        )
    return (
        "Single tracks are not spoken of here: the two sets were not shown to be alike without the model, so what sets "
        "them apart may also be what gives a track its score."
    )


def sayable(share: float) -> bool:
    """Whether a lower bound of a share is worth a sentence: "at least 0 %" is none."""
    return round(100 * share) >= 1


# ------------------------------------------------------------- the control


def control(a_a: AAControl) -> str:
    """What the control runs say about the test's own error rate."""
    alarms = a_a.rejections
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


# ------------------------------------------------------------- published procedures


def published(p: float, *, method: str, form: str, alpha: float, direction: str) -> str:
    """What a published procedure found, and which way."""
    by = f"p = {p_value(p, alpha=alpha)} at level {alpha:g} by the {form} procedure {method}"
    if p > alpha:
        return f"The procedure does not tell the suspect tracks from the held-out tracks: {by}."
    return f"The procedure tells the suspect tracks from the held-out tracks: {by}; {_WAYS[direction]}."


def published_misbehaved(a_a: AAControl, alpha: float) -> str:
    """The control fired impossibly often under a published procedure."""
    return (
        f"Comparing held-out groups with each other it fired in {a_a.rejections} of {a_a.runs} runs at level "
        f"{alpha:g}, so its answer for the suspect tracks carries no weight."
    )


def published_alone() -> str:
    """Why a published procedure settles nothing."""
    return (
        "It takes tracks as independent, whatever their groups, and does not ask whether the sets are comparable; "
        "the method exact does both."
    )


def _share(ratio: float) -> float:
    """What is left of a difference, as a share: balancing may bring a little more to light, or turn it around."""
    return min(max(ratio, 0.0), 1.0)


# ------------------------------------------------------------- keyed twins

_TWINS_HEADLINES: dict[Verdict, str] = {
    "evidence_of_use": "This model prefers the published copies to twins of them that were never published.",
    "no_evidence": "This model does not prefer the published copies to their twins beyond chance; marks that it cannot "
    "tell apart, or too few works, could have hidden a use.",
    "cannot_be_tested": "So few works and copies cannot give an answer, whatever the model does.",
}


def twins_headline(verdict: Verdict) -> str:
    """The verdict on keyed twins in one sentence, without figures."""
    return _TWINS_HEADLINES[verdict]


def twins_untestable(works: int, draws: int, alpha: float) -> str:
    """Too few works and copies for the level."""
    return f"Too few works and copies ({works} works): 1 of {count(draws)} draws is as good as none at level {alpha:g}."


def twins_reasons(
    p: float, alpha: float, *, place: float, works: int, copies: int, draws: int, found: bool
) -> list[str]:
    """What was found of the published copies: the p-value with its draws, and their mean place."""
    lead = "The model prefers the published copies to their sealed twins" if found else (
        "The model does not prefer the published copies to their sealed twins beyond chance"
    )  # fmt: skip
    return [
        f"{lead}: p = {p_value(p, alpha=alpha)} at level {alpha:g}, from {count(draws)} draws of which of "
        f"{count(copies)} copies of {count(works)} works were published.",
        f"On average a published copy scores above {percent(place)} of its twins; 50\N{NO-BREAK SPACE}% is chance.",
    ]

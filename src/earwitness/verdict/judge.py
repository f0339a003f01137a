"""From numbers to a verdict, in whole sentences.

Goal: the one place where a p-value, its safeguards and their limits become an answer that
can be read aloud. Conventions: percentages are of pairs of one suspect and one held-out
track; "level" is the share of false alarms a test allows itself.
"""

from math import ceil, comb, log2

from earwitness.stats.aa import AAControl
from earwitness.stats.blind import LEAST_INFORMATIVE
from earwitness.stats.exact import ExactTest
from earwitness.stats.fraction import UsedFraction
from earwitness.stats.power import groups_needed_for_floor
from earwitness.verdict.result import Blind, Counts, Interval, Power, Verdict

Judged = tuple[Verdict, list[str]]
# Of the difference between the sets, what must be left once the blind features are accounted for.
LEAST_EFFECT_RATIO = 0.5


def judge(
    test: ExactTest,
    *,
    alpha: float,
    companion_p: float,
    a_a: AAControl | None,
    blind: Blind | None,
    comparable: str | None = None,
) -> Judged:
    """Draw the verdict of the exact test from its p-value and its safeguards.

    Evidence of use needs p ≤ α, a test that behaves on the held-out set, and sets that are comparable:

    * at least `LEAST_INFORMATIVE` informative blind features, or a statement in words why the sets are
      ``comparable``;
    * where the blind gate fails, an adjusted p ≤ α that grants as much again to what nobody measured;
    * where it is undecided, at least `LEAST_EFFECT_RATIO` of the difference left by the adjustment.

    docs/design/blind.md shows what other rules would give and take. ``blind`` is None where no blind
    feature varies.
    """
    how = f"all {test.labellings_used:,}" if test.enumerated else f"{test.labellings_used - 1:,} random"
    relabelled = (
        f"{test.n_pairs} pairs" if test.n_pairs else f"{test.n_groups_suspect + test.n_groups_held_out} whole groups"
    )
    stated = f"p = {test.p_value:.4g} at level {alpha:g}, from {how} relabellings of {relabelled}"
    if a_a is not None and a_a.impossible:
        return _misbehaved(a_a, alpha, f"Its answer for the suspect tracks, {stated}, therefore carries no weight.")
    if test.p_value <= alpha:
        found = f"The suspect tracks score more member-like than the held-out tracks: {stated}."
        return _rejected(found, alpha, blind, comparable)
    none = f"The suspect tracks do not score more member-like than the held-out tracks beyond chance: {stated}."
    if companion_p <= alpha:
        return "inconclusive", [
            none,
            f"The model's answers to the two sets do differ (p = {companion_p:.4g} without regard to direction), but "
            "not in the direction in which training moves them; the sets may not be comparable.",
        ]
    return "no_evidence", [none]


def sayable(share: float) -> bool:
    """Whether a lower bound of a share is worth a sentence: "at least 0 %" is none."""
    return round(100 * share) >= 1


def findings(
    verdict: Verdict,
    *,
    auc: Interval,
    power: Power,
    fraction: UsedFraction | None,
    standing_out: int,
    alike: bool,
    any_weight: bool,
) -> list[str]:
    """Say how large the effect is, how much of the set it concerns, and what could have been missed.

    ``alike`` says whether the sets are alike without the model: only then is a difference between them the
    model's, in pairs, in shares or in single tracks. ``any_weight`` is false where no feature of the score
    points in the member direction.
    """
    sentences = []
    if not any_weight:
        sentences.append("No feature points in the direction in which training moves it, so no track scores higher.")
    elif auc.estimate is not None and alike:
        limits = "" if auc.low is None else f" (95 % interval {auc.low:.1%} to {auc.high:.1%})"
        sentences.append(f"A suspect track outscores a held-out track in {auc.estimate:.1%} of pairs{limits}.")
    if fraction is not None and sayable(fraction.lower):
        sentences.append(f"At least {fraction.lower:.0%} of the suspect tracks were used, with 95 % confidence.")
    if fraction is not None and standing_out:
        sentences.append(f"{standing_out} of the suspect tracks stand out one by one.")
    if verdict == "no_evidence" and power.minimum_detectable_auc is not None:
        sentences.append(
            f"With these tracks and groups, an effect of {power.minimum_detectable_auc:.1%} of pairs or more would "
            "have been found in four of five audits; a smaller one may have been missed."
        )
    return sentences


def why_untestable(n_groups: Counts, alpha: float, *, possible: int | None = None, paired: bool = False) -> str | None:
    """Say why these sets cannot be tested at this level, or return None where they can.

    ``possible`` is the number of different labellings; from the numbers of groups alone by default.
    """
    floor = 1 / (possible or comb(n_groups.suspect + n_groups.held_out, n_groups.suspect))
    if paired:
        needed = ceil(log2(1 / alpha))
        why = (
            f"The pairs can be exchanged in {possible} ways; whatever the model does, the smallest p-value they can "
            f"give is {floor:.4g}, and {alpha:g} is needed: with {needed} pairs (or albums of them) it could."
        )
        return None if floor <= alpha else why
    if min(n_groups.suspect, n_groups.held_out) >= 2 and floor <= alpha:
        return None
    return (
        f"There are {n_groups.suspect} suspect and {n_groups.held_out} held-out groups; whatever the model does, the "
        f"smallest p-value they can give is {floor:.4g}, and {alpha:g} is needed: with "
        f"{max(groups_needed_for_floor(alpha), 2)} groups a side it could be reached."
    )


def _rejected(found: str, alpha: float, blind: Blind | None, comparable: str | None) -> Judged:
    """Let a rejection stand only where the sets are alike without the model, or that has been accounted for."""
    reasons = [found]
    informative = 0 if blind is None else blind.informative
    if informative < LEAST_INFORMATIVE:
        measured = f"{informative} informative blind features were measured, and {LEAST_INFORMATIVE} are needed"
        if comparable is None:
            return "inconclusive", [
                found,
                f"Comparability not checked: {measured}, so a difference between the sets that has nothing to do with "
                "training was not looked for. Audit the audio itself, or state in words why the sets are comparable.",
            ]
        reasons.append(f"Comparability was not checked ({measured}); it is stated: “{comparable}”.")
    if blind is None or blind.state == "pass":
        return "evidence_of_use", reasons
    limits = (
        f"AUC {blind.auc:.3f}, 95 % interval {blind.low:.3f} to {blind.high:.3f}; {blind.harmful_auc:.3f} would matter"
    )
    if blind.state == "fail":
        reasons.append(
            "The two sets can be told apart without asking the model, from the audio alone "
            f"(p = {blind.p_value:.4g}; {limits})."
        )
        adjusted = blind.adjusted_p_value
        if adjusted is not None and adjusted <= alpha:
            return "evidence_of_use", [
                *reasons,
                "The difference remains when that is accounted for, and as much again is granted to what nobody "
                f"measured: adjusted p = {adjusted:.4g}.",
            ]
        outcome = "no adjusted test was possible" if adjusted is None else f"adjusted p = {adjusted:.4g}"
        return "inconclusive", [*reasons, f"The difference could come from that alone: {outcome}."]
    reasons.append(f"Whether the two sets differ enough without the model to matter cannot be excluded ({limits}).")
    ratio = blind.effect_ratio
    if ratio is None or ratio >= LEAST_EFFECT_RATIO:
        left = "all" if ratio is None else f"{min(ratio, 1.0):.0%}"
        return "evidence_of_use", [*reasons, f"Where that is accounted for, {left} of the difference remains."]
    return "inconclusive", [*reasons, f"Where that is accounted for, {max(ratio, 0.0):.0%} of the difference remains."]


def _misbehaved(a_a: AAControl, alpha: float, consequence: str) -> Judged:
    return "inconclusive", [
        f"The test misbehaves on this held-out set: comparing held-out groups with each other, it fired in "
        f"{a_a.rejections} of {a_a.runs} runs at level {alpha:g}; an honest test gives so many less than once in "
        "10,000 audits.",
        consequence,
    ]

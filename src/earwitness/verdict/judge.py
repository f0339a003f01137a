"""From numbers to a verdict, in whole sentences.

Goal: the one place where a p-value, its safeguards and their limits become an answer that
can be read aloud. Conventions: percentages are of pairs of one suspect and one held-out
track; "level" is the share of false alarms a test allows itself.
"""

from math import comb

from earwitness.stats.aa import AAControl
from earwitness.stats.exact import ExactTest
from earwitness.stats.fraction import UsedFraction
from earwitness.stats.power import groups_needed_for_floor
from earwitness.verdict.result import Blind, Counts, Interval, Power, Verdict

Judged = tuple[Verdict, list[str]]


def judge(test: ExactTest, *, alpha: float, companion_p: float, a_a: AAControl | None, blind: Blind | None) -> Judged:
    """Draw the verdict of the exact test from its p-value and its safeguards.

    ``blind`` is None where no blind feature was measured. Evidence of use needs p ≤ α, a test
    that behaves on the held-out set, and, unless the blind gate passes, an adjusted p ≤ α.
    """
    how = f"all {test.labellings_used:,}" if test.enumerated else f"{test.labellings_used - 1:,} random"
    stated = (
        f"p = {test.p_value:.4g} at level {alpha:g}, from {how} relabellings of "
        f"{test.n_groups_suspect + test.n_groups_held_out} whole groups"
    )
    if a_a is not None and a_a.impossible:
        return _misbehaved(a_a, alpha, f"Its answer for the suspect tracks, {stated}, therefore carries no weight.")
    if test.p_value <= alpha:
        return _rejected(f"The suspect tracks score more member-like than the held-out tracks: {stated}.", alpha, blind)
    none = f"The suspect tracks do not score more member-like than the held-out tracks beyond chance: {stated}."
    if companion_p <= alpha:
        return "inconclusive", [
            none,
            f"The model's answers to the two sets do differ (p = {companion_p:.4g} without regard to direction), but "
            "not in the direction in which training moves them; the sets may not be comparable.",
        ]
    return "no_evidence", [none]


def judge_published(p_value: float, *, method: str, corrected: bool, alpha: float, a_a: AAControl | None) -> Judged:
    """Draw the verdict of a published procedure: its own rule, unless it misbehaves on the held-out set."""
    form = "corrected" if corrected else "published"
    stated = f"p = {p_value:.4g} at level {alpha:g} by the {form} procedure {method}, which takes tracks as independent"
    if a_a is not None and a_a.impossible:
        return _misbehaved(a_a, alpha, f"Its answer for the suspect tracks, {stated}, therefore carries no weight.")
    if p_value <= alpha:
        return "evidence_of_use", [f"The procedure tells the suspect tracks from the held-out tracks: {stated}."]
    return "no_evidence", [f"The procedure does not tell the suspect tracks from the held-out tracks: {stated}."]


def findings(
    verdict: Verdict, *, auc: Interval, power: Power, fraction: UsedFraction | None, standing_out: int
) -> list[str]:
    """Say how large the effect is, how much of the set it concerns, and what could have been missed."""
    sentences = []
    if auc.estimate is not None:
        limits = "" if auc.low is None else f" (95 % interval {auc.low:.1%} to {auc.high:.1%})"
        sentences.append(f"A suspect track outscores a held-out track in {auc.estimate:.1%} of pairs{limits}.")
    if fraction is not None:
        sentences.append(
            f"At least {fraction.lower:.0%} of the suspect tracks were used, with 95 % confidence"
            + (
                f"; {standing_out} of them stand out one by one."
                if standing_out
                else "; no track stands out by itself."
            )
        )
    if verdict == "no_evidence" and power.minimum_detectable_auc is not None:
        sentences.append(
            f"With these tracks and groups, an effect of {power.minimum_detectable_auc:.1%} of pairs or more would "
            "have been found in four of five audits; a smaller one may have been missed."
        )
    return sentences


def why_untestable(n_groups: Counts, alpha: float) -> str | None:
    """Say why these sets cannot be tested at this level, or return None where they can."""
    floor = 1 / comb(n_groups.suspect + n_groups.held_out, n_groups.suspect)
    if min(n_groups.suspect, n_groups.held_out) >= 2 and floor <= alpha:
        return None
    return (
        f"There are {n_groups.suspect} suspect and {n_groups.held_out} held-out groups; whatever the model does, the "
        f"smallest p-value they can give is {floor:.4g}, and {alpha:g} is needed: with "
        f"{max(groups_needed_for_floor(alpha), 2)} groups a side it could be reached."
    )


def _rejected(found: str, alpha: float, blind: Blind | None) -> Judged:
    """Let a rejection stand only where the sets are alike without the model, or that has been accounted for."""
    if blind is None or blind.passes:
        return "evidence_of_use", [found]
    adjusted = blind.adjusted_p_value
    limits = (
        f"AUC {blind.auc:.3f}, 95 % interval {blind.low:.3f} to {blind.high:.3f}; {blind.harmful_auc:.3f} would matter"
    )
    told_apart = (
        "The two sets can be told apart without asking the model, from the audio alone "
        f"(p = {blind.p_value:.4g}; {limits})."
        if blind.state == "fail"
        else f"Whether the two sets differ enough without the model to matter cannot be excluded ({limits})."
    )
    if adjusted is not None and adjusted <= alpha:
        return "evidence_of_use", [
            found,
            told_apart,
            f"The difference remains when that is accounted for: adjusted p = {adjusted:.4g}.",
        ]
    outcome = "no adjusted test was possible" if adjusted is None else f"adjusted p = {adjusted:.4g}"
    return "inconclusive", [found, told_apart, f"The difference could come from that alone: {outcome}."]


def _misbehaved(a_a: AAControl, alpha: float, consequence: str) -> Judged:
    return "inconclusive", [
        f"The test misbehaves on this held-out set: comparing held-out groups with each other, it fired in "
        f"{a_a.rejections} of {a_a.runs} runs at level {alpha:g}; an honest test gives so many less than once in "
        "10,000 audits.",
        consequence,
    ]

"""From numbers to a verdict: the rule, and which sentences go with it.

Goal: the one place where a p-value, its safeguards and their limits become an answer. The
sentences themselves are `earwitness.verdict.wording`'s.
"""

from math import comb

from earwitness.stats.aa import AAControl
from earwitness.stats.blind import LEAST_INFORMATIVE
from earwitness.stats.exact import ExactTest
from earwitness.stats.fraction import UsedFraction
from earwitness.verdict import wording
from earwitness.verdict.result import Blind, Counts, Interval, Power, Tipping, Verdict

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
    machine_made: bool = False,
) -> Judged:
    """Draw the verdict of the exact test from its p-value and its safeguards.

    Evidence of use needs p ≤ α, a test that behaves on the held-out set, and sets that are comparable:

    * at least `LEAST_INFORMATIVE` informative blind features, or a statement in words why the sets are
      ``comparable``;
    * where the blind gate fails, an adjusted p ≤ α that grants as much again to what nobody measured;
    * where it is undecided, at least `LEAST_EFFECT_RATIO` of the difference left by the adjustment.

    and no suspect track that says of itself that a machine made it (``machine_made``): a model finds its own output,
    and its relatives', familiar.

    Without p ≤ α a failed gate changes no verdict; the reasons say that the sets differ, which can hide a use.
    docs/design/blind.md shows what other rules would give and take. ``blind`` is None where no blind
    feature varies.
    """
    if a_a is not None and a_a.impossible:
        return "inconclusive", [wording.misbehaved(a_a, alpha), wording.without_weight(test, alpha)]
    if test.p_value <= alpha:
        if machine_made:
            return "inconclusive", [wording.found(test, alpha), wording.machine_made()]
        return _rejected(wording.found(test, alpha), alpha, blind, comparable)
    none = wording.not_found(test, alpha)
    differ = [wording.gate(blind, alpha), wording.hidden()] if blind is not None and blind.state == "fail" else []
    if companion_p <= alpha:
        return "inconclusive", [none, wording.differs_otherwise(companion_p, alpha), *differ]
    return "no_evidence", [none, *differ]


def findings(
    verdict: Verdict,
    *,
    auc: Interval,
    power: Power,
    fraction: UsedFraction | None,
    standing_out: int,
    alike: bool,
    any_weight: bool,
    tipping: Tipping | None = None,
) -> list[str]:
    """Say how large the effect is, how much of the set it concerns, and what could have been missed.

    The effect in pairs, the share used and single tracks only where the sets are ``alike``, as
    `earwitness.verdict.result.Blind.alike` has it. ``any_weight`` is
    false where no feature of the score points in the member direction.
    """
    sentences = []
    if not any_weight:
        sentences.append(wording.no_weight())
    elif auc.estimate is not None and alike:
        sentences.append(wording.outscored(auc))
    if fraction is not None and alike:
        if wording.sayable(fraction.lower):
            sentences.append(wording.share_used(fraction.lower))
        if standing_out:
            sentences.append(wording.standing_out(standing_out))
    if verdict == "evidence_of_use" and tipping is not None:
        sentences.append(wording.tipping_point(tipping))
    if verdict == "no_evidence" and power.draws is not None:
        sentences.append(wording.detectable(power))
    return sentences


def why_untestable(n_groups: Counts, alpha: float, *, possible: int | None = None, paired: bool = False) -> str | None:
    """Say why these sets cannot be tested at this level, or return None where they can.

    ``possible`` is the number of different labellings; from the numbers of groups alone by default.
    """
    possible = possible or comb(n_groups.suspect + n_groups.held_out, n_groups.suspect)
    reached = 1 / possible <= alpha
    if paired:
        return None if reached else wording.untestable_pairs(possible, alpha)
    if min(n_groups.suspect, n_groups.held_out) >= 2 and reached:
        return None
    return wording.untestable(n_groups, alpha, 1 / possible)


def _rejected(found: str, alpha: float, blind: Blind | None, comparable: str | None) -> Judged:
    """Let a rejection stand only where the sets are alike without the model, or that has been accounted for."""
    reasons = [found]
    informative = 0 if blind is None else blind.informative
    if informative < LEAST_INFORMATIVE:
        reasons.append(wording.not_checked(informative, LEAST_INFORMATIVE, comparable))
        if comparable is None:
            return "inconclusive", reasons
    if blind is None or blind.state == "pass":
        return "evidence_of_use", reasons
    reasons += filter(None, (wording.gate(blind, alpha), wording.accounted(blind, alpha)))
    if blind.state == "fail":
        stands = blind.adjusted_p_value is not None and blind.adjusted_p_value <= alpha
    else:
        stands = blind.effect_ratio is None or blind.effect_ratio >= LEAST_EFFECT_RATIO
    return ("evidence_of_use" if stands else "inconclusive"), reasons

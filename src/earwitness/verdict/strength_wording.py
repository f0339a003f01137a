"""Sentences on strength: the verbal scale and what a word of it rests on, the bets, and what carries the score.

Goal: as `earwitness.verdict.wording`, of which this is a part; a word never stands without its calibration.
"""

from earwitness.verdict.numbers import count, decimal
from earwitness.verdict.result import DatasetInferenceResult
from earwitness.verdict.strength import CALIBRATION, CAP, SCALE, reached, support


def word_of(result: DatasetInferenceResult) -> str | None:
    """The word of the verbal scale, or ``None`` where none is given."""
    word = support(result)
    return None if word is None else f"at least {word.name} support"


def sentence(result: DatasetInferenceResult) -> str:
    """What the verbal scale says, why, and how often it said so where the truth was known; or why it says nothing."""
    word, scale = support(result), "the verbal scale of the ENFSI guideline for evaluative reporting (2015)"
    if word is None:
        return f"No word of {scale} is given: {_no_word(result)}."
    counts = CALIBRATION[word.name]
    ending = "" if result.e_value is None else f"ended at {wealth(result.e_value)}; "
    capped = ""
    if reached(result) != word:
        capped = (
            f" The figure itself lies higher on the scale, which ends here with “{CAP.name} support”: more audits "
            "without use than were made would have to carry a higher word."
        )
    return (
        f"On {scale} the findings give at least {word.name} support to the first proposition over the second. The "
        f"audit’s bet {ending}where the second proposition holds, at most 1 of {count(word.least)} such bets ends at "
        f"{count(word.least)} or higher. In audits of a model whose training set is known, this word or a higher one "
        f"came in {count(counts.with_use)} of {count(counts.audits_with_use)} with use and in "
        f"{count(counts.without_use)} of {count(counts.audits_without_use)} without.{capped} A difference between the "
        "sets that nobody measured "
        "raises it just as use does."
    )


def wealth(e_value: float) -> str:
    """The e-value as text: whole from 100 on."""
    return count(round(e_value)) if e_value >= 100 else decimal(e_value)


def bets(result: DatasetInferenceResult) -> str:
    """How the bets went, and what they leave out."""
    largest = max(result.wealth, default=1.0)
    ended = "" if result.e_value is None else f" It ended at {wealth(result.e_value)}"
    reached_it = "was" if largest >= 1 / result.alpha else "was not"
    blind = "" if result.alike else " The bets take no account of what tells the two sets apart without the model."
    return (
        "A second kind of evidence, which may be looked at as works are added: pairs of a suspect and a held-out group "
        "are drawn, and on each a bet is made that the suspect one is the more member-like. A stake of 1 grows where "
        "the bets are won; between sets that are alike for the model the chance that it ever reaches "
        f"{count(round(1 / result.alpha))} is at most {result.alpha:g}.{ended}, and that line {reached_it} "
        f"reached.{blind}"
    )


def _no_word(result: DatasetInferenceResult) -> str:
    if not result.is_exact:
        return "a published procedure bounds no likelihood ratio"
    if result.verdict == "cannot_be_tested":
        return "nothing could be tested"
    if result.e_value is None:
        return "the bet that would bound it does not compare within pairs"
    if result.verdict == "no_evidence":
        return (
            "the audit found no support for the first proposition, and that is no support for the second: a small "
            "effect could have escaped it"
        )
    if result.verdict == "inconclusive":
        return "the audit does not settle whether the figures come from the model"
    if not result.alike:
        return (
            "the sets were not shown to be alike without the model, and the bet that would bound it takes no account "
            "of that"
        )
    return (
        f"the audit’s bet ended at {wealth(result.e_value)}, and the scale begins at {SCALE[0].least}; the verdict "
        "rests on the p-value alone"
    )


_SCORERS = {
    "headline": "it was laid down as the score before these sets were seen",
    "tail": "it was laid down as the score before these sets were seen, and the test asked for a part of the set "
    "that stands out",
    "strongest": "it moved most in the direction of training; every relabelling of the test picks its own strongest "
    "feature, so that the p-value pays for the choice",
    "ridge": "beside it the others add nothing to the difference; every relabelling of the test weighs the features "
    "anew, so that the p-value pays for the choice",
}


def one_feature(result: DatasetInferenceResult) -> str | None:
    """Why one feature carries all the weight; ``None`` where several do, or none."""
    weighty = [feature.name for feature in result.features if feature.weight]
    if len(weighty) != 1 or result.scorer is None:
        return None
    if sum(feature.member_is.sign != 0 for feature in result.features) == 1:
        return f"“{weighty[0]}” carries all the weight: no other feature has a known direction."
    why = _SCORERS.get(result.scorer)
    if why is None:
        return None
    return (
        f"“{weighty[0]}” carries all the weight: {why}. The other features are listed for the reader, and count in "
        "other ways of weighing, which were tried beside this one and are paid for in the p-value too."
    )

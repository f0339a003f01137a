"""Strength of evidence in the words of a published scale, as far as they were calibrated.

Goal: one word that a court knows for what the figures support, and no word that counts on known truth do not carry.
Conventions: the first proposition is use, the second that the sets are alike for the model; a word stands for *at
least* so much support.

The scale is that of the ENFSI guideline, which puts ranges of the likelihood ratio into words. An audit has no
likelihood ratio; it has the e-value, the wealth of a bet that under the second proposition ends at ``c`` or higher in
at most 1 of ``c`` audits (Ville). That bounds one half of a ratio alone: how often the wealth gets there where
music *was* used depends on how much the model keeps of it. So each word was counted in audits of which the truth is
known, and is carried where the lower limit of

    share of audits with use that reach the word / share of audits without use that do

is no less than the lower end of its range. The scale ends with the highest word carried.

Notes
-----
ENFSI, *Guideline for Evaluative Reporting in Forensic Science* (2015), its table of likelihood ratios and words.
Vovk & Wang, arXiv 1912.06116 (e-values); Shafer, *Testing by betting*, JRSS A 184 (2021).
"""

from dataclasses import dataclass

from earwitness.stats.binomial import clopper_pearson
from earwitness.verdict.result import DatasetInferenceResult


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the scale and where its range of likelihood ratios begins."""

    name: str
    least: int


SCALE = (
    Word("weak", 2),
    Word("moderate", 10),
    Word("moderately strong", 100),
    Word("strong", 1_000),
    Word("very strong", 10_000),
    Word("extremely strong", 1_000_000),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """In how many simulated audits a word or a higher one was reached, with use and without."""

    with_use: int
    audits_with_use: int
    without_use: int
    audits_without_use: int

    @property
    def least_ratio(self) -> float:
        """Lower limit of the ratio of the two shares: 95 % limits of both, the worse ones taken."""
        with_use, _ = clopper_pearson(self.with_use, self.audits_with_use)
        _, without_use = clopper_pearson(self.without_use, self.audits_without_use)
        return with_use / without_use


def speaks(result: DatasetInferenceResult) -> bool:
    """Whether a word may be given: evidence of use by the exact test, between sets that are alike without the model.

    The e-value knows no blind feature, so between sets that differ it would speak of the difference.
    """
    return result.is_exact and result.track_wise and result.e_value is not None


def reached(result: DatasetInferenceResult) -> Word | None:
    """The word in whose range the e-value lies, calibrated or not; ``None`` below the scale or where none is given."""
    if not speaks(result) or result.e_value is None:
        return None
    return next((word for word in reversed(SCALE) if result.e_value >= word.least), None)


CALIBRATION = {
    "weak": Counted(298, 1_800, 11, 4_500),
    "moderate": Counted(213, 1_800, 3, 4_500),
    "moderately strong": Counted(91, 1_800, 0, 4_500),
    "strong": Counted(39, 1_800, 0, 4_500),
    "very strong": Counted(16, 1_800, 0, 4_500),
    "extremely strong": Counted(0, 1_800, 0, 4_500),
}
"""By word: what ``python benchmarks/verbal_scale.py run RUN --runs 300 --nulls 1500`` counted on the shipped target
``fiddle`` (docs/level-and-power.md has the tables)."""


def carried(word: Word, counts: Counted) -> bool:
    """Whether the counts carry the word: the ratio of the shares is no less than the lower end of its range."""
    return counts.least_ratio >= word.least


def _cap() -> Word:
    """The highest word carried, all lower ones being carried too."""
    held = [word for word in SCALE if all(carried(w, CALIBRATION[w.name]) for w in SCALE[: SCALE.index(word) + 1])]
    return held[-1]


CAP = _cap()


def support(result: DatasetInferenceResult) -> Word | None:
    """The word that a reader is given: the one reached, no higher than `CAP`."""
    word = reached(result)
    return None if word is None else min(word, CAP, key=lambda one: one.least)

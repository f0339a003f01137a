"""What a page explains beside the verdict: how to read it, what it rests on, what it does not mean.

Goal: sentences for a reader who is no statistician. What was *found* is said by `earwitness.verdict.wording`,
in the record's own reasons, and by nobody else. Conventions: a p-value is told as the frequency of such a
difference *if the model had no reason to treat the two sets differently*.
"""

from dataclasses import dataclass

from earwitness.stats.aa import AAControl
from earwitness.verdict.numbers import count, frequency, is_known, percent
from earwitness.verdict.result import DatasetInferenceResult
from earwitness.verdict.wording import unseen

ROLE_NAMES = {"suspect": "Suspect", "held_out": "Held-out", "member": "Member", "non_member": "Non-member"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A short heading and the sentence that belongs to it."""

    heading: str
    text: str


def floor_source(result: DatasetInferenceResult) -> str:
    """What keeps the p-value from being smaller: the number of permutations, or of groups."""
    if is_sampled(result):
        return f"the smallest value {count(result.permutations)} permutations can give"
    return "the smallest value that so few groups can give"


def is_sampled(result: DatasetInferenceResult) -> bool:
    """Whether permutations were drawn at random, so that their number sets the floor 1/(1 + B)."""
    floor, draws = result.p_value_floor, result.permutations
    return draws is not None and floor is not None and abs(floor * (draws + 1) - 1) < 1e-6


def compared(result: DatasetInferenceResult) -> str:
    """What was compared with what."""
    tracks, groups = result.n_tracks, result.n_groups
    return (
        f"The audit compared {count(tracks.suspect)} suspect tracks ({count(groups.suspect)} independent groups) with "
        f"{count(tracks.held_out)} held-out tracks ({count(groups.held_out)} groups)."
    )


def how_to_read(result: DatasetInferenceResult) -> list[str]:
    """The paragraphs behind the reasons: what the p-value says, and what the threshold promises."""
    if result.p_value is None or not is_known(result.p_value):
        return []
    if not result.is_exact:
        return [
            f"The p-value comes from the published procedure “{result.method}”, which is not exact: its rate of false "
            "alarms can exceed the nominal one. Read it beside the measured error rate below."
        ]
    at_floor = result.p_value_floor is not None and result.p_value <= result.p_value_floor * (1 + 1e-9)
    smallest = f" The p-value is {floor_source(result)}." if at_floor else ""
    read = [
        "If the model had not been trained on either set, and the sets were otherwise comparable, a difference this "
        f"large would appear in {'at most' if at_floor else 'about'} {frequency(result.p_value)} audits.{smallest}"
    ]
    if result.verdict == "evidence_of_use":
        read.append(
            f"The threshold was α = {result.alpha:g}: of audits in which the sets are alike for the model, at most "
            f"{percent(result.alpha)} end in this verdict."
        )
    if result.verdict == "no_evidence" and (result.power is None or result.power.minimum_detectable_auc is None):
        read.append("How small a difference this audit could have seen was not computed.")
    return read


NATURAL_TWINS = Point(
    heading="Which of a pair was published was nobody’s draw.",
    text="Suspect and held-out tracks come in pairs. Where a pair is two versions of one work (master and stream, "
    "single and album edit), whatever else tells the versions apart, such as level, encoder or length, can move the "
    "model’s answers too, and only the comparison without the model speaks against that. Marked copies of which a key "
    "drew the published one need no such comparison; and where pairs need seven works to come to p ≤ .01 at all, "
    "three works in eight sealed copies each can.",
)
"""Beside a result whose works come in pairs: how much weaker that is than keyed twins."""


def not_meant(result: DatasetInferenceResult, *, paired: bool = False) -> list[Point]:
    """What a reader must not take the verdict for; the weightiest first. ``paired``: the tracks come in pairs."""
    points = [
        Point(
            heading="It rests on the comparability of the two sets.",
            text="The test asks whether suspect and held-out music are exchangeable with respect to this model’s "
            "behaviour. If they differ in other ways that the model reacts to (period, genre, production, file "
            "format, popularity), that difference alone can produce the result. No calculation can show that two "
            f"sets are comparable in every respect. {unseen(result.n_tracks)}",
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
            heading="It may take a model’s own output for its training data.",
            text="Music that this model or a relative of it made is familiar to it without having been trained on "
            "(Zhao et al., arXiv 2606.23872, for images). Only files that say so themselves, in tags or a C2PA "
            "manifest, are found, and both are lost when a file is encoded anew: the suspect works must be documented "
            "to be made by people.",
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
    if paired:
        points.insert(1, NATURAL_TWINS)
    absence = Point(
        heading="It does not show that the music was left out of training.",
        text="Absence of evidence at this power is compatible with a weak effect, with use of a small part of the "
        "set, and with training that leaves no trace in these measurements.",
    )
    return [absence, *points] if result.verdict == "no_evidence" else points


def uniformity_statement(a_a: AAControl) -> str:
    """How to read the chart of the control's p-values."""
    return (
        "If the test is honest, every p-value is equally likely in these runs and all bars are about as high as the "
        f"dashed line ({len(a_a.p_values) / 10:g} runs). The grey band is where 95\N{NO-BREAK SPACE}% of bars fall by "
        "chance; tall bars at the left would mean false alarms. The runs share tracks, so the band is a guide."
    )

"""How the numbers were made, step by step, in words for a reader who is no statistician.

Goal: each step says what was done and why it keeps the result honest; steps that a run
did not take are not listed.
"""

from earwitness.report.context import ReportContext
from earwitness.report.wording import is_sampled
from earwitness.verdict.numbers import count
from earwitness.verdict.result import DatasetInferenceResult


def steps(result: DatasetInferenceResult, context: ReportContext) -> list[str]:
    """The steps of the audit in order, one or two sentences each."""
    done = [*_measuring(result, context), *_testing(result, context)]
    if result.a_a is not None:
        alike = (
            "with the two halves of every pair exchanged at random"
            if any(track.pair for track in context.tracks) and result.is_exact
            else "on held-out music alone, divided at random into a pretended suspect set and a pretended held-out set"
        )
        done.append(
            f"The test was repeated {count(result.a_a.runs)} times {alike}. This measures how often a false alarm is "
            "raised."
        )
    if result.power is not None and result.power.draws is not None:
        done.append(
            "To learn how small an effect could have been found, the audit was repeated "
            f"{count(result.power.draws)} times on its own tracks with effects of many sizes "
            "planted, each judged as the audit itself was."
        )
    if result.blind is not None:
        done.append(
            "The two sets were also compared without the model, by sound and file properties alone. If they can be "
            "told apart that way, the model may be reacting to that difference and not to training."
        )
    return done


def _measuring(result: DatasetInferenceResult, context: ReportContext) -> list[str]:
    features = f"{count(len(result.features))} measurements" if result.features else "several measurements"
    if context.plan:
        first = (
            f"{_windows(context)} For each excerpt the model was asked how well it predicts the music, and its answers "
            f"were summed up in {features} (features). The model was run as it is; nothing in it was changed."
        )
    else:
        first = (
            f"The audit starts from a table that sums up the model’s answers to each track in {features} (features)."
        )
    return [
        first,
        "The measurements of a track were averaged over its excerpts. Tracks of one group (an album, a session) were "
        "kept together in everything that follows, because they are not independent of each other.",
    ]


def _windows(context: ReportContext) -> str:
    windows = context.plan.get("windows")
    if isinstance(windows, dict):
        seconds, per_track = windows.get("seconds"), windows.get("per_track")
        if isinstance(seconds, int | float) and per_track == "all":
            return f"Every track was read from beginning to end, in excerpts of {seconds:g} seconds."
        if isinstance(seconds, int | float) and isinstance(per_track, int):
            if per_track == 1:
                return f"From every track one excerpt of {seconds:g} seconds was taken."
            return f"From every track {per_track} excerpts of {seconds:g} seconds were taken, or as many as it has."
    return "Every track was cut into excerpts of equal length."


def _testing(result: DatasetInferenceResult, context: ReportContext) -> list[str]:
    if result.p_value is None:
        return ["No test was made, for the reasons stated at the top."]
    return _exact(result, context) if result.is_exact else _published(result)


def _exact(result: DatasetInferenceResult, context: ReportContext) -> list[str]:
    shuffles = f"{count(result.permutations)} times" if is_sampled(result) else "in every way that there is"
    return [
        "The measurements were combined into one score per track. Each may count only in the direction that training "
        "is known to move it. How much each counts is learned from these sets, and so it is learned anew in every deal "
        "of the next step.",
        f"The labels “suspect” and “held-out” were dealt out anew {_dealt_to(context)}, {shuffles}, and the whole "
        "computation was redone for each deal. The p-value is the share of deals, the true one included, whose "
        "difference is at least as large as the one found. Choosing among several ways of scoring is part of what is "
        "redone, so the choice costs nothing in honesty.",
    ]


def _dealt_to(context: ReportContext) -> str:
    """What the labels were dealt to, as the manifest declares it."""
    if any(track.pair for track in context.tracks):
        return "within each pair, for all pairs of a group together"
    if any(track.stratum for track in context.tracks):
        return "to the groups, within each stratum"
    return "to the groups"


def _published(result: DatasetInferenceResult) -> list[str]:
    return [
        f"The measurements were combined and tested by the published procedure “{result.method}”, kept here for "
        "comparison with earlier work. Its p-value is its own and carries no guarantee of its error rate."
    ]

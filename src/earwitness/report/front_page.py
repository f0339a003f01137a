"""What a filed page says first: whose case it is, what is weighed against what, and what was not heard.

Goal: the facts that a court looks for before any figure, and the sentences that keep a verdict from saying more than
it does. Conventions: what the author did not state is printed as "not stated"; findings are the verdict's own
sentences, and stand in `earwitness.verdict.wording`.
"""

from collections.abc import Iterator
from statistics import median

from earwitness.report.context import ReportContext
from earwitness.report.wording import Point
from earwitness.verdict.numbers import count, minutes_seconds
from earwitness.verdict.result import DatasetInferenceResult

NOT_STATED = "not stated"


def facts(result: DatasetInferenceResult, context: ReportContext) -> list[tuple[str, str]]:
    """Label and text of what identifies the audit, in the order of a title page."""
    case = context.case
    return [
        ("Case reference", case.reference or NOT_STATED),
        ("Author", case.author or NOT_STATED),
        *([("Date of the test", _date(context))] if context.attempts else []),
        *([("Report made", context.created)] if context.created else []),
        *([("Version", f"earwitness {context.attempts[-1].version}")] if context.attempts else []),
        *((f"{name} set", context.set_names[role]) for role, name in _SETS if role in context.set_names),
        ("Who vouches for the held-out set", case.held_out_statement or NOT_STATED),
        *([("Tests made of this run", _tests(context))] if context.attempts or context.unlogged else []),
        *_commitment(result, context),
    ]


_SETS = (("suspect", "Suspect"), ("held_out", "Held-out"))


def propositions() -> tuple[str, str]:
    """The two statements that the figures are to tell apart."""
    return (
        "The model was trained on at least some of the suspect tracks, or on copies of them, and on none of the "
        "held-out tracks.",
        "The model was trained on neither set, and the two sets are alike for it.",
    )


def would_change(result: DatasetInferenceResult) -> list[Point]:
    """What somebody could bring forward, or do, that would change the answer."""
    comparability = Point(
        heading="Another held-out set.",
        text="Works of the same makers, years, production and format, certainly not trained on, are what the verdict "
        "stands or falls with. If the present ones turn out to have been in the training data, the audit saw too "
        "little; if they differ from the suspect tracks otherwise, too much.",
    )
    records = Point(
        heading="The developer’s own records.",
        text="A list of the training data, or an audit of it by somebody both sides trust, outweighs all figures here.",
    )
    groups = Point(
        heading="Groups that belong together.",
        text="If albums or sessions that are counted as separate share recordings, the p-value is too small and has "
        "to be computed again with the right groups.",
    )
    more = Point(
        heading="More works.",
        text="More groups on both sides, or more of each track’s music, would show a smaller effect. A plan committed "
        "beforehand keeps such a second audit honest.",
    )
    return {
        "evidence_of_use": [comparability, groups, records],
        "no_evidence": [more, records, comparability],
        "inconclusive": [comparability, more, records],
        "cannot_be_tested": [more, groups],
    }[result.verdict]


def heard(context: ReportContext) -> str | None:
    """How much of a track the model was asked about; ``None`` where that is not known."""
    windows = context.plan.get("windows")
    lengths = [track.seconds for track in context.tracks if track.seconds]
    if not isinstance(windows, dict) or not lengths:
        return None
    seconds, per_track = windows.get("seconds"), windows.get("per_track")
    if not isinstance(seconds, int | float) or not isinstance(per_track, int):
        return None
    read, usual = seconds * per_track, median(lengths)
    excerpts = f"{count(per_track)} {'excerpt' if per_track == 1 else 'excerpts'} of {seconds:g} seconds"
    if read >= usual:
        return (
            f"Of each track, up to {excerpts} were taken, as many as it has; half of the tracks last "
            f"{_length(usual)} or less."
        )
    return (
        f"Of each track, {excerpts} were taken: at most {_length(read)} of music, while half of the tracks last "
        f"{_length(usual)} or longer. The rest of the music was not put to the model."
    )


def _length(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{minutes_seconds(seconds)} minutes"


def _date(context: ReportContext) -> str:
    planned = [attempt for attempt in context.attempts if attempt.as_planned] or context.attempts
    return planned[0].made.replace("T", " ").removesuffix("+00:00") + " UTC"


def _tests(context: ReportContext) -> str:
    others = sum(not attempt.as_planned for attempt in context.attempts)
    tried = count(len(context.attempts))
    if context.unlogged:
        return f"{tried} in the log, which is not whole: {'; '.join(context.unlogged)}"
    return f"{tried}, of which {count(others)} not as planned" if others else f"{tried}, as planned"


def _commitment(result: DatasetInferenceResult, context: ReportContext) -> Iterator[tuple[str, str]]:
    committed = context.committed
    if committed is None:
        return
    kept = "the run kept to it" if result.plan_hash == committed.plan_hash else "the run did not keep to it"
    yield "Plan laid down", f"{committed.made}, before the model was asked; {kept}. Its hash: {committed.plan_hash}"

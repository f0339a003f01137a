"""The near-copies of a run in words and as a table.

Goal: say what was found, what it means and how often it comes about by accident; nothing is
decided here (``earwitness.verdict.near_copies`` does that).
"""

from earwitness.report.context import ReportContext
from earwitness.report.tables import CellTable
from earwitness.verdict.near_copies import NearCopies
from earwitness.verdict.numbers import ABSENT, count, decimal, is_known, percent


def statement(copies: NearCopies) -> str:
    """What it means that the model plays tracks back; ``copies`` holds at least one."""
    found = len(copies.found)
    tracks = "one suspect track in fact does" if found == 1 else f"{count(found)} suspect tracks in fact do"
    return (
        f"Given no more than the beginning of a passage, the model went on as {tracks}. "
        "This is direct evidence that the model holds the passage, whether from this recording or from another that "
        "shares it; it does not need the comparison of the two sets and stands beside the verdict, which is about the "
        "whole set. A common riff is no such evidence: a match counts only where it goes beyond what repeating the "
        "beginning would give."
    )


def rule(copies: NearCopies) -> str:
    """How far a continuation had to stand out, and how rarely that happens by accident."""
    bars = [
        *(
            [f"agree for more than {decimal(copies.above_seconds, 1)} seconds"]
            if is_known(copies.above_seconds)
            else []
        ),
        *([f"reach a similarity above {decimal(copies.above_similarity)}"] if copies.above_similarity < 1 else []),
    ]
    return (
        f"To be listed, a continuation had to {' or to '.join(bars)}. The bars lie so far above the closest agreement "
        f"in the {count(copies.held_out_groups)} held-out groups that, if the model knew neither set, at most "
        f"{percent(copies.level)} of audits would list any track. This assumes comparable sets, and that an agreement "
        "of twice the length is no likelier than two of the single length. A continuation agrees as long as the first "
        "of the model’s tokens for every moment is the same; similarity compares the sound and is 1 for the same "
        "recording at any loudness and about 0 for unrelated music."
    )


def lines(copies: NearCopies, context: ReportContext) -> list[str]:
    """One line a near-copy: the track, and how near."""
    return [
        f"{_named(copy.track_id, context)[0]}: "
        + (f"agrees for {decimal(copy.seconds, 1)} s, " if is_known(copy.seconds) else "")
        + f"similarity {decimal(copy.similarity)}"
        for copy in copies.found
    ]


def table(copies: NearCopies, context: ReportContext) -> CellTable:
    """The near-copies with their figures, the longest match first."""
    return CellTable(
        columns=("Title", "Artist", "Album", "Agrees for, seconds", "Tokens that agree", "Similarity"),
        rows=tuple(
            (
                *_named(copy.track_id, context),
                decimal(copy.seconds, 1),
                percent(copy.token_agreement),
                decimal(copy.similarity),
            )
            for copy in copies.found
        ),
        numeric=frozenset({3, 4, 5}),
    )


def _named(track_id: str, context: ReportContext) -> tuple[str, str, str]:
    for track in context.tracks:
        if track.track_id == track_id:
            return track.title or track.path or track_id, track.artist or ABSENT, track.album or ABSENT
    return track_id, ABSENT, ABSENT

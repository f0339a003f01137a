"""Both sets: what is in the suspect set and in the held-out set at once, and must be in neither.

Goal: a track in both sets is at once evidence and yardstick, so nothing can be tested with it. Conventions:
each function leaves it out of both, and says whether an audit has to refuse the collection for it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from earwitness.collection.reading import Reading
from earwitness.collection.recordings import Match
from earwitness.collection.remarks import named
from earwitness.collection.tracks import Couple, Failure, Role

IN_BOTH = "in both sets"
_MOST_SHARED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """The tracks that are left, those that are not, and what follows.

    ``remark`` is a sentence for the reader of an audit; ``refusal`` is why there can be no audit.
    """

    kept: list[Reading]
    failures: tuple[tuple[Role, Failure], ...] = ()
    remark: str | None = None
    refusal: str | None = None


def without_shared_audio(usable: Sequence[Reading]) -> Apart:
    """Leave out audio that is, sample for sample, in both sets; an audit refuses it."""
    on_suspect_side: dict[str, Reading] = {}
    for reading in usable:
        if reading.entry.role.is_suspect_side:
            on_suspect_side.setdefault(reading.content_sha256, reading)
    twins = [
        (twin, reading)
        for reading in usable
        if not reading.entry.role.is_suspect_side and (twin := on_suspect_side.get(reading.content_sha256))
    ]
    if not twins:
        return Apart(kept=list(usable))
    listed = named([f"{twin.place} = {reading.place}" for twin, reading in twins])
    what = twins[0][0].kind
    refusal = (
        f"The same {what} is in both sets ({listed}), which makes the test meaningless; remove it from one of them."
    )
    shared = {reading.content_sha256 for _, reading in twins}
    left_out = [reading for reading in usable if reading.content_sha256 in shared]
    return Apart(
        kept=[reading for reading in usable if reading.content_sha256 not in shared],
        failures=_failures(left_out, f"The same {what} is in the other set."),
        refusal=refusal,
    )


def without_shared_recordings(kept: Sequence[Reading], matches: Sequence[Match]) -> Apart:
    """Leave a recording that is in both sets out of both, unless the manifest says that its two takes are a pair.

    Where more than a tenth of a set would be left out an audit refuses: such sets were not put together with care.
    """
    across = [m for m in matches if _across(kept, m) and not _declared(kept, m)]
    if not across:
        return Apart(kept=list(kept))
    shared = {track for match in across for track in (match.first, match.second)}
    sizes = Counter(reading.entry.role for reading in kept)
    affected = Counter(kept[track].entry.role for track in shared)
    listed = named(str(couple) for couple in couples(kept, across))
    what = "score" if kept[across[0].first].kind == "score" else "recording"
    refusal = None
    if any(affected[role] > _MOST_SHARED * sizes[role] for role in sizes):
        refusal = (
            f"The same {what} is in both sets ({listed}), which makes the test "
            "meaningless; remove it from one of them, or give the two takes one value in the manifest's pair column."
        )
    message = f"The same {what}, or a piece that is not to be told from it, is in the other set."
    return Apart(
        kept=[reading for track, reading in enumerate(kept) if track not in shared],
        failures=_failures([kept[track] for track in sorted(shared)], message),
        remark=f"{len(shared)} tracks were left out, because the same {what} is in both sets ({listed}).",
        refusal=refusal,
    )


def couples(kept: Sequence[Reading], matches: Sequence[Match]) -> list[Couple]:
    """The two tracks of each match by name, with the share of marks that agree."""
    return [
        Couple(
            first=kept[match.first].place, second=kept[match.second].place, share=match.share,
            across=_across(kept, match), declared=_declared(kept, match),
        )
        for match in matches
    ]  # fmt: skip


def _across(kept: Sequence[Reading], match: Match) -> bool:
    return kept[match.first].entry.role is not kept[match.second].entry.role


def _declared(kept: Sequence[Reading], match: Match) -> bool:
    first, second = kept[match.first].entry.pair, kept[match.second].entry.pair
    return first is not None and first == second


def _failures(readings: Sequence[Reading], message: str) -> tuple[tuple[Role, Failure], ...]:
    return tuple(
        (
            reading.entry.role,
            Failure(
                track_id=reading.track_id, path=reading.entry.name, stage="index", error=IN_BOTH, message=message
            ),
        )
        for reading in readings
    )  # fmt: skip

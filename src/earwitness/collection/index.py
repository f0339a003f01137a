"""Collection: two sets of tracks, indexed, from folders or a manifest.

Goal: every track is read once, known by its decoded content, put into its role and its
group (the unit of independence), and every file that was left out is listed with its reason.
Conventions: the outcome depends on the files alone, not on their order or the number of
workers; one bad file never stops the rest; the same audio in both sets does.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import polars as pl

from earwitness.collection.grouping import groups_of
from earwitness.collection.manifest import read_manifest
from earwitness.collection.reading import DECODERS, Reading, read
from earwitness.collection.recordings import Match, joined_groups, same_recordings
from earwitness.collection.remarks import decoding_remarks, group_remarks, named, recording_remarks
from earwitness.collection.tracks import FAILURE_SCHEMA, TRACK_SCHEMA, Collection, Failure, Role, Track
from earwitness.collection.walk import Entry, Gathered, walk_folder
from earwitness.errors import EarwitnessError
from earwitness.text import printable
from earwitness.types import OnProgress

__all__ = ["DECODERS", "Collection", "Role", "Track", "index"]

_MOST_SHARED = 0.1


def index(
    suspect: Path | None = None,
    held_out: Path | None = None,
    manifest: Path | None = None,
    *,
    roles: tuple[Role, Role] = (Role.SUSPECT, Role.HELD_OUT),
    workers: int | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> Collection:
    """Read, check and hash two sets of tracks: two folders, or a manifest.

    Parameters
    ----------
    suspect, held_out
        Folders, walked with their subfolders.
    manifest
        A CSV ``path,role[,group,pair,stratum,prompt,title,artist,album]``, instead of folders.
    roles
        What the two folders' tracks are called; (member, non_member) where the truth is known.
    workers
        Threads that decode; it changes no result.
    on_progress
        Called with (files done, files in all).

    Returns
    -------
    Collection
        Of audio that occurs twice in a role the first by path is kept; the others are in ``failures``.

    Raises
    ------
    EarwitnessError
        Where folders or manifest cannot be used, a role has no usable track, audio is in both sets, or more than a
        tenth of a set are recordings that the other has in other clothes and that are not declared pairs.
    """
    gathered = _gather(suspect, held_out, manifest, roles)
    entries = [entry for source in gathered for entry in source.entries]
    sides = _sides(entries)
    roots = {entry.role: source.root.absolute() for source in gathered for entry in source.entries}
    left_out = [failure for source in gathered for failure in source.failures]
    usable: list[Reading] = []
    for entry, outcome in zip(entries, _read_all(entries, workers, on_progress), strict=True):
        if isinstance(outcome, Reading):
            usable.append(outcome)
        else:
            left_out.append((entry.role, outcome))
    _check_usable(sides, usable, left_out)
    _refuse_shared_audio(usable)
    kept, duplicates = _without_duplicates(usable)
    left_out += duplicates
    kept, in_both, shared = _without_shared_recordings(kept, same_recordings([reading.marks for reading in kept]))
    left_out += in_both
    matches = same_recordings([reading.marks for reading in kept])
    groups = joined_groups(groups_of([reading.filed for reading in kept]), _within_a_set(kept, matches))
    tracks = [reading.in_group(*group) for reading, group in zip(kept, groups, strict=True)]
    reasons = Counter((role, "duplicates" if f.error == "duplicate" else "failed") for role, f in left_out)
    return Collection(
        tracks=pl.DataFrame([asdict(track) for track in tracks], schema=TRACK_SCHEMA, orient="row"),
        failures=pl.DataFrame([asdict(failure) for _, failure in left_out], schema=FAILURE_SCHEMA, orient="row"),
        roots={str(side): roots[side] for side in sides},
        left_out={str(role): {reason: reasons[role, reason] for reason in ("failed", "duplicates")} for role in sides},
        ignored=sum(source.ignored for source in gathered),
        symlinks=sum(source.symlinks for source in gathered),
        warnings=(
            *(text for source in gathered for text in source.warnings),
            *decoding_remarks([(reading.entry.name, remark) for reading in kept for remark in reading.remarks]),
            *shared,
            *recording_remarks(_couples(kept, _within_a_set(kept, matches))),
            *group_remarks(tracks),
        ),
    )


def _gather(
    suspect: Path | None, held_out: Path | None, manifest: Path | None, roles: tuple[Role, Role]
) -> list[Gathered]:
    if manifest is not None:
        if suspect is not None or held_out is not None:
            raise EarwitnessError("Both a manifest and a folder were given; give the manifest or the two folders.")
        return [read_manifest(manifest)]
    if suspect is None or held_out is None:
        missing = "nothing" if suspect is held_out else f"only the {roles[0] if held_out is None else roles[1]} folder"
        raise EarwitnessError(f"Found {missing}; a test compares two sets: give two folders, or a manifest.")
    inner, outer = suspect.resolve(), held_out.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise EarwitnessError(f"The folders {suspect} and {held_out} hold the same files; give two separate folders.")
    return [walk_folder(folder, role, DECODERS.keys()) for folder, role in zip((suspect, held_out), roles, strict=True)]


def _sides(entries: Sequence[Entry]) -> tuple[Role, Role]:
    """Return the two roles, the suspect side first, or say what is wrong with them."""
    found = sorted({entry.role for entry in entries})
    for pair in ((Role.SUSPECT, Role.HELD_OUT), (Role.MEMBER, Role.NON_MEMBER)):
        if set(found) == set(pair):
            return pair
    raise EarwitnessError(
        f"The tracks' roles are {' and '.join(found)}; a test needs suspect and held_out, or member and non_member."
    )


def _read_all(entries: Sequence[Entry], workers: int | None, on_progress: OnProgress) -> Iterator[Reading | Failure]:
    """Yield one outcome an entry, in the order of the entries."""
    executor = ThreadPoolExecutor(max_workers=workers or min(4, os.cpu_count() or 1))
    try:
        for done, outcome in enumerate(executor.map(read, entries), start=1):
            on_progress(done, len(entries))
            yield outcome
    finally:
        executor.shutdown(cancel_futures=True)  # an interrupt does not wait for thousands of files


def _check_usable(
    sides: tuple[Role, Role], usable: Sequence[Reading], left_out: Sequence[tuple[Role, Failure]]
) -> None:
    for side in sides:
        if not any(reading.entry.role is side for reading in usable):
            messages = [failure.message for role, failure in left_out if role is side]
            raise EarwitnessError(
                f"None of the {len(messages)} {side} files can be used; the first: {messages[0]} "
                "Give at least one good file a set."
            )


def _refuse_shared_audio(usable: Sequence[Reading]) -> None:
    """A track in both sets is at once evidence and yardstick: nothing can be tested with it."""
    on_suspect_side: dict[str, Entry] = {}
    for reading in usable:
        if reading.entry.role.is_suspect_side:
            on_suspect_side.setdefault(reading.content_sha256, reading.entry)
    pairs = [
        f"{twin.role} {twin.name} = {reading.entry.role} {reading.entry.name}"
        for reading in usable
        if not reading.entry.role.is_suspect_side and (twin := on_suspect_side.get(reading.content_sha256))
    ]
    if pairs:
        raise EarwitnessError(
            f"The same audio is in both sets ({named(pairs)}), which makes the test meaningless; "
            "remove it from one of them."
        )


def _without_shared_recordings(
    kept: Sequence[Reading], matches: Sequence[Match]
) -> tuple[list[Reading], list[tuple[Role, Failure]], tuple[str, ...]]:
    """Leave a recording that is in both sets out of both, unless the manifest says that its two takes are a pair.

    Returns the other tracks, the failures and the sentence that says so.

    Raises
    ------
    EarwitnessError
        Where more than a tenth of a set would be left out: such sets were not put together with care.
    """
    across = [
        match
        for match in matches
        if kept[match.first].entry.role is not kept[match.second].entry.role
        and (kept[match.first].entry.pair is None or kept[match.first].entry.pair != kept[match.second].entry.pair)
    ]
    if not across:
        return list(kept), [], ()
    shared = {track for match in across for track in (match.first, match.second)}
    sizes = Counter(reading.entry.role for reading in kept)
    affected = Counter(kept[track].entry.role for track in shared)
    couples = named(_couples(kept, across))
    if any(affected[role] > _MOST_SHARED * sizes[role] for role in sizes):
        raise EarwitnessError(
            f"The same recording is in both sets ({couples}), which makes the test "
            "meaningless; remove it from one of them, or give the two takes one value in the manifest's pair column."
        )
    message = "The same recording, or a piece that is not to be told from it, is in the other set."
    failures = [
        (
            kept[track].entry.role,
            Failure(
                track_id=kept[track].track_id, path=kept[track].entry.name, stage="index", error="in both sets",
                message=message,
            ),
        )
        for track in sorted(shared)
    ]  # fmt: skip
    remark = f"{len(shared)} tracks were left out, because the same recording is in both sets ({couples})."
    return [reading for track, reading in enumerate(kept) if track not in shared], failures, (remark,)


def _within_a_set(kept: Sequence[Reading], matches: Sequence[Match]) -> list[Match]:
    return [match for match in matches if kept[match.first].entry.role is kept[match.second].entry.role]


def _couples(kept: Sequence[Reading], matches: Sequence[Match]) -> list[str]:
    """The two tracks of each match in words, with the share of marks that agree."""
    return [
        f"{kept[m.first].entry.role} {kept[m.first].entry.name} = {kept[m.second].entry.role} "
        f"{kept[m.second].entry.name}, {m.share:.0%} of marks"
        for m in matches
    ]


def _without_duplicates(usable: Sequence[Reading]) -> tuple[list[Reading], list[tuple[Role, Failure]]]:
    first: dict[str, Reading] = {}
    duplicates: list[tuple[Role, Failure]] = []
    for reading in usable:
        kept = first.setdefault(reading.track_id, reading)
        if kept is not reading:
            name = reading.entry.name
            message = (
                f"{printable(name)} is the same audio as {printable(kept.entry.name)}, which is used in its place."
            )
            failure = Failure(track_id=reading.track_id, path=name, stage="index", error="duplicate", message=message)
            duplicates.append((reading.entry.role, failure))
    return list(first.values()), duplicates

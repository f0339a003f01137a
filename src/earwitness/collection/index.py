"""Collection: two sets of tracks, indexed, from folders or a manifest.

Goal: every track is read once, known by its decoded content, put into its role and its
group (the unit of independence), and every file that was left out is listed with its reason.
Conventions: the outcome depends on the files alone, not on their order or the number of
workers; one bad file never stops the rest; the same audio in both sets does.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import polars as pl

from earwitness.collection.both_sets import couples, without_shared_audio, without_shared_recordings
from earwitness.collection.generated import generated_remarks
from earwitness.collection.grouping import groups_of
from earwitness.collection.manifest import read_manifest
from earwitness.collection.reading import DECODERS, Describe, Reading, nothing_more, read
from earwitness.collection.recordings import Match, joined_groups, same_recordings
from earwitness.collection.remarks import decoding_remarks, group_remarks, recording_remarks
from earwitness.collection.sources import sha256_of, sources_sha256
from earwitness.collection.tracks import FAILURE_SCHEMA, TRACK_SCHEMA, Collection, Failure, Role, Track
from earwitness.collection.walk import Entry, Gathered, walk_folder
from earwitness.errors import EarwitnessError
from earwitness.text import printable
from earwitness.types import OnProgress

__all__ = ["DECODERS", "Collection", "Role", "Track", "index"]

_T = TypeVar("_T")


def index(
    suspect: Path | None = None,
    held_out: Path | None = None,
    manifest: Path | None = None,
    *,
    roles: tuple[Role, Role] = (Role.SUSPECT, Role.HELD_OUT),
    workers: int | None = None,
    on_progress: OnProgress = lambda done, total: None,
    describe: Describe = nothing_more,
    earlier: Collection | None = None,
    refuse: bool = True,
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
    describe
        Measures further numbers of each decoded file, for ``described``.
    earlier
        A collection of before: where the files and what is said of them are the same, it is returned and
        nothing is decoded.
    refuse
        False gives a collection that no audit takes all the same, with its ``refusal``, for somebody to look at.

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
    if earlier is not None and earlier.sources == sources_sha256(
        gathered, list(_each(sha256_of, entries, workers, on_progress))
    ):
        return _accepted(replace(earlier, roots={str(side): roots[side] for side in sides}), refuse=refuse)
    usable: list[Reading] = []
    sha256s: list[str] = []
    outcomes = _each(lambda entry: read(entry, describe), entries, workers, on_progress)
    for entry, outcome in zip(entries, outcomes, strict=True):
        if isinstance(outcome, Reading):
            usable.append(outcome)
            sha256s.append(outcome.sha256)
        else:
            left_out.append((entry.role, outcome))
            sha256s.append(sha256_of(entry))
    _check_usable(sides, usable, left_out)
    identical = without_shared_audio(usable)
    kept, duplicates = _without_duplicates(identical.kept)
    matches = same_recordings([reading.marks for reading in kept])
    alike = couples(kept, matches)
    recordings = without_shared_recordings(kept, matches)
    kept = recordings.kept
    refusal = identical.refusal or recordings.refusal
    for side in sides:
        if not any(reading.entry.role is side for reading in kept):
            raise EarwitnessError(f"{refusal} Without it the {side} set is empty.")
    left_out += [*identical.failures, *duplicates, *recordings.failures]
    matches = _within_a_set(kept, same_recordings([reading.marks for reading in kept]))
    groups = joined_groups(groups_of([reading.filed for reading in kept]), matches)
    tracks = [reading.in_group(*group) for reading, group in zip(kept, groups, strict=True)]
    reasons = Counter((role, "duplicates" if f.error == "duplicate" else "failed") for role, f in left_out)
    collection = Collection(
        tracks=pl.DataFrame([asdict(track) for track in tracks], schema=TRACK_SCHEMA, orient="row"),
        failures=pl.DataFrame([asdict(failure) for _, failure in left_out], schema=FAILURE_SCHEMA, orient="row"),
        roots={str(side): roots[side] for side in sides},
        left_out={str(role): {reason: reasons[role, reason] for reason in ("failed", "duplicates")} for role in sides},
        ignored=sum(source.ignored for source in gathered),
        symlinks=sum(source.symlinks for source in gathered),
        warnings=(
            *(text for source in gathered for text in source.warnings),
            *decoding_remarks([(reading.entry.name, remark) for reading in kept for remark in reading.remarks]),
            *([recordings.remark] if recordings.remark else []),
            *recording_remarks([str(couple) for couple in couples(kept, matches) if not couple.declared]),
            *group_remarks(tracks),
            *generated_remarks([(str(r.entry.role), r.entry.name, r.seconds, r.made) for r in kept]),
        ),
        described=_described(kept),
        couples=tuple(alike),
        refusal=refusal,
        sources=sources_sha256(gathered, sha256s),
    )
    return _accepted(collection, refuse=refuse)


def _accepted(collection: Collection, *, refuse: bool) -> Collection:
    if refuse and collection.refusal is not None:
        raise EarwitnessError(f"{collection.refusal} (`earwitness inspect` lists all that there is to mend.)")
    return collection


def _described(kept: Sequence[Reading]) -> pl.DataFrame:
    """What was measured of each track: a column a number, NaN where a track has none."""
    names = list(dict.fromkeys(name for reading in kept for name in reading.described))
    columns = {name: [reading.described.get(name, float("nan")) for reading in kept] for name in names}
    return pl.DataFrame({"track_id": [reading.track_id for reading in kept], **columns})


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


def _each(
    work: Callable[[Entry], _T], entries: Sequence[Entry], workers: int | None, on_progress: OnProgress
) -> Iterator[_T]:
    """Yield one outcome an entry, in the order of the entries."""
    executor = ThreadPoolExecutor(max_workers=workers or min(4, os.cpu_count() or 1))
    try:
        for done, outcome in enumerate(executor.map(work, entries), start=1):
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
                "Give at least one good file per set."
            )


def _within_a_set(kept: Sequence[Reading], matches: Sequence[Match]) -> list[Match]:
    return [match for match in matches if kept[match.first].entry.role is kept[match.second].entry.role]


def _without_duplicates(usable: Sequence[Reading]) -> tuple[list[Reading], list[tuple[Role, Failure]]]:
    first: dict[str, Reading] = {}
    duplicates: list[tuple[Role, Failure]] = []
    for reading in usable:
        kept = first.setdefault(reading.track_id, reading)
        if kept is not reading:
            name = reading.entry.name
            message = (
                f"{printable(name)} is the same {reading.kind} as {printable(kept.entry.name)}, "
                "which is used in its place."
            )
            failure = Failure(track_id=reading.track_id, path=name, stage="index", error="duplicate", message=message)
            duplicates.append((reading.entry.role, failure))
    return list(first.values()), duplicates

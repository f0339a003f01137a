"""Collection: two sets of tracks, indexed, from folders or a manifest.

Goal: every track is read once, known by its decoded content, put into its role and its
group (the unit of independence), and every file that was left out is listed with its reason.
Conventions: the outcome depends on the files alone, not on their order or the number of
workers; one bad file never stops the rest; the same audio in both sets does.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import polars as pl

from earwitness import audio, midi
from earwitness.collection.grouping import group_of
from earwitness.collection.manifest import read_manifest
from earwitness.collection.tags import Tags, read_tags
from earwitness.collection.tracks import FAILURE_SCHEMA, TRACK_SCHEMA, Collection, Failure, Role, Track
from earwitness.collection.walk import Entry, Gathered, walk_folder
from earwitness.errors import AudioError, EarwitnessError
from earwitness.text import printable, storable

__all__ = ["DECODERS", "Collection", "Role", "Track", "index"]


class Decoded(Protocol):
    """What the tracks table asks of a decoded file, be it audio or a score."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of what is heard or written, whatever the file's format."""

    @property
    def seconds(self) -> float:
        """Its length."""

    @property
    def sample_rate(self) -> int:
        """In Hz; 0 for a score."""

    @property
    def channels(self) -> int:
        """How many; 0 for a score."""

    @property
    def codec(self) -> str:
        """``pcm``, ``mp3``, ``midi`` …"""

    @property
    def bits_per_sample(self) -> int | None:
        """``None`` where there are none."""


DECODERS: Mapping[str, Callable[[Path], Decoded]] = {
    **dict.fromkeys(audio.SUFFIXES, audio.decode),
    **dict.fromkeys(midi.SUFFIXES, midi.decode),
}
"""Which file suffixes are indexed, and what decodes each."""

OnProgress = Callable[[int, int], None]
_ID_DIGITS = 16
_NAMED = 3


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
        A CSV ``path,role[,group,prompt,title,artist,album]``, instead of folders.
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
        Where folders or manifest cannot be used, a role has no usable track, or audio is in both sets.
    """
    gathered = _gather(suspect, held_out, manifest, roles)
    entries = [entry for source in gathered for entry in source.entries]
    sides = _sides(entries)
    roots = {entry.role: source.root.absolute() for source in gathered for entry in source.entries}
    left_out = [failure for source in gathered for failure in source.failures]
    usable: list[Track] = []
    for entry, outcome in zip(entries, _read_all(entries, workers, on_progress), strict=True):
        if isinstance(outcome, Track):
            usable.append(outcome)
        else:
            left_out.append((entry.role, outcome))
    _check_usable(sides, usable, left_out)
    _refuse_shared_audio(usable)
    tracks, duplicates = _without_duplicates(usable)
    left_out += duplicates
    reasons = Counter((role, "duplicates" if f.error == "duplicate" else "failed") for role, f in left_out)
    return Collection(
        tracks=pl.DataFrame([asdict(track) for track in tracks], schema=TRACK_SCHEMA, orient="row"),
        failures=pl.DataFrame([asdict(failure) for _, failure in left_out], schema=FAILURE_SCHEMA, orient="row"),
        roots={str(side): roots[side] for side in sides},
        left_out={str(role): {reason: reasons[role, reason] for reason in ("failed", "duplicates")} for role in sides},
        ignored=sum(source.ignored for source in gathered),
        symlinks=sum(source.symlinks for source in gathered),
        warnings=(*(text for source in gathered for text in source.warnings), *_spanning(tracks)),
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


def _read_all(entries: Sequence[Entry], workers: int | None, on_progress: OnProgress) -> Iterator[Track | Failure]:
    """Yield one outcome an entry, in the order of the entries."""
    executor = ThreadPoolExecutor(max_workers=workers or min(4, os.cpu_count() or 1))
    try:
        for done, outcome in enumerate(executor.map(_read, entries), start=1):
            on_progress(done, len(entries))
            yield outcome
    finally:
        executor.shutdown(cancel_futures=True)  # an interrupt does not wait for thousands of files


def _read(entry: Entry) -> Track | Failure:
    try:
        decoded = _decoder(entry)(entry.path)
        sha256, size = audio.file_sha256(entry.path), entry.path.stat().st_size
    except AudioError as error:
        return _failure(entry, error, str(error))
    except OSError as error:
        return _failure(
            entry, error, f"{printable(entry.path.name)} cannot be read ({error.strerror}); check the disk."
        )
    return _track(entry, decoded, read_tags(entry.path), sha256, size)


def _failure(entry: Entry, error: Exception, message: str) -> Failure:
    return Failure(track_id="", path=storable(entry.name), stage="index", error=type(error).__name__, message=message)


def _decoder(entry: Entry) -> Callable[[Path], Decoded]:
    if storable(entry.name) != entry.name:
        raise AudioError(f"{printable(entry.name)} has a name that is not UTF-8; rename it.")
    decoder = DECODERS.get(entry.path.suffix.lower())
    if decoder is None:
        kinds = ", ".join(DECODERS)
        raise AudioError(
            f"{printable(entry.path.name)} is of a kind that is not decoded; convert it to one of {kinds}."
        )
    return decoder


def _track(entry: Entry, decoded: Decoded, tags: Tags, sha256: str, size: int) -> Track:
    track_id = decoded.content_hash[:_ID_DIGITS]
    group, group_from = group_of(entry, tags, track_id)
    return Track(
        track_id=track_id, role=entry.role, group=group, path=entry.name, sha256=sha256, seconds=decoded.seconds,
        sample_rate=decoded.sample_rate, prompt=entry.prompt, title=entry.title or tags.title,
        artist=entry.artist or tags.artist, album=entry.album or tags.album, group_from=group_from,
        channels=decoded.channels, content_sha256=decoded.content_hash, codec=decoded.codec,
        bits_per_sample=decoded.bits_per_sample, bitrate=8 * size / decoded.seconds,
    )  # fmt: skip


def _check_usable(sides: tuple[Role, Role], usable: Sequence[Track], left_out: Sequence[tuple[Role, Failure]]) -> None:
    for side in sides:
        if not any(track.role is side for track in usable):
            messages = [failure.message for role, failure in left_out if role is side]
            raise EarwitnessError(
                f"None of the {len(messages)} {side} files can be used; the first: {messages[0]} "
                "Give at least one good file a set."
            )


def _refuse_shared_audio(usable: Sequence[Track]) -> None:
    """A track in both sets is at once evidence and yardstick: nothing can be tested with it."""
    on_suspect_side: dict[str, Track] = {}
    for track in usable:
        if track.role.is_suspect_side:
            on_suspect_side.setdefault(track.content_sha256, track)
    pairs = [
        f"{twin.role} {printable(twin.path)} = {track.role} {printable(track.path)}"
        for track in usable
        if not track.role.is_suspect_side and (twin := on_suspect_side.get(track.content_sha256))
    ]
    if pairs:
        more = f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
        raise EarwitnessError(
            f"The same audio is in both sets ({'; '.join(pairs[:_NAMED])}{more}), which makes the test meaningless; "
            "remove it from one of them."
        )


def _without_duplicates(usable: Sequence[Track]) -> tuple[list[Track], list[tuple[Role, Failure]]]:
    first: dict[str, Track] = {}
    duplicates: list[tuple[Role, Failure]] = []
    for track in usable:
        kept = first.setdefault(track.track_id, track)
        if kept is not track:
            message = (
                f"{printable(track.path)} is the same audio as {printable(kept.path)}, which is used in its place."
            )
            duplicates.append(
                (
                    track.role,
                    Failure(
                        track_id=track.track_id, path=track.path, stage="index", error="duplicate", message=message
                    ),
                )
            )
    return list(first.values()), duplicates


def _spanning(tracks: Sequence[Track]) -> tuple[str, ...]:
    roles: dict[str, set[Role]] = {}
    for track in tracks:
        roles.setdefault(track.group, set()).add(track.role)
    spanning = sorted(printable(group) for group, found in roles.items() if len(found) > 1)
    if not spanning:
        return ()
    more = f" and {len(spanning) - _NAMED} more" if len(spanning) > _NAMED else ""
    return (
        f"{len(spanning)} groups have tracks in both sets ({'; '.join(spanning[:_NAMED])}{more}); "
        "the test takes groups whole: move or leave out their tracks, or correct the group.",
    )

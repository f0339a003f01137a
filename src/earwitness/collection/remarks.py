"""Remarks: what a reader must know of how the tracks fell into groups.

Goal: a collection whose groups are too small gives p-values that are too small, and nothing but the
user's knowledge can tell; so whatever looks like an album in pieces is said. Conventions: sentences
for the reader, names of strangers made printable, at most three of them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from earwitness.collection.tracks import Role, Track
from earwitness.text import counted, printable

NAMED = 3
_CURE = "If tracks were made together, say so in the group column of a manifest: otherwise p comes out too small."


def group_remarks(tracks: Sequence[Track]) -> tuple[str, ...]:
    """Say which groups span both sets, which folders fall into several groups, and which albums have one track."""
    return (*_spanning(tracks), *_torn_folders(tracks), *_single_tracks(tracks))


def decoding_remarks(remarks: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Say what was done to tracks, given as (path, what was done), one sentence per kind of cure."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for path, remark in remarks:
        kinds[re.sub(r"[\d.]+", "#", remark)].append(f"{path}: {remark}")
    return tuple(
        f"Of {len(found)} file{'s' if len(found) > 1 else ''} the samples were mended ({named(found)})."
        for found in kinds.values()
    )


def recording_remarks(couples: Sequence[str]) -> tuple[str, ...]:
    """Say which tracks of a set are one recording in several files."""
    if not couples:
        return ()
    return (
        f"{counted(len(couples), 'pair')} of files in one set of one recording ({named(couples)}); "
        "their groups were made one. Leave out the copies where that joins albums.",
    )


def named(names: Iterable[str]) -> str:
    """The first few of some names, and how many more there are."""
    listed = [printable(name) for name in names]
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return "; ".join(listed[:NAMED]) + more


def _spanning(tracks: Sequence[Track]) -> tuple[str, ...]:
    roles: defaultdict[str, set[Role]] = defaultdict(set)
    for track in tracks:
        roles[track.group].add(track.role)
    spanning = sorted(group for group, found in roles.items() if len(found) > 1)
    if not spanning:
        return ()
    return (
        f"{counted(len(spanning), 'group')} with tracks in both sets ({named(spanning)}); "
        "the test takes groups whole: move or leave out their tracks, or correct the group.",
    )


def _torn_folders(tracks: Sequence[Track]) -> tuple[str, ...]:
    """Of folders below the set's own: whether one holds several groups that no manifest named."""
    groups: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for track in tracks:
        folder = PurePosixPath(track.path).parent.as_posix()
        if track.group_from != "manifest" and folder != ".":
            groups[f"{track.role} {folder}"][track.group] += 1
    torn = [f"{folder}: {len(found)} groups" for folder, found in groups.items() if len(found) > 1]
    return (f"{counted(len(torn), 'folder')} split into several groups ({named(torn)}). {_CURE}",) if torn else ()


def _single_tracks(tracks: Sequence[Track]) -> tuple[str, ...]:
    """Of sets in which groups of several tracks are the rule: which groups that no manifest named are a single one."""
    remarks = []
    for role in dict.fromkeys(track.role for track in tracks):
        own = [track for track in tracks if track.role is role]
        sizes = Counter(track.group for track in own)
        alone = [track for track in own if sizes[track.group] == 1]
        undeclared = [track.path for track in alone if track.group_from != "manifest"]
        if undeclared and 2 * len(alone) < len(own):
            remarks.append(
                f"{len(undeclared)} of the {len(sizes)} {role} groups are a single track among groups of several "
                f"({named(undeclared)}). {_CURE}"
            )
    return tuple(remarks)

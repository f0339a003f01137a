"""Recordings: which tracks are the same recording, or the same score, in other clothes.

Goal: a copy as MP3, a remaster, an upload at another level is no further track: within a set it belongs
to the group of the other, and across the sets it makes a test meaningless. Conventions: two tracks are
alike where many of their marks agree; the marks of sound (``landmarks``) must also agree in when they
come. The work grows with the number of tracks, not of pairs: marks that many tracks have are no evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.collection.landmarks import Landmarks
from earwitness.collection.linking import linked

FEWEST_MARKS = 20
_BY_CHANCE = 40
"""Marks more than the share asks for: five seconds of two melodies in one scale agreed in 86 of 390."""
_ENOUGH = 0.5
"""A share that is a match however few the marks."""
_REPEATS = 4
"""How often a mark counts in one track: a loop has it a hundred times."""
_MOST_HOLDERS = 160
"""Marks that are found more often than this say nothing."""
_SECONDS_PER_STEP = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Two tracks, by their numbers, and the share of the smaller one's marks that agree."""

    first: int
    second: int
    share: float


def same_recordings(tracks: Sequence[Landmarks]) -> list[Match]:
    """Return every pair of tracks that are the same recording, in order."""
    if not any(len(track.codes) for track in tracks):
        return []
    codes = np.concatenate([track.codes for track in tracks])
    times = np.concatenate([track.times for track in tracks])
    owner = np.repeat(np.arange(len(tracks)), [len(track.codes) for track in tracks])
    order = np.lexsort((times, owner, codes))
    codes, times, owner = codes[order], times[order], owner[order]
    few = _rank_in_run((codes[1:] == codes[:-1]) & (owner[1:] == owner[:-1])) < _REPEATS
    codes, times, owner = codes[few], times[few], owner[few]
    sizes = np.bincount(owner, minlength=len(tracks))
    found = _agreements(codes, times, owner, len(tracks))
    matches = []
    for pair, agreeing in found.items():
        first, second = divmod(pair, len(tracks))
        smaller = max(1, min(sizes[first], sizes[second]))
        share = agreeing / smaller
        usual = max(tracks[first].same_share, tracks[second].same_share)
        needed = max(usual, min(_ENOUGH, usual + _BY_CHANCE / smaller))
        if agreeing >= FEWEST_MARKS and share >= needed:
            matches.append(Match(first=first, second=second, share=float(share)))
    return sorted(matches, key=lambda match: (match.first, match.second))


def joined_groups(groups: Sequence[tuple[str, str]], matches: Sequence[Match]) -> list[tuple[str, str]]:
    """Make the groups of tracks that are the same recording one, named after the first of them by name."""
    keys: list[list[object]] = [[name] for name, _ in groups]
    for number, match in enumerate(matches):
        for track in (match.first, match.second):
            keys[track].append(number)
    components = linked(keys).tolist()
    names: dict[int, set[str]] = {}
    for component, (name, _) in zip(components, groups, strict=True):
        names.setdefault(component, set()).add(name)
    return [
        (min(names[component]), "recording" if len(names[component]) > 1 else rule)
        for component, (_, rule) in zip(components, groups, strict=True)
    ]


def _rank_in_run(continues: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each element, how many equal ones stand right before it."""
    starts = np.flatnonzero(np.concatenate([[True], ~continues]))
    lengths = np.diff(np.append(starts, len(continues) + 1))
    return np.arange(len(continues) + 1) - np.repeat(starts, lengths)


def _agreements(
    codes: NDArray[np.uint64], times: NDArray[np.float32], owner: NDArray[np.int64], tracks: int
) -> dict[int, int]:
    """By pair (first · tracks + second): how many marks agree at the best common delay, within two steps."""
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    lengths = np.diff(np.append(starts, len(codes)))
    rare = np.repeat(lengths <= _MOST_HOLDERS, lengths)
    codes, times, owner = codes[rare], times[rare], owner[rare]
    pairs, delays = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for ahead in range(1, len(codes)):
        same = codes[ahead:] == codes[:-ahead]
        if not same.any():
            break
        at = np.flatnonzero(same)
        at = at[owner[at] != owner[at + ahead]]
        pairs.append(owner[at] * tracks + owner[at + ahead])
        delays.append(np.floor((times[at] - times[at + ahead]) / _SECONDS_PER_STEP).astype(np.int64))
    pair, delay = np.concatenate(pairs), np.concatenate(delays)
    span = 1 << 20
    keys, counts = np.unique(pair * span + delay + span // 2, return_counts=True)
    following = np.concatenate([np.where(np.diff(keys) == 1, counts[1:], 0), [0]]) if len(keys) else counts
    best: dict[int, int] = {}
    for key, count in zip((keys // span).tolist(), (counts + following).tolist(), strict=True):
        best[key] = max(best.get(key, 0), count)
    return best

"""Versions of one melody form a group, and half of the groups are trained on.

Goal: the split that every ground-truth target needs. Pieces that share their melody, in any
key and tempo, must lie on the same side of it, or a model would look as if it had seen what
it has not.

Conventions: a melody is float64 [notes, 3] with rows of onset, duration (quarter lengths) and
MIDI pitch, in order; a piece is known by its name, a group by the name of its first piece.
"""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Melody = NDArray[np.float64]
Fingerprint = tuple[int, ...]


def fingerprints(melody: Melody, *, notes: int, rhythm: bool) -> set[Fingerprint]:
    """Every run of ``notes`` notes as its pitch intervals and, with ``rhythm``, its relative durations.

    Intervals forget the key and relative durations the tempo; without ``rhythm`` a melody and
    its plainer or more even form agree too.
    """
    intervals = np.diff(melody[:, 2]).astype(int)
    if rhythm:
        ratios = np.round(4 * np.log2(melody[1:, 1] / melody[:-1, 1])).astype(int)
        steps = np.stack([intervals, ratios], axis=1)
    else:
        steps = intervals[:, None]
    return {tuple(steps[i : i + notes - 1].ravel().tolist()) for i in range(len(steps) - notes + 2)}


def group_versions(prints: Mapping[str, set[Fingerprint]], *, shared: float) -> dict[str, str]:
    """Map each piece's name to its group.

    Two pieces are versions of one another when at least ``shared`` of the fingerprints of the
    one with fewer occur in the other; what is a version of a version is one too.
    """
    holders: dict[Fingerprint, list[str]] = defaultdict(list)
    for name, shingles in prints.items():
        for shingle in shingles:
            holders[shingle].append(name)
    common: dict[tuple[str, str], int] = defaultdict(int)
    for names in holders.values():
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                common[first, second] += 1
    root = {name: name for name in prints}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for (first, second), count in sorted(common.items()):
        if count >= shared * min(len(prints[first]), len(prints[second])):
            low, high = sorted((find(first), find(second)))
            root[high] = low
    return {name: find(name) for name in prints}


def draw_members(groups: Mapping[str, str], seed: int) -> dict[str, bool]:
    """Draw half of the groups: piece name → whether it is a member (trained on)."""
    names = sorted(set(groups.values()))
    drawn = np.random.default_rng(seed).permutation(len(names))[: len(names) // 2]
    members = {names[i] for i in drawn}
    return {piece: group in members for piece, group in groups.items()}


def draw_sides(groups: Mapping[str, str], seed: int, members: int) -> dict[str, bool]:
    """Draw half of the groups and of their pieces as many as are trained on: piece name → whether it is a member.

    Pieces of the drawn half beyond ``members``, groups in a drawn order, are on neither side: one of them may be a
    version of a member.
    """
    half = draw_members(groups, seed)
    names = sorted({groups[piece] for piece, drawn in half.items() if drawn})
    order = np.random.default_rng([seed, True]).permutation(len(names))
    rank = {names[j]: i for i, j in enumerate(order)}
    drawn = sorted((piece for piece in groups if half[piece]), key=lambda piece: (rank[groups[piece]], piece))
    return dict.fromkeys(drawn[:members], True) | {piece: False for piece in groups if not half[piece]}

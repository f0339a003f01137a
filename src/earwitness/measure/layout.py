"""Which tracks make a part, which parts a shard takes.

Goal: parts depend on the collection alone and never on who measures them, so that any number of machines
gives the same table. Conventions: tracks in order of ``track_id``; parts count from 0, shards from 1.
"""

from collections.abc import Iterable
from pathlib import Path

from earwitness.collection.tracks import Track

Part = list[tuple[Track, Path]]
"""Tracks that are measured and written together, with their files."""

FEWEST, MOST, PARTS = 8, 32, 64


def tracks_per_part(tracks: int) -> int:
    """Return how many tracks make a part: a 64-th of the collection, from 8 to 32.

    Small parts share out evenly and lose little when a machine dies; eight tracks still fill a batch.
    """
    return min(MOST, max(FEWEST, -(-tracks // PARTS)))


def parts_of(tracks: Iterable[tuple[Track, Path]], size: int) -> list[Part]:
    """Return the parts of a collection, ``size`` tracks each but for the last."""
    ordered = sorted(tracks, key=lambda located: located[0].track_id)
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]

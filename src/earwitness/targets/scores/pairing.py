"""Which notes a note-off ends, as pretty_midi and those who follow it say: every open one that began before it."""

from typing import TypeVar

_Key = TypeVar("_Key")
Struck = tuple[int, int]
"""Tick and velocity of a note-on."""


def ended(open_notes: dict[_Key, list[Struck]], key: _Key, tick: int) -> list[Struck]:
    """Take from ``open_notes`` those of ``key`` that a note-off at ``tick`` ends, and return them.

    A note struck in the same tick stays open if it ends another; alone, it has no length and is dropped.
    """
    struck = open_notes.pop(key, [])
    found = [note for note in struck if note[0] != tick]
    kept = [note for note in struck if note[0] == tick]
    if found and kept:
        open_notes[key] = kept
    return found

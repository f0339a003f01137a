"""Aria's vocabulary of 17,727 tokens: what each id says.

Conventions: the ids run through specials, prefixes (instruments, composers, forms, genres), notes (instrument, pitch,
velocity in tens), percussion, durations and onsets, the latter two in steps of ten milliseconds.
Source: Bradshaw et al., arXiv 2506.23869, and ``AbsTokenizer`` of EleutherAI/aria-utils (at e122d03).
"""

from collections.abc import Sequence
from functools import cache

BEGIN, END, NEARLY_OVER, FIVE_SECONDS = 0, 1, 4, 5
"""The piece begins, ends, ends soon; another five seconds begin. (2 fills up, 3 stands for what has no token.)"""
UNKNOWN = 3
INSTRUMENTS = (0, 2, 3, 4, 5, 6, 7, 8, 9, 10)
"""Groups of eight programs that have tokens, in their order; the other six are left out of every piece."""
STEP, SEGMENT = 10, 5000
"""Milliseconds of a step of time, and of the segment in which onsets are counted."""
_SPECIALS = 6
_COMPOSERS, _FORMS, _GENRES = 12, 8, 2
_VELOCITIES, _PITCHES, _FIRST_DRUM, _DRUMS = 13, 128, 35, 47
_PREFIXES = len(INSTRUMENTS) + 1 + _COMPOSERS + _FORMS + _GENRES
_NOTES = len(INSTRUMENTS) * _PITCHES * _VELOCITIES
_DURATIONS, _ONSETS = SEGMENT // STEP + 1, SEGMENT // STEP
_FIRST_NOTE = _SPECIALS + _PREFIXES
_FIRST_PERCUSSION = _FIRST_NOTE + _NOTES
_FIRST_DURATION = _FIRST_PERCUSSION + _DRUMS
_FIRST_ONSET = _FIRST_DURATION + _DURATIONS
TOKENS = _FIRST_ONSET + _ONSETS
LONGEST_OPENING = len(INSTRUMENTS) + 2
"""Tokens before the first note of a piece that has every instrument and percussion."""


def kinds() -> Sequence[str]:
    """The kind of every token."""
    blocks = (("special", _SPECIALS), ("prefix", _PREFIXES), ("note", _NOTES), ("drum", _DRUMS),
              ("duration", _DURATIONS), ("onset", _ONSETS))  # fmt: skip
    return [kind for kind, size in blocks for _ in range(size)]


def has_tokens(program: int) -> bool:
    """Whether notes of a program are kept."""
    return program // 8 in INSTRUMENTS


def prefix(program: int | None) -> int:
    """The token that announces an instrument; ``None`` is percussion."""
    return _SPECIALS + (len(INSTRUMENTS) if program is None else INSTRUMENTS.index(program // 8))


def note(program: int, pitch: int, velocity: int) -> int:
    """The token of an instrument's note."""
    level = _nearest(velocity, 10, _VELOCITIES - 1)
    instrument = INSTRUMENTS.index(program // 8)
    return _FIRST_NOTE + (instrument * _PITCHES + pitch) * _VELOCITIES + (level or min(velocity, 1))


def percussion(pitch: int) -> int:
    """The token of a stroke."""
    place = pitch - _FIRST_DRUM
    return _FIRST_PERCUSSION + place if 0 <= place < _DRUMS else UNKNOWN


def duration(milliseconds: int) -> int:
    """The token of a duration; no note is shorter than a step or longer than five seconds."""
    return _FIRST_DURATION + max(1, _nearest(milliseconds, STEP, _DURATIONS - 1))


def onset(milliseconds: int) -> int:
    """The token of an onset, counted from its segment's begin."""
    return _FIRST_ONSET + _nearest(milliseconds % SEGMENT, STEP, _ONSETS - 1)


def is_onset(token: int) -> bool:
    """Whether it is the second token of a note."""
    return token >= _FIRST_ONSET


def is_duration(token: int) -> bool:
    """Whether it is the third token of a note."""
    return _FIRST_DURATION <= token < _FIRST_ONSET


@cache
def _nearest(value: int, step: int, last: int) -> int:
    """Which multiple of a step, from 0 to ``last``, is nearest.

    Of two that are equally near, 0 or else the one that a search by halves meets first, as in the published program.
    """
    low, high, best = 0, last, 0
    while low <= high:
        middle = (low + high) // 2
        if abs(middle * step - value) < abs(best * step - value):
            best = middle
        if middle * step < value:
            low = middle + 1
        else:
            high = middle - 1
    return best

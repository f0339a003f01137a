"""What a data set's own lists say, file by file, and what was found wrong with them.

Goal: the one form in which the layouts reach the draw. A loader turns a folder into a `Listing`;
nothing after it knows where the data came from.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from earwitness.text import printable

_NAMED = 3
_LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One listed clip or piece.

    Attributes
    ----------
    name
        What the list calls it; unique in a listing.
    path
        Its file; ``None`` where there is none.
    member
        Whether it stands on the training side.
    group
        What it is not independent of: the source video, the song, the artist.
    prompt, title, artist
        As the list gives them; the prompt is what the model is asked with.
    """

    name: str
    path: Path | None
    member: bool
    group: str
    prompt: str = ""
    title: str = ""
    artist: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a reader should know; where it ``blocks``, the experiment cannot run before it is mended.

    ``line`` says what was found, what is needed and what to do; ``kind`` names it for a program.
    """

    kind: str
    line: str
    blocks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All that a folder lists, whether its file is there or not, and what was found on the way."""

    rows: tuple[Listed, ...]
    findings: tuple[Finding, ...] = ()


def counted(n: int, noun: str) -> str:
    """A number with its noun: 1 clip, 1,200 clips."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def itemised(items: Collection[str], noun: str) -> str:
    """How many, and the first few by name: 5 clips (a, b, c and 2 more)."""
    return f"{counted(len(items), noun)} ({some(items)})"


def some(items: Collection[str]) -> str:
    """The first few items, fit for one line, and how many there are beyond them."""
    first = ", ".join(short(item) for item in list(items)[:_NAMED])
    return first + (f" and {len(items) - _NAMED:,} more" if len(items) > _NAMED else "")


def short(text: str) -> str:
    """A stranger's text, printable and cut to what a line can hold."""
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"

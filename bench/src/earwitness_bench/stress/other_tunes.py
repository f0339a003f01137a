"""Another collection for the same instrument: James Aird's *Airs* (1782–1801), inside ``music21``.

Goal: a held-out set that anybody might take for a comparable one. Conventions: tunes as in
`earwitness.ground_truth.fiddle.tunes`. An air prints no dance, so it is called by the one its
metre is usual for.
"""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np

from earwitness.errors import EarwitnessError, missing_extra
from earwitness.ground_truth.fiddle.tunes import MIN_NOTES, Tune
from earwitness.ground_truth.groups import fingerprints

# Metre → quarter notes per minute, and the dance.
_DANCES = {
    "6/8": (170.0, "jig"),
    "9/8": (170.0, "slip jig"),
    "2/4": (100.0, "hornpipe"),
    "C": (160.0, "reel"),
    "C|": (190.0, "reel"),
}
_FEWEST_SECONDS = 10.0
_FINGERPRINT_NOTES = 10
_MOST_SHARED = 0.1


def other_tunes(known: Iterable[Tune], count: int) -> list[Tune]:
    """Return airs none of which is a version of a known tune or of another air.

    Parameters
    ----------
    known
        The tunes of the target's collection.
    count
        How many airs.

    Raises
    ------
    EarwitnessError
        If music21 is not installed or holds fewer.
    """
    seen = {found for tune in known for found in _prints(tune)}
    tunes: list[Tune] = []
    for tune in _airs():
        prints = _prints(tune)
        if len(prints & seen) <= _MOST_SHARED * len(prints):
            seen |= prints
            tunes.append(tune)
        if len(tunes) == count:
            return tunes
    raise EarwitnessError(
        f"music21 {version('music21')} holds {len(tunes)} airs that are not in the target's collection; "
        f"{count} are needed: take fewer tracks."
    )


def read_air(text: str, name: str) -> Tune | None:
    """Read one tune in ABC, or return None where it is in an unusual metre or key, or too short."""
    metre, key = _field(text, "M"), re.match(r"([A-G])(?: ?(Minor|Dorian|Mixolydian))?$", _field(text, "K"))
    if metre not in _DANCES or key is None:
        return None
    music21 = _music21()
    stream = music21.converter.parse(text, format="abc", forceSource=True).flatten()
    rows = [
        (float(note.offset), float(note.quarterLength), float(pitch.midi))
        for note in stream.notes
        if note.quarterLength > 0
        for pitch in note.pitches
    ]
    quarters_per_minute, dance = _DANCES[metre]
    if len(rows) < MIN_NOTES or max(rows)[0] * 60 / quarters_per_minute < _FEWEST_SECONDS:
        return None
    return Tune(
        name=name,
        title=_field(text, "T"),
        dance=dance,
        key=f"{key.group(1)} {(key.group(2) or 'Major').lower()}",
        quarters_per_minute=quarters_per_minute,
        notes=np.array(sorted(rows), dtype=np.float64),
    )


def _airs() -> Iterator[Tune]:
    folder = Path(str(_music21().__file__)).parent / "corpus" / "airdsAirs"
    for book in sorted(folder.glob("*.abc")):
        whole = book.read_text(encoding="utf-8", errors="replace")
        for number, text in enumerate(re.split(r"^(?=X:)", whole, flags=re.MULTILINE)[1:], 1):
            if (tune := read_air(text, f"{book.stem}-{number:03d}")) is not None:
                yield tune


def _field(text: str, letter: str) -> str:
    found = re.search(rf"^{letter}:[ \t]*(.*?)[ \t]*$", text, flags=re.MULTILINE)
    return found.group(1) if found else ""


def _prints(tune: Tune) -> set[tuple[int, ...]]:
    return fingerprints(tune.notes, notes=_FINGERPRINT_NOTES, rhythm=True)


def _music21() -> ModuleType:
    try:
        import music21
    except ImportError as error:
        raise missing_extra("music21", "demo") from error
    module: ModuleType = music21
    return module

"""Machine-made music among the tracks: what a file says of itself, and what hints at it.

Goal: a model finds its own output, and that of its relatives, familiar without having been trained on it, so a suspect
track that a machine made has no place in an audit. Conventions: what stands in the file (a tag, a provenance
manifest) is a *statement*; a file's name or a length that generators give out by default is a *hint* and settles
nothing. Tags are lost as soon as somebody encodes a file anew: that nothing is found says nothing.

Notes
-----
IPTC's digital source types ``trainedAlgorithmicMedia`` and ``compositeWithTrainedAlgorithmicMedia``, which C2PA
manifests and XMP packets carry; the comment ``made with suno; created=…; id=…`` in files of that service. Lengths:
AudioLDM 10.24 s (Liu et al., 2301.12503), Stable Audio Open 2,097,152 samples at 44.1 kHz (Evans et al., 2407.14358).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import mutagen
import soundfile

from earwitness.collection.remarks import named
from earwitness.text import STATED_MACHINE_MADE, storable

_SOURCE_TYPE = b"trainedalgorithmicmedia"
_GENERATORS = re.compile(
    r"\b(?:suno|udio|musicgen|audiogen|audiocraft|audioldm\W?2?|musicldm|stable[ _-]?audio|ace[ _-]?step|riffusion|"
    r"diffrhythm|lyria|mubert|soundraw|beatoven|elevenlabs|eleven ?music|"
    r"ai[ -]generated|generated (?:by|with|using) (?:an? )?(?:ai|artificial intelligence))\b",
    re.IGNORECASE,
)
_IN_NAMES = re.compile(
    r"(?<![a-z])(suno|udio|musicgen|audioldm\d?|stable[ _-]?audio|ace[ _-]?step|riffusion|ai[ _-]generated)(?![a-z])",
    re.IGNORECASE,
)
# What people call a work, its maker and its words may name anything.
_OF_THE_WORK = re.compile(
    r"title|artist|album|lyrics|composer|performer|TIT|TPE|TALB|USLT|TCOM|\N{COPYRIGHT SIGN}(?:nam|ART|alb|lyr)",
    re.IGNORECASE,
)
_ENDS = 1 << 20
_LENGTHS = (10.24, 2_097_152 / 44_100)
_SAME_LENGTH = 0.02
_FEW, _MANY = 3, 1 / 3


@dataclass(frozen=True, slots=True)
class Made:
    """What hints that a machine made a file: its statement, or its name; ``None`` where there is none."""

    stated: str | None = None
    hinted: str | None = None


def machine_made(path: Path) -> Made:
    """Look at a file's first and last megabyte, its tags and its name; what cannot be read says nothing."""
    return Made(stated=_provenance(path) or _tagged(path), hinted=_named(path))


def generated_remarks(found: Sequence[tuple[str, str, float, Made]]) -> tuple[str, ...]:
    """Say which tracks were made by a machine by their own account, and which sets hold hints.

    Parameters
    ----------
    found
        Set, path, length in seconds, and what was found of each track.
    """
    return (*_statements(found), *_names(found), *_lengths(found))


def _statements(found: Sequence[tuple[str, str, float, Made]]) -> Iterator[str]:
    for role, stating in _by_role([(role, f"{path}: {made.stated}") for role, path, _, made in found if made.stated]):
        total = sum(other == role for other, *_ in found)
        yield (
            f"{len(stating)} of {total} {role} tracks {STATED_MACHINE_MADE} ({named(stating)}). A model finds its own "
            "output, and that of its relatives, familiar without having been trained on it: leave them out, or show "
            "that people made them."
        )


def _names(found: Sequence[tuple[str, str, float, Made]]) -> Iterator[str]:
    hints = [(role, path) for role, path, _, made in found if made.hinted and not made.stated]
    for role, paths in _by_role(hints):
        yield (
            f"The names of {len(paths)} {role} files hold that of a music generator ({named(paths)}). A name proves "
            "nothing; if a machine made them, leave them out."
        )


def _lengths(found: Sequence[tuple[str, str, float, Made]]) -> Iterator[str]:
    """Sets of which a third or more lasts exactly as long as a generator makes by default, and the other does not."""
    for length in _LENGTHS:
        of_length = Counter(role for role, _, seconds, _ in found if abs(seconds - length) <= _SAME_LENGTH)
        sizes = Counter(role for role, *_ in found)
        many = [role for role, count in of_length.items() if count >= max(_FEW, _MANY * sizes[role])]
        if len(many) == 1:
            yield (
                f"{of_length[many[0]]} of {sizes[many[0]]} {many[0]} tracks last {length:.2f} seconds to the "
                "hundredth, the length that a music generator gives out by default, and those of the other set do "
                "not. If a machine made them, leave them out."
            )


def _by_role(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    for role in dict.fromkeys(role for role, _ in pairs):
        yield role, [text for other, text in pairs if other == role]


def _provenance(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            ends = file.read(_ENDS)
            size = file.seek(0, 2)
            file.seek(max(len(ends), size - _ENDS))
            ends += file.read()
    except OSError:
        return None
    return "provenance says a trained algorithm" if _SOURCE_TYPE in ends.lower() else None


def _tagged(path: Path) -> str | None:
    for key, text in _texts(path):
        if not _OF_THE_WORK.match(key) and (generator := _GENERATORS.search(text)):
            return f"{storable(key.partition(':')[0])} names {generator[0].lower()}"
    return None


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Every tag as name and text, whatever kind of file it is."""
    try:
        file = mutagen.File(path)
        tags = {} if file is None or file.tags is None else dict(file.tags)
    except Exception:  # mutagen's parsers raise whatever a malformed tag trips over
        tags = {}
    for key, value in tags.items():
        for one in value if isinstance(value, list) else [value]:
            yield str(key), str(getattr(one, "url", "") or one)
    try:
        with soundfile.SoundFile(path) as opened:
            yield from opened.copy_metadata().items()
    except (soundfile.SoundFileError, OSError):
        return


def _named(path: Path) -> str | None:
    found = _IN_NAMES.search(path.stem)
    return found[0].lower() if found else None

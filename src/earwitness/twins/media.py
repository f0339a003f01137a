"""What can be marked: audio and scores, each with its own marks and its own kind of file.

Goal: what makes and checks a seal does not know which of the two a work is. Conventions: copies of audio are FLAC of 24
bits at the master's rate and channels; copies of a score are MIDI files as symusic writes them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from earwitness import audio, midi
from earwitness.audio import decode, read_channels
from earwitness.errors import EarwitnessError
from earwitness.twins.marks import MARKS, marked
from earwitness.twins.score_marks import SCORE_MARKS, marked_score


class Copier(Protocol):
    """Makes the copies of one master."""

    def __call__(self, path: Path, seed: bytes) -> None:
        """Write the copy whose marks the seed draws into a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """Works of one kind.

    Attributes
    ----------
    name
        For a reader.
    suffixes
        Of masters.
    copy_suffix
        Of copies.
    kinds
        The marks that there are.
    copier
        Reads a master, with the marks' kinds and strength.
    content
        What two copies of a work must not have in common: what a model could tell them apart by.
    """

    name: str
    suffixes: tuple[str, ...]
    copy_suffix: str
    kinds: tuple[str, ...]
    copier: Callable[[Path, Sequence[str], float], Copier]
    content: Callable[[Path], str]


def _audio_copier(master: Path, kinds: Sequence[str], strength: float) -> Copier:
    heard = decode(master)
    if heard.channels > 2:
        raise EarwitnessError(f"{master} has {heard.channels} channels; mark the stereo or mono master.")
    wave = read_channels(master, heard.sample_rate, heard.channels).astype(np.float64)

    def write(path: Path, seed: bytes) -> None:
        made = marked(wave, heard.sample_rate, kinds, seed, strength=strength)
        soundfile.write(path, np.clip(made, -1, 1 - 2**-23).T, heard.sample_rate, subtype="PCM_24", format="FLAC")

    return write


def _score_copier(master: Path, kinds: Sequence[str], strength: float) -> Copier:
    score = midi.decode(master).score

    def write(path: Path, seed: bytes) -> None:
        path.write_bytes(marked_score(score, kinds, seed, strength=strength).dumps_midi())

    return write


AUDIO = Medium(
    name="audio", suffixes=tuple(audio.SUFFIXES), copy_suffix=".flac", kinds=tuple(MARKS), copier=_audio_copier,
    content=lambda path: decode(path).content_hash,
)  # fmt: skip
SCORES = Medium(
    name="scores", suffixes=midi.SUFFIXES, copy_suffix=".mid", kinds=tuple(SCORE_MARKS), copier=_score_copier,
    content=lambda path: midi.decode(path).content_hash,
)  # fmt: skip
MEDIA: Mapping[str, Medium] = {medium.name: medium for medium in (AUDIO, SCORES)}


def medium_of(kinds: Sequence[str]) -> Medium:
    """Return the medium that has marks of these kinds.

    Raises
    ------
    EarwitnessError
        If a kind is unknown, or they are for audio and scores.
    """
    known = [kind for medium in MEDIA.values() for kind in medium.kinds]
    if unknown := [kind for kind in kinds if kind not in known]:
        raise EarwitnessError(
            f"There is no mark {unknown[0]!r}; choose among {', '.join(AUDIO.kinds)} for audio, "
            f"{', '.join(SCORES.kinds)} for scores."
        )
    for medium in MEDIA.values():
        if set(kinds) <= set(medium.kinds):
            return medium
    raise EarwitnessError(f"The marks {', '.join(kinds)} are for audio and for scores; mark the two apart.")


def medium_in(folder: Path) -> Medium:
    """Return what a folder of masters holds; where it holds both, or neither, audio."""
    found = {path.suffix.lower() for path in folder.rglob("*")} if folder.is_dir() else set()
    return SCORES if found & set(SCORES.suffixes) and not found & set(AUDIO.suffixes) else AUDIO


def check_strength(strength: float) -> None:
    """Refuse a negative strength."""
    if strength < 0:
        raise EarwitnessError(f"The strength of the marks is {strength:g}; it must be 0 or more, and 1 is usual.")

"""Ryan's Mammoth Collection as audio: real tunes, real captions, known groups.

Goal: turn the fiddle tunes that ship inside the ``music21`` wheel into a table of
tunes (title, dance, key, notes), group near-duplicates, and play any of them.
Nothing is downloaded and nothing is stored in the package.

Conventions: a tune is named by its file stem; note times are in quarter lengths;
waveforms are as in `earwitness.ground_truth.performance`.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from earwitness.audio import content_sha256
from earwitness.errors import EarwitnessError, missing_extra
from earwitness.ground_truth.groups import fingerprints, group_versions
from earwitness.ground_truth.performance import SAMPLE_RATE, pcm16, perform, sound
from earwitness.ground_truth.registry import WrittenTrack
from earwitness.types import OnProgress

PROGRAMS = (40, 73, 0, 24)  # General MIDI "Violin", "Flute", "Acoustic Grand Piano", "Acoustic Guitar (nylon)"
SECONDS = (11.0, 20.0)
MIN_NOTES = 24
_FINGERPRINT_NOTES = 10
_SAME_TUNE = 0.4  # share of the shorter tune's fingerprints found in the longer one

# Customary tempi, as quarter notes per minute for the metre the tune is written in.
_QUARTERS_PER_MINUTE = {"2/4": 100.0, "C": 160.0, "C|": 190.0, "6/8": 170.0, "9/8": 170.0}
_MODES = {"m": "minor", "min": "minor", "dor": "dorian", "mix": "mixolydian", "": "major"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """One tune: what the collection prints of it, and its notes.

    ``notes`` has one row per note: onset, duration (quarter lengths), MIDI pitch.
    """

    name: str
    title: str
    dance: str
    key: str
    quarters_per_minute: float
    notes: NDArray[np.float64]

    @property
    def caption(self) -> str:
        """The prompt a captioned training set would hold: dance and key."""
        article = "an" if self.dance[:1] in "aeiou" else "a"
        return f"{article} {self.dance} in {self.key}"

    @property
    def seconds(self) -> float:
        """How long it lasts at its tempo."""
        return float((self.notes[:, 0] + self.notes[:, 1]).max() * 60 / self.quarters_per_minute)


def read_tunes(
    names: Collection[str] | None = None, *, on_progress: OnProgress = lambda done, total: None
) -> list[Tune]:
    """All usable tunes (or those of the given names), sorted by name; about 20 per second."""
    paths = sorted(path for path in _corpus_folder().glob("*.abc") if names is None or path.stem in names)
    tunes = []
    for done, path in enumerate(paths, 1):
        tune = _read_tune(path)
        if tune is not None:
            tunes.append(tune)
        on_progress(done, len(paths))
    return tunes


def collection() -> list[Tune]:
    """The tunes that the targets are about: those that last from 11 to 20 seconds."""
    shortest, longest = SECONDS
    return [tune for tune in read_tunes() if shortest <= tune.seconds < longest]


def group_tunes(tunes: Sequence[Tune]) -> dict[str, str]:
    """Map each tune's name to its group: tunes that are versions of one another share one.

    Two tunes are versions when at least ``_SAME_TUNE`` of the shorter one's melodic
    fingerprints (pitch intervals and relative durations of ten notes, so any transposition
    and tempo) occur in the other. Groups are named by their first tune.
    """
    prints = {tune.name: fingerprints(tune.notes, notes=_FINGERPRINT_NOTES, rhythm=True) for tune in tunes}
    return group_versions(prints, shared=_SAME_TUNE)


def render(tune: Tune, programs: Sequence[int] = PROGRAMS) -> NDArray[np.float32]:
    """Play a tune on the one of ``programs`` that its name draws: [samples] at ``SAMPLE_RATE``; see `performance`."""
    return sound(perform(tune.name, tune.notes, tune.quarters_per_minute, programs))


def write_audio(tune: Tune, path: Path, programs: Sequence[int] = PROGRAMS) -> None:
    """Render a tune into a 16-bit file of the format its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, pcm16(render(tune, programs)), SAMPLE_RATE)


def _corpus_folder() -> Path:
    return Path(_import("music21").__file__).parent / "corpus" / "ryansMammoth"


def _import(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise missing_extra(name, "demo") from error


def _read_tune(path: Path) -> Tune | None:
    """Read one .abc file, or return None where it holds no usable melody."""
    text = path.read_text(encoding="utf-8", errors="replace")
    title = _field(text, "T")
    dance = _field(text, "R").lower().rstrip(".").replace("slipjig", "slip jig")
    metre = _field(text, "M")
    if not dance or metre not in _QUARTERS_PER_MINUTE:
        return None
    notes = read_notes(path)
    if notes is None:
        return None
    return Tune(
        name=path.stem,
        title=re.split(r"\s+-+\s+", title)[0].strip() or path.stem,
        dance=dance,
        key=key_name(_field(text, "K")),
        quarters_per_minute=_QUARTERS_PER_MINUTE[metre],
        notes=notes,
    )


def read_notes(abc: Path | str) -> NDArray[np.float64] | None:
    """The notes of a melody in ABC, a file or its text; ``None`` where it cannot be read or has too few."""
    music21 = _import("music21")
    try:
        stream = music21.converter.parse(abc, format="abc", forceSource=True).flatten()
    except (music21.exceptions21.Music21Exception, ValueError, IndexError, AttributeError):
        return None
    rows = sorted(
        (float(note.offset), float(note.quarterLength), float(pitch.midi))
        for note in stream.notes
        if note.quarterLength > 0
        for pitch in note.pitches
    )
    return np.array(rows, dtype=np.float64) if len(rows) >= MIN_NOTES else None


def _field(text: str, letter: str) -> str:
    found = re.search(rf"^{letter}:[ \t]*(.*?)[ \t]*$", text, flags=re.MULTILINE)
    return found.group(1) if found else ""


def key_name(field: str) -> str:
    """An ABC key field in words: "D major"."""
    found = re.match(r"([A-G])([#b]?)\s*([A-Za-z]*)", field)
    if found is None:
        return "C major"
    note, sign, mode = found.groups()
    accidental = {"#": " sharp", "b": " flat", "": ""}[sign]
    return f"{note}{accidental} {_MODES.get(mode.lower()[:3], 'major')}"


def write_track(name: str, folder: Path, programs: Sequence[int] = PROGRAMS) -> WrittenTrack:
    """Render one tune into the folder, as FLAC."""
    found = read_tunes([name])
    if not found:
        raise EarwitnessError(
            f"music21 {version('music21')} holds no usable tune {name}; the card names one that does."
        )
    tune = found[0]
    path = folder / f"{name}.flac"
    write_audio(tune, path, programs)
    return WrittenTrack(
        path=path, prompt=tune.caption, title=tune.title, content_sha256=file_content_sha256(tune, programs)
    )


def file_content_sha256(tune: Tune, programs: Sequence[int] = PROGRAMS) -> str:
    """The content hash of the tune's file."""
    return content_sha256(render(tune, programs), SAMPLE_RATE)

"""Bach's four-part chorales as MIDI: real scores, known groups.

Goal: turn the chorales that ship inside the ``music21`` wheel into a list of works (title,
key, metre, four voices), drop what is there twice, group the settings of one hymn tune, and
write any of them as a MIDI file. Nothing is downloaded and nothing is stored in the package.

A group is a hymn tune, not a cantata or a passion: the chorales of one such work set
different tunes, while Bach set the same tune in many works, and the tune is what two
settings share.

Conventions: a work is named by its file stem (``bwv66.6``); times are in quarter lengths
from the first bar line, an upbeat standing at the end of its otherwise empty bar; repeats
are not played out.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earwitness import midi
from earwitness.errors import EarwitnessError, missing_extra
from earwitness.files import write_atomically
from earwitness.ground_truth.groups import Fingerprint, fingerprints, group_versions
from earwitness.ground_truth.registry import WrittenTrack
from earwitness.types import OnProgress

if TYPE_CHECKING:
    from symusic import Score

VOICES = 4
PROGRAM_VOICES = 52  # General MIDI "Choir Aahs"
QUARTERS_PER_MINUTE = 96.0  # a whole number of microseconds a quarter, as MIDI stores it
TICKS = 480
VELOCITY = 90
_FINGERPRINT_NOTES = 8
_SAME_TUNE = 0.3  # share of the fingerprints of one soprano that are found in another
_SAME_SETTING = 0.6  # the same share over all voices; no two works here lie between .49 and .83


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One chorale.

    ``metres`` are (onset, beats, beat unit); ``voices``, from soprano to bass, have one row a
    note: onset, duration (quarter lengths), MIDI pitch.
    """

    name: str
    title: str
    key: str
    metres: tuple[tuple[float, int, int], ...]
    voices: tuple[NDArray[np.float64], ...]

    @property
    def caption(self) -> str:
        """The prompt for a target that reads one."""
        return f"a four-part chorale in {self.key}"


def read_works(
    names: Collection[str] | None = None, *, on_progress: OnProgress = lambda done, total: None
) -> list[Work]:
    """All usable works (or those of the given names) without second copies, sorted by name; about 10 per second."""
    # Sorted by name and then suffix: of two encodings of one score, .krn or .mxl, one is read.
    paths = {path.stem: path for path in sorted(_corpus_folder().glob("bwv*"))}
    wanted = [path for name, path in sorted(paths.items()) if names is None or name in names]
    works = []
    for done, path in enumerate(wanted, 1):
        work = _read_work(path)
        if work is not None:
            works.append(work)
        on_progress(done, len(wanted))
    return without_copies(works)


def without_copies(works: Sequence[Work]) -> list[Work]:
    """The first of every setting.

    A copy is a work of which at least ``_SAME_SETTING`` of the fingerprints of all four voices
    are found, voice by voice, in another: the same setting in another key, cantata or edition.
    """
    prints = {
        work.name: {(index, *found) for index, voice in enumerate(work.voices) for found in _fingerprints(voice)}
        for work in works
    }
    first = group_versions(prints, shared=_SAME_SETTING)
    return [work for work in works if first[work.name] == work.name]


def group_works(works: Sequence[Work]) -> dict[str, str]:
    """Map each work's name to its group: settings of one hymn tune share one.

    Two works set the same tune when at least ``_SAME_TUNE`` of the fingerprints of one soprano
    (pitch intervals of eight notes, so any key, metre and rhythm) occur in the other. Groups
    are named by their first work.
    """
    return group_versions({work.name: _fingerprints(work.voices[0]) for work in works}, shared=_SAME_TUNE)


def as_score(work: Work) -> "Score":
    """The work as MIDI has it: one track a voice, one tempo and one velocity throughout."""
    symusic = _import("symusic")
    score = symusic.Score(TICKS)
    score.tempos.append(symusic.Tempo(0, qpm=QUARTERS_PER_MINUTE))
    for onset, beats, unit in work.metres:
        score.time_signatures.append(symusic.TimeSignature(round(onset * TICKS), beats, unit))
    for name, voice in zip(("Soprano", "Alto", "Tenor", "Bass"), work.voices, strict=True):
        track = symusic.Track(name=name, program=PROGRAM_VOICES)
        for onset, duration, pitch in voice:
            start, end = round(onset * TICKS), round((onset + duration) * TICKS)
            track.notes.append(symusic.Note(start, max(1, end - start), int(pitch), VELOCITY))
        score.tracks.append(track)
    return score


def write_midi(work: Work, path: Path) -> None:
    """Write a work as a MIDI file; the same work always gives the same bytes."""
    write_atomically(path, lambda partial: partial.write_bytes(as_score(work).dumps_midi()))


def _read_work(path: Path) -> Work | None:
    """Read one score, or return None where it is not for four voices."""
    score = _import("music21").converter.parse(path, forceSource=True)
    if len(score.parts) != VOICES:
        return None
    first_bar = score.parts[0].recurse().getElementsByClass("Measure").first()
    upbeat = float(first_bar.barDuration.quarterLength - first_bar.duration.quarterLength)
    shift = max(0.0, upbeat)
    voices = tuple(np.array(sorted(_notes(part, shift)), dtype=np.float64).reshape(-1, 3) for part in score.parts)
    if not all(len(voice) for voice in voices):
        return None
    key = score.analyze("key")
    tonic = key.tonic.name.replace("-", " flat").replace("#", " sharp")
    number = path.stem.removeprefix("bwv")
    known = _titles().get(number)
    return Work(
        name=path.stem,
        title=f"BWV {number}" if known is None else f"BWV {number} {known}",
        key=f"{tonic} {key.mode}",
        metres=tuple(_metres(score.parts[0], shift)),
        voices=voices,
    )


def _notes(part: Any, shift: float) -> Iterator[tuple[float, float, float]]:
    for note in part.stripTies().flatten().notes:
        if note.quarterLength > 0:
            for pitch in note.pitches:
                yield float(note.offset) + shift, float(note.quarterLength), float(pitch.midi)


def _metres(part: Any, shift: float) -> Iterator[tuple[float, int, int]]:
    """Every change of metre; the first one holds from the first bar line on."""
    last = None
    for signature in part.flatten().getElementsByClass("TimeSignature"):
        metre = (int(signature.numerator), int(signature.denominator))
        if metre != last:
            yield (float(signature.offset) + shift if last else 0.0), *metre
        last = metre


def _fingerprints(voice: NDArray[np.float64]) -> set[Fingerprint]:
    return fingerprints(voice, notes=_FINGERPRINT_NOTES, rhythm=False)


@cache
def _titles() -> dict[str, str]:
    """Hymn titles by BWV number, for the chorales that are works of their own."""
    chorales = _import("music21").corpus.chorales
    return {str(number): facts["title"] for number, facts in chorales.ChoraleList().byBWV.items()}


def _corpus_folder() -> Path:
    return Path(_import("music21").__file__).parent / "corpus" / "bach"


def _import(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise missing_extra(name, "demo") from error


def write_track(name: str, folder: Path) -> WrittenTrack:
    """Write one work into the folder, as MIDI."""
    found = read_works([name])
    if not found:
        raise EarwitnessError(f"music21 {version('music21')} holds no usable {name}; take the version on the card.")
    path = folder / f"{name}.mid"
    write_midi(found[0], path)
    return WrittenTrack(
        path=path, prompt=found[0].caption, title=found[0].title, content_sha256=midi.decode(path).content_hash
    )

"""Ryan's Mammoth Collection as audio: real tunes, real captions, known groups.

Goal: turn the fiddle tunes that ship inside the ``music21`` wheel into a table of
tunes (title, dance, key, notes), group near-duplicates, and render any of them to
a waveform with ``symusic`` and the soundfont inside ``pretty_midi``. Nothing is
downloaded and nothing is stored in the package.

Conventions: a tune is named by its file stem; note times are in quarter lengths;
waveforms are float32, mono, at ``SAMPLE_RATE`` Hz, peak-normalised.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from earwitness.audio import content_sha256
from earwitness.errors import EarwitnessError, missing_extra
from earwitness.ground_truth.groups import fingerprints, group_versions
from earwitness.ground_truth.registry import WrittenTrack

OnProgress = Callable[[int, int], None]
SAMPLE_RATE = 16_000
PEAK = 0.9
PROGRAM_FIDDLE = 40  # General MIDI "Violin"
TICKS = 480
MIN_NOTES = 24
_FINGERPRINT_NOTES = 10
_SAME_TUNE = 0.4  # share of the shorter tune's fingerprints found in the longer one

# Customary tempi, as quarter notes a minute for the metre the tune is written in.
_QUARTERS_PER_MINUTE = {"2/4": 100.0, "C": 160.0, "C|": 190.0, "6/8": 170.0, "9/8": 170.0}
_MODES = {"m": "minor", "min": "minor", "dor": "dorian", "mix": "mixolydian", "": "major"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """One tune: what the collection prints of it, and its notes.

    ``notes`` has one row a note: onset, duration (quarter lengths), MIDI pitch.
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


def read_tunes(
    names: Collection[str] | None = None, *, on_progress: OnProgress = lambda done, total: None
) -> list[Tune]:
    """All usable tunes (or those of the given names), sorted by name; about 20 a second."""
    paths = sorted(path for path in _corpus_folder().glob("*.abc") if names is None or path.stem in names)
    tunes = []
    for done, path in enumerate(paths, 1):
        tune = _read_tune(path)
        if tune is not None:
            tunes.append(tune)
        on_progress(done, len(paths))
    return tunes


def group_tunes(tunes: Sequence[Tune]) -> dict[str, str]:
    """Map each tune's name to its group: tunes that are versions of one another share one.

    Two tunes are versions when at least ``_SAME_TUNE`` of the shorter one's melodic
    fingerprints (pitch intervals and relative durations of ten notes, so any transposition
    and tempo) occur in the other. Groups are named by their first tune.
    """
    prints = {tune.name: fingerprints(tune.notes, notes=_FINGERPRINT_NOTES, rhythm=True) for tune in tunes}
    return group_versions(prints, shared=_SAME_TUNE)


def render(tune: Tune, *, program: int = PROGRAM_FIDDLE, soundfont: Path | None = None) -> NDArray[np.float32]:
    """Render a tune to a mono waveform [samples] at ``SAMPLE_RATE``, peak ``PEAK``."""
    symusic = _import("symusic")
    track = symusic.Track(program=program)
    for onset, duration, pitch in tune.notes:
        track.notes.append(symusic.Note(round(onset * TICKS), max(1, round(duration * TICKS)), int(pitch), 90))
    score = symusic.Score(TICKS)
    score.tracks.append(track)
    score.tempos.append(symusic.Tempo(0, qpm=tune.quarters_per_minute))
    synthesizer = _synthesizer(str(soundfont or default_soundfont()))
    wave = np.asarray(synthesizer.render(score, stereo=False), dtype=np.float32)[0]
    peak = float(np.abs(wave).max())
    return np.asarray(wave * np.float32(PEAK / peak) if peak > 0 else wave)


def pcm16(wave: NDArray[np.float32]) -> NDArray[np.int16]:
    """The 16-bit samples a file of the waveform holds."""
    return np.round(wave * 32767).astype(np.int16)


def as_decoded(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The waveform that a file of 16-bit samples decodes to: what any model is asked about."""
    return samples.astype(np.float32) / np.float32(32768)


def write_audio(tune: Tune, path: Path) -> None:
    """Render a tune into a 16-bit file of the format its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, pcm16(render(tune)), SAMPLE_RATE)


def default_soundfont() -> Path:
    """The General MIDI soundfont that ships inside ``pretty_midi``."""
    return Path(_import("pretty_midi").__file__).parent / "TimGM6mb.sf2"


def renderer() -> dict[str, str]:
    """What fixes how a tune sounds, for the card of a target that was trained on renderings."""
    return {
        "symusic": version("symusic"),
        "soundfont": default_soundfont().name,
        "soundfont_sha256": hashlib.sha256(default_soundfont().read_bytes()).hexdigest(),
        "program": f"General MIDI {PROGRAM_FIDDLE}",
        "sample_rate": str(SAMPLE_RATE),
    }


@cache
def _synthesizer(soundfont: str) -> Any:
    return _import("symusic").Synthesizer(sf_path=soundfont, sample_rate=SAMPLE_RATE)


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
    music21 = _import("music21")
    try:
        stream = music21.converter.parse(path, format="abc", forceSource=True).flatten()
    except (music21.exceptions21.Music21Exception, ValueError, IndexError, AttributeError):
        return None
    rows = [
        (float(note.offset), float(note.quarterLength), float(pitch.midi))
        for note in stream.notes
        if note.quarterLength > 0
        for pitch in note.pitches
    ]
    if len(rows) < MIN_NOTES:
        return None
    return Tune(
        name=path.stem,
        title=re.split(r"\s+-+\s+", title)[0].strip() or path.stem,
        dance=dance,
        key=_key_name(_field(text, "K")),
        quarters_per_minute=_QUARTERS_PER_MINUTE[metre],
        notes=np.array(sorted(rows), dtype=np.float64),
    )


def _field(text: str, letter: str) -> str:
    found = re.search(rf"^{letter}:[ \t]*(.*?)[ \t]*$", text, flags=re.MULTILINE)
    return found.group(1) if found else ""


def _key_name(field: str) -> str:
    found = re.match(r"([A-G])([#b]?)\s*([A-Za-z]*)", field)
    if found is None:
        return "C major"
    note, sign, mode = found.groups()
    accidental = {"#": " sharp", "b": " flat", "": ""}[sign]
    return f"{note}{accidental} {_MODES.get(mode.lower()[:3], 'major')}"


def write_track(name: str, folder: Path) -> WrittenTrack:
    """Render one tune into the folder, as FLAC."""
    found = read_tunes([name])
    if not found:
        raise EarwitnessError(
            f"music21 {version('music21')} holds no usable tune {name}; the card names one that does."
        )
    tune = found[0]
    path = folder / f"{name}.flac"
    write_audio(tune, path)
    return WrittenTrack(path=path, prompt=tune.caption, title=tune.title, content_sha256=file_content_sha256(tune))


def file_content_sha256(tune: Tune) -> str:
    """The content hash of the tune's file."""
    return content_sha256(as_decoded(pcm16(render(tune))), SAMPLE_RATE)

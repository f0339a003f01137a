"""Listening: the tracks with the strongest and the weakest evidence, where the verdict allows single tracks.

Goal: what is played is what was measured. Conventions: a file is played only while its SHA-256 is the one that was
indexed; an excerpt is the mono mix that every signal begins from, from the middle of the track.
"""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from earwitness.collection.tracks import Collection, Track
from earwitness.errors import AudioError, EarwitnessError
from earwitness.files import file_sha256
from earwitness.verdict.result import DatasetInferenceResult, TrackResult
from earwitness.verdict.wording import why_not_singly

EACH = 3
SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A track to listen to: its name and score, and its sound as a ``data:`` address, or why there is none."""

    title: str
    score: float
    p_value: float | None
    sound: str | None
    why_not: str | None


def strongest_and_weakest(run: Path) -> tuple[list[Heard], list[Heard]]:
    """The suspect tracks at both ends of the scores, the strongest and the weakest evidence first.

    Raises
    ------
    EarwitnessError
        Where the verdict does not allow speaking of single tracks; the message says why.
    """
    result = DatasetInferenceResult.read(run / "result.json")
    if (why := why_not_singly(result)) is not None:
        raise EarwitnessError(why)
    files = {track.track_id: (track, path) for track, path in Collection.read(run).located()}
    suspects = [t for t in result.tracks if t.role in ("suspect", "member") and t.track_id in files]
    ordered = sorted(suspects, key=lambda track: -track.score)
    strongest = ordered[: min(EACH, len(ordered) // 2)]
    weakest = ordered[::-1][: len(strongest)]
    return (
        [_heard(track, *files[track.track_id]) for track in strongest],
        [_heard(track, *files[track.track_id]) for track in weakest],
    )


def _heard(scored: TrackResult, track: Track, path: Path) -> Heard:
    sound, why_not = None, None
    try:
        sound = _excerpt(track, path)
    except (AudioError, OSError) as error:
        why_not = str(error) if isinstance(error, AudioError) else "The file is no longer where it was indexed."
    return Heard(
        title=track.title or track.path, score=scored.score, p_value=scored.p_value, sound=sound, why_not=why_not
    )


def _excerpt(track: Track, path: Path) -> str:
    """A FLAC of the middle of a track, as a ``data:`` address."""
    import numpy as np
    import soundfile

    from earwitness.audio import SUFFIXES, decode

    if path.suffix.lower() not in SUFFIXES:
        raise AudioError("This is a score; there is nothing to hear.")
    if not path.is_file() or file_sha256(path) != track.sha256:
        raise AudioError("The file is not the one that was measured; it is not played.")
    audio = decode(path)
    length = min(len(audio.samples), round(SECONDS * audio.sample_rate))
    begin = (len(audio.samples) - length) // 2
    buffer = io.BytesIO()
    wave = np.clip(audio.samples[begin : begin + length], -1, 1)
    soundfile.write(buffer, wave, audio.sample_rate, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(buffer.getvalue()).decode()}"

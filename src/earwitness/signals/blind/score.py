"""Score features of a whole piece: its notes, its clock, its tracks, and its file's traces, by name.

Goal: two sets of MIDI files may differ in style, in key, in who sequenced them or with what.
The counterpart of the acoustic and container features for music that is written down.

Conventions: times are ticks from the start of the file. Before the first statement of a tempo or
a metre the standard's own hold, 120 quarters per minute and 4/4; a statement that cannot be meant
(no time per quarter, no beat per bar) is passed over. A reader may drop tracks without notes: what is
counted is what the score holds.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.blind import score_notes
from earwitness.signals.blind.score_notes import Ints, Notes
from earwitness.spec import Direction, FeatureSpec

if TYPE_CHECKING:
    from symusic import Score

_DEFAULT_MICROSECONDS = 500_000  # a quarter
_DEFAULT_METRE = (4, 4)

_UNITS = {
    **score_notes.UNITS,
    "notes_per_second": "1/s",
    "tempo_first": "quarters/min",
    "tempo_mean": "quarters/min",
    "tempo_changes": "changes",
    "metre_changes": "changes",
    "triple_metre_share": "share",
    "tracks": "tracks",
    "programs": "programs",
    "drum_share": "share",
    "largest_track_share": "share",
    "ticks_per_quarter": "ticks",
    "empty_tracks": "tracks",
    "named_track_share": "share",
    "states_key": "0/1",
    "states_lyrics": "0/1",
    "states_markers": "0/1",
    "states_controls": "0/1",
    "states_pitch_bends": "0/1",
}

SCORE_SPECS = tuple(
    FeatureSpec(name=f"blind/{name}", member_is=Direction.UNKNOWN, unit=unit) for name, unit in _UNITS.items()
)


def score_features(score: "Score") -> dict[str, float]:
    """Describe a whole piece without asking a model.

    Notes, melody, onset grid and dynamics are those of ``score_notes``. ``tempo_first`` is in force at the
    first note; ``tempo_mean`` is quarters over minutes, to the end of the last note; changes are of what
    is in force, not of what is stated, and ``triple_metre_share`` is the part of the piece under 3, 6, 9 … beats
    a bar. ``tracks`` have notes, ``empty_tracks`` none; ``programs`` counts the distinct instruments of the
    pitched ones; ``drum_share`` and ``largest_track_share`` are shares of notes. What a file ``states``
    besides its notes tells the software that wrote it.

    Parameters
    ----------
    score
        A piece in ticks, as ``symusic.Score(path)`` reads it.

    Returns
    -------
    dict
        One number per name of ``SCORE_SPECS``, in its order; NaN where a feature is not defined (a piece
        without notes, of drums alone, or whose file has no usable ticks per quarter). None has a direction.

    Raises
    ------
    ValueError
        For a score whose times are quarters or seconds.
    """
    if (unit := type(score.ttype).__name__) != "Tick":
        raise ValueError(f"the score's times are in the unit {unit!r}; ticks are needed: score.to('tick')")
    notes = Notes.of(score)
    found = score_notes.measure(notes) | _clock(score, notes) | _tracks(score, notes) | _traces(score)
    return {f"blind/{name}": found.get(name, np.nan) for name in _UNITS}


def _clock(score: "Score", notes: Notes) -> dict[str, float]:
    if not notes.end or not notes.ticks_per_quarter:
        return {}
    tempos, metres = score.tempos.numpy(), score.time_signatures.numpy()
    microseconds, tempo_starts = _in_force(
        tempos["mspq"][:, None], tempos["time"], (_DEFAULT_MICROSECONDS,), is_meant=tempos["mspq"] > 0
    )
    metre, metre_starts = _in_force(
        np.stack([metres["numerator"], metres["denominator"]], axis=1),
        metres["time"],
        _DEFAULT_METRE,
        is_meant=metres["numerator"] > 0,
    )
    tempo_span, metre_span = _spans(tempo_starts, notes.end), _spans(metre_starts, notes.end)
    quarters = notes.end / notes.ticks_per_quarter
    seconds = float(tempo_span @ microseconds[:, 0]) / notes.ticks_per_quarter / 1e6
    first = int(np.searchsorted(tempo_starts, notes.onset.min(), side="right")) - 1
    return {
        "notes_per_second": notes.count / seconds,
        "tempo_first": 6e7 / float(microseconds[first, 0]),
        "tempo_mean": 60 * quarters / seconds,
        "tempo_changes": _changes(microseconds, tempo_span),
        "metre_changes": _changes(metre, metre_span),
        "triple_metre_share": float(metre_span @ (metre[:, 0] % 3 == 0)) / notes.end,
    }


def _in_force(
    values: NDArray[np.integer], times: NDArray[np.integer], default: tuple[int, ...], *, is_meant: NDArray[np.bool_]
) -> tuple[Ints, Ints]:
    """Values [statements, numbers] and their first ticks, in order, the default at 0 before all."""
    order = np.argsort(times[is_meant], kind="stable")
    stated = values[is_meant][order].astype(np.int64)
    return np.concatenate([[default], stated]), np.concatenate([[0], times[is_meant][order].astype(np.int64)])


def _spans(starts: Ints, end: int) -> Ints:
    """Ticks for which each statement is in force; 0 for one that another replaces at once."""
    return np.diff(np.minimum(starts, end), append=end)


def _changes(values: Ints, span: Ints) -> float:
    held = values[span > 0]
    return float(np.any(np.diff(held, axis=0) != 0, axis=1).sum())


def _tracks(score: "Score", notes: Notes) -> dict[str, float]:
    sizes = np.bincount(notes.track, minlength=len(score.tracks))
    programs = {track.program for track, size in zip(score.tracks, sizes, strict=True) if size and not track.is_drum}
    found = {
        "tracks": float(np.count_nonzero(sizes)),
        "empty_tracks": float(np.count_nonzero(sizes == 0)),
        "programs": float(len(programs)),
    }
    if notes.count:
        found |= {"drum_share": float(notes.is_drum.mean()), "largest_track_share": float(sizes.max()) / notes.count}
    return found


def _traces(score: "Score") -> dict[str, float]:
    tracks = list(score.tracks)
    return {
        "ticks_per_quarter": float(score.ticks_per_quarter) if score.ticks_per_quarter > 0 else np.nan,
        "named_track_share": float(np.mean([bool(track.name) for track in tracks])) if tracks else np.nan,
        "states_key": float(len(score.key_signatures) > 0),
        "states_lyrics": float(any(len(track.lyrics) for track in tracks)),
        "states_markers": float(len(score.markers) > 0),
        "states_controls": float(any(len(track.controls) for track in tracks)),
        "states_pitch_bends": float(any(len(track.pitch_bends) for track in tracks)),
    }

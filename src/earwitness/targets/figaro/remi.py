"""REMI+: a score as the sequence of tokens that FIGARO models.

Goal: a `Piece` holds a score's tokens and what the decoder is told of each besides: the bar and
the position in it.

Conventions: a bar is ``Bar_n`` (n from 1), ``Time Signature_n/d``, the chord and the tempo that
hold (each behind ``Position_0``), then what begins in it, in the order of time, chords first,
then the tempo, then notes by instrument (percussion first) and pitch. A note is ``Position``,
``Instrument``, ``Pitch``, ``Velocity``, ``Duration``. Source: von Rütte et al., arXiv 2201.10936.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earwitness.targets.figaro.bars import Bar, Note, read_bars
from earwitness.targets.figaro.vocabulary import (
    BOS,
    DRUMS,
    DURATION_BINS,
    EOS,
    POSITIONS_PER_QUARTER,
    REMI,
    TEMPO_BINS,
    VELOCITY_BINS,
    instrument,
    nearest,
)

if TYPE_CHECKING:
    from symusic import Score


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A score's tokens between ``<bos>`` and ``<eos>``.

    Attributes
    ----------
    tokens
        REMI+ ids int64 [n].
    bar_ids
        The bar each token is in, from 1; 0 for ``<bos>`` and ``<eos>``. int64 [n].
    positions
        The last position named before or by each token, 0 at a bar's start. int64 [n].
    bar_starts
        Indices of the ``Bar`` tokens, int64 [bars].
    bars
        What the tokens were made of.
    """

    tokens: NDArray[np.int64]
    bar_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    bar_starts: NDArray[np.int64]
    bars: tuple[Bar, ...]

    @classmethod
    def from_score(cls, score: "Score") -> "Piece":
        """Tokenise a score, its times in ticks; one without notes has no bars."""
        bars = read_bars(score)
        events = [list(events) for events in _bar_events(bars)]
        starts = np.cumsum([1, *(len(bar) for bar in events)])
        bar_ids = np.repeat(np.arange(1, len(events) + 1), [len(bar) for bar in events])
        positions = [position for bar in events for position in _positions(bar)]
        return cls(
            tokens=np.concatenate([[BOS], REMI.encode([event for bar in events for event in bar]), [EOS]]),
            bar_ids=np.pad(bar_ids, 1).astype(np.int64),
            positions=np.array([0, *positions, 0], dtype=np.int64),
            bar_starts=starts[:-1].astype(np.int64),
            bars=tuple(bars),
        )

    def bar_tokens(self, bar: int) -> NDArray[np.int64]:
        """Tokens of a bar, counted from 0, its ``Bar`` token first."""
        start = self.bar_starts[bar]
        stop = self.bar_starts[bar + 1] if bar + 1 < len(self.bar_starts) else len(self.tokens) - 1
        return self.tokens[start:stop]


def _bar_events(bars: Sequence[Bar]) -> Iterator[Iterator[str]]:
    chord: str | None = None
    tempo: int | None = None
    for number, bar in enumerate(bars, start=1):
        yield _events(number, bar, chord, tempo)
        chord = bar.chords[-1].name if bar.chords else chord
        tempo = bar.tempi[-1].quarters_per_minute if bar.tempi else tempo


def _events(number: int, bar: Bar, chord: str | None, tempo: int | None) -> Iterator[str]:
    """A bar's tokens, given the chord and the tempo that hold when it begins."""
    yield f"Bar_{number}"
    yield f"Time Signature_{bar.metre.numerator}/{bar.metre.denominator}"
    if chord is not None:
        yield from ("Position_0", f"Chord_{chord}")
    if tempo is not None:
        yield from ("Position_0", _tempo(tempo))
    timed: list[tuple[int, int, tuple[str, ...]]] = []
    for change in bar.chords:
        if change.name != chord:
            timed.append((change.tick, 0, (f"Chord_{change.name}",)))
            chord = change.name
    for tick, quarters in bar.tempi:
        if quarters != tempo:
            timed.append((tick, 1, (_tempo(quarters),)))
            tempo = quarters
    timed += [(note.start, 2, _note(note, bar.resolution)) for note in bar.notes]
    timed.sort(key=lambda event: event[:2])
    for position, (_, _, tokens) in zip(bar.nearest_positions([tick for tick, _, _ in timed]), timed, strict=True):
        yield f"Position_{position}"
        yield from tokens


def _tempo(tempo: int) -> str:
    return f"Tempo_{nearest(TEMPO_BINS, tempo)}"


def _note(note: Note, resolution: int) -> tuple[str, ...]:
    positions = round((note.end - note.start) / resolution * POSITIONS_PER_QUARTER)
    return (
        instrument(note.program),
        f"Pitch_drum_{note.pitch}" if note.program == DRUMS else f"Pitch_{note.pitch}",
        f"Velocity_{nearest(VELOCITY_BINS, note.velocity)}",
        f"Duration_{nearest(DURATION_BINS, positions)}",
    )


def _positions(events: Sequence[str]) -> Iterator[int]:
    position = 0
    for event in events:
        if event.startswith("Position_"):
            position = int(event.removeprefix("Position_"))
        yield position

"""The expert description: what FIGARO's encoder is told of each bar.

Goal: a bar's tokens are ``Bar_n``, its time signature, note density (notes a position), mean
velocity, mean pitch, mean duration, its instruments and its chords, each nearest bin as the
released checkpoints were trained with.

Conventions: the mean duration is in *ticks*, as in FIGARO's preparation, so with the usual
resolutions it lies in the top bin; a bar without notes has bin 0 of every mean. A chord that
began earlier and still holds when the bar begins comes first. Source: arXiv 2201.10936.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.targets.figaro.bars import Bar
from earwitness.targets.figaro.vocabulary import (
    BOS,
    DESCRIPTION,
    DRUMS,
    EOS,
    MEAN_DURATION_BINS,
    MEAN_PITCH_BINS,
    MEAN_VELOCITY_BINS,
    NOTE_DENSITY_BINS,
    instrument,
    nearest,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Which parts a description has; the ablated checkpoints leave one out.

    ``meta`` is the time signature and the four measures of notes.
    """

    instruments: bool = True
    chords: bool = True
    meta: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Description:
    """A piece's description.

    Attributes
    ----------
    tokens
        Description ids between ``<bos>`` and ``<eos>``, int64 [n].
    bar_ids
        The bar each token describes, from 1; 0 at both ends. int64 [n].
    """

    tokens: NDArray[np.int64]
    bar_ids: NDArray[np.int64]

    @classmethod
    def of(cls, bars: Sequence[Bar], parts: Parts | None = None) -> "Description":
        """Describe bars; see the module's conventions."""
        described = describe(bars, parts or Parts())
        bar_ids = np.repeat(np.arange(1, len(described) + 1), [len(bar) for bar in described])
        tokens = DESCRIPTION.encode([token for bar in described for token in bar])
        return cls(tokens=np.concatenate([[BOS], tokens, [EOS]]), bar_ids=np.pad(bar_ids, 1).astype(np.int64))

    def from_bar(self, bar: int, length: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens and bar ids from a bar on, counted from 1; 0 is the start with ``<bos>``.

        At most ``length`` of them, and none of bars after ``last``, the last one that the model can be told of.
        """
        start = int(np.flatnonzero(self.bar_ids == bar)[0])
        beyond = np.flatnonzero(self.bar_ids > last)
        stop = min([start + length, *beyond[:1].tolist()])
        return self.tokens[start:stop], self.bar_ids[start:stop]


def describe(bars: Sequence[Bar], parts: Parts) -> list[list[str]]:
    """Each bar's description as tokens."""
    described = []
    held: str | None = None
    for number, bar in enumerate(bars, start=1):
        names = [chord.name for chord in bar.chords]
        if held is not None and (not bar.chords or bar.chords[0].tick > bar.start):
            names.insert(0, held)
        held = names[-1] if names else None
        tokens = [f"Bar_{number}"]
        if parts.meta:
            tokens += _meta(bar)
        if parts.instruments:
            tokens += [instrument(program) for program in _programs(note.program for note in bar.notes)]
        if parts.chords:
            tokens += [f"Chord_{name}" for name in names]
        described.append(tokens)
    return described


def _meta(bar: Bar) -> list[str]:
    return [
        f"Time Signature_{bar.metre.numerator}/{bar.metre.denominator}",
        f"Note Density_{nearest(NOTE_DENSITY_BINS, len(bar.notes) / bar.positions)}",
        f"Mean Velocity_{nearest(MEAN_VELOCITY_BINS, _mean([note.velocity for note in bar.notes]))}",
        f"Mean Pitch_{nearest(MEAN_PITCH_BINS, _mean([note.pitch for note in bar.notes]))}",
        f"Mean Duration_{nearest(MEAN_DURATION_BINS, _mean([note.end - note.start for note in bar.notes]))}",
    ]


def _mean(values: list[int]) -> float:
    return float(np.mean(values)) if values else np.nan


def _programs(programs: Iterable[int]) -> list[int]:
    """Programs in the order of a CPython set of them, which is the order of the training data; percussion last.

    In the training data percussion stands anywhere among the others: its place came from the hash of a string.
    """
    played = list(programs)
    pitched = {program for program in played if program != DRUMS}
    return [*pitched, DRUMS] if DRUMS in played else [*pitched]

"""FIGARO's two vocabularies: REMI+ tokens for the music, description tokens for its summary.

Goal: every token has the id that the released checkpoints were trained with. Ids follow from
order alone: five special tokens, then the kinds below in turn, each from its first value on.

Conventions: a token is written ``Kind_value``; instruments go by their General MIDI program,
0 to 127, and ``drum``. A token outside a vocabulary becomes ``<unk>``. Values are nearest
bins, the lower one where two are equally near. Source: von Rütte et al., arXiv 2201.10936.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

PAD, UNKNOWN, BOS, EOS, MASK = range(5)
SPECIALS: Final = ("<pad>", "<unk>", "<bos>", "<eos>", "<mask>")

POSITIONS_PER_QUARTER: Final = 12
LONGEST_BAR_QUARTERS: Final = 12
MOST_BARS: Final = 512
DRUMS: Final = -1
"""The program that stands for percussion."""

PITCH_CLASSES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
CHORD_QUALITIES: Final = ("maj", "min", "dim", "aug", "dom7", "maj7", "min7", "None")
NO_CHORD: Final = "N:N"

Bins = NDArray[np.float64]


def _joined(*ranges: range) -> Bins:
    return np.sort(np.concatenate([np.asarray(values, dtype=np.float64) for values in ranges]))


VELOCITY_BINS: Final[Bins] = np.floor(np.linspace(0, 128, 33))
TEMPO_BINS: Final[Bins] = np.floor(np.linspace(0, 240, 33))
DURATION_BINS: Final = _joined(
    range(1, 13),  # every position of a quarter,
    range(15, 24, 3), range(17, 24, 4),  # to two quarters in sixteenths and in triplets (21 is in both),
    range(24, 48, 6), range(48, 192, 12), range(192, 769, 24),  # then eighths, quarters, half notes
)  # fmt: skip
"""In positions, a twelfth of a quarter each."""
NOTE_DENSITY_BINS: Final[Bins] = np.linspace(0, 12, 33)
MEAN_VELOCITY_BINS: Final[Bins] = np.linspace(0, 128, 33)
MEAN_PITCH_BINS: Final[Bins] = np.linspace(0, 128, 33)
MEAN_DURATION_BINS: Final[Bins] = np.logspace(0, 7, 33, base=2)


def nearest(bins: Bins, value: float) -> int:
    """Index of the bin nearest to the value; the first bin for NaN, as FIGARO has it for a bar without notes."""
    return int(np.argmin(np.abs(bins - value)))


class Vocabulary:
    """Tokens and their ids, 0 to ``len(vocabulary) − 1``."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens: tuple[str, ...] = (*SPECIALS, *tokens)
        self._ids = {token: i for i, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Ids int64 [n]; ``<unk>`` for a token that is not in the vocabulary."""
        return np.array([self._ids.get(token, UNKNOWN) for token in tokens], dtype=np.int64)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Tokens of ids."""
        return [self.tokens[i] for i in ids]


def _numbered(kind: str, count: int) -> list[str]:
    return [f"{kind}_{i}" for i in range(count)]


_TIME_SIGNATURES = [
    f"Time Signature_{n}/{d}" for d in (2, 4, 8, 16) for n in range(1, LONGEST_BAR_QUARTERS * d // 4 + 1)
]
_INSTRUMENTS = [*_numbered("Instrument", 128), "Instrument_drum"]
_CHORDS = [f"Chord_{root}:{quality}" for root in PITCH_CLASSES for quality in CHORD_QUALITIES] + [f"Chord_{NO_CHORD}"]
_BARS = _numbered("Bar", MOST_BARS)

REMI: Final = Vocabulary([
    *_TIME_SIGNATURES,
    *_numbered("Tempo", len(TEMPO_BINS)),
    *_INSTRUMENTS,
    *_numbered("Pitch", 128),
    *_numbered("Pitch_drum", 128),
    *_numbered("Velocity", len(VELOCITY_BINS)),
    *_numbered("Duration", len(DURATION_BINS)),
    *_BARS,
    *_numbered("Position", LONGEST_BAR_QUARTERS * POSITIONS_PER_QUARTER),
    *_CHORDS,
])  # fmt: skip
"""The music: what the decoder reads and writes."""

DESCRIPTION: Final = Vocabulary([
    *_TIME_SIGNATURES,
    *_INSTRUMENTS,
    *_CHORDS,
    *_numbered("Note Density", len(NOTE_DENSITY_BINS)),
    *_numbered("Mean Velocity", len(MEAN_VELOCITY_BINS)),
    *_numbered("Mean Pitch", len(MEAN_PITCH_BINS)),
    *_numbered("Mean Duration", len(MEAN_DURATION_BINS)),
    *_BARS,
])  # fmt: skip
"""The expert description: what the encoder reads."""


def instrument(program: int) -> str:
    """The instrument token of a program."""
    return "Instrument_drum" if program == DRUMS else f"Instrument_{program}"

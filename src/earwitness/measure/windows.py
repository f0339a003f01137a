"""Readers: from a track's file to its windows, and what they say without a model.

Goal: the extraction loop does not know whether it reads audio or scores. Which windows of a
track are read depends on (seed, content hash) and on how many alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from earwitness import audio, midi
from earwitness.errors import AudioError
from earwitness.measure.harmonise import FORMAT_FACTS, harmonised
from earwitness.measure.placement import window_starts
from earwitness.settings import Harmonise, WindowsPerTrack
from earwitness.signals.blind import (
    BLIND_SPECS,
    CONTAINER_SPECS,
    SCORE_SPECS,
    acoustic_features,
    container_features,
    score_features,
)
from earwitness.spec import FeatureSpec
from earwitness.targets.protocols import Place, SymbolicTarget, TokenWindow, WindowLaw
from earwitness.targets.scores.windows import windows_of
from earwitness.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One track to measure: where it is, and what its windows and prompt depend on.

    ``facts`` is its row of the tracks table, for the blind features of the file itself.
    """

    track_id: str
    path: Path
    content_sha256: str
    prompt: str
    facts: Mapping[str, object] = field(default_factory=dict)


class Cut(NamedTuple):
    """A window's content, its blind features, and of audio where it stands in its track."""

    content: NDArray[np.float32] | TokenWindow
    blind: dict[str, float]
    place: Place | None = None


class Reader(Protocol):
    """Reads one kind of file."""

    @property
    def blind_specs(self) -> Sequence[FeatureSpec]:
        """The blind features of every window."""

    def read(self, source: Source) -> list[Cut]:
        """The windows of a track; raises ``AudioError`` where the file cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioReader:
    """Equal-length windows of audio, each beginning on the target's frame grid.

    ``law`` says which windows the target was trained on: of a track's beginning there is one, and where
    shorter clips were filled up with silence a shorter track is one shorter window.
    """

    sample_rate: int
    seconds: float
    per_track: WindowsPerTrack
    seed: int
    grid: int = 1
    channels: int = 1
    harmonise: Harmonise = Harmonise.OFF
    law: WindowLaw = field(default_factory=WindowLaw)

    @property
    def blind_specs(self) -> Sequence[FeatureSpec]:
        """Acoustic features of the window and container features of the file."""
        return BLIND_SPECS

    @property
    def _overwritten(self) -> frozenset[str]:
        """Facts about the file that no longer hold of what the model hears."""
        return FORMAT_FACTS if self.harmonise in (Harmonise.CODEC, Harmonise.FULL) else frozenset()

    def read(self, source: Source) -> list[Cut]:
        """The windows, [samples] or [2, samples]."""
        _refuse(source, midi.SUFFIXES, "a score, and the target takes audio")
        wave = audio.read_channels(source.path, self.sample_rate, self.channels, one=self.law.channel)
        wave = harmonised(wave, self.sample_rate, self.harmonise)
        samples, length = wave.shape[1], round(self.seconds * self.sample_rate)
        length = min(length, samples) if self.law.filled else length
        starts = window_starts(
            samples, length, self.per_track, content_hash=source.content_sha256, seed=self.seed,
            name=source.path.name, sample_rate=self.sample_rate,
        )  # fmt: skip
        starts = starts[:1] * 0 if self.law.place == "first" else starts - starts % self.grid
        facts = {name: fact for name, fact in source.facts.items() if name not in self._overwritten}
        container = container_features({**facts, "prompt": source.prompt})
        windows = [(start, wave[:, start : start + length]) for start in starts]
        return [
            Cut(
                window if self.channels > 1 else window[0],
                acoustic_features(window.mean(axis=0), self.sample_rate) | container,
                Place(start / self.sample_rate, samples / self.sample_rate),
            )
            for start, window in windows
        ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreReader:
    """Windows of a score as a symbolic target tokenises it, each beginning at a bar."""

    target: SymbolicTarget
    per_track: WindowsPerTrack
    seed: int

    @property
    def blind_specs(self) -> Sequence[FeatureSpec]:
        """Features of the whole piece and of its file."""
        return [*SCORE_SPECS, *CONTAINER_SPECS]

    def read(self, source: Source) -> list[Cut]:
        """Up to ``per_track`` different windows, in order."""
        _refuse(source, audio.SUFFIXES, "audio, and the target takes scores (MIDI)")
        piece = midi.decode(source.path)
        blind = score_features(piece.score) | container_features({**source.facts, "prompt": source.prompt})
        windows = windows_of(self.target, piece)
        if not windows:
            raise AudioError(
                f"{printable(source.path.name)} holds nothing the target's vocabulary can say; leave it out."
            )
        return [Cut(window, blind) for window in self._chosen(windows, source)]

    def _chosen(self, windows: Sequence[TokenWindow], source: Source) -> list[TokenWindow]:
        """Bars spread over the piece; where fewer windows than asked for cover it, those."""
        covering = _covering(windows)
        if self.per_track == "all" or self.per_track >= len(covering):
            return covering
        starts = window_starts(
            len(windows), 1, self.per_track, content_hash=source.content_sha256, seed=self.seed, name=source.path.name
        )
        return [windows[int(i)] for i in starts]


def _covering(windows: Sequence[TokenWindow]) -> list[TokenWindow]:
    """One window after the other, each from the first bar that the one before does not hold; and the last of all."""
    chosen = [windows[0]]
    for window in windows:
        if window.start >= chosen[-1].start + chosen[-1].codes.shape[1]:
            chosen.append(window)
    return chosen if windows[-1].start == chosen[-1].start else [*chosen, windows[-1]]


def _refuse(source: Source, suffixes: Sequence[str], what: str) -> None:
    if source.path.suffix.lower() in suffixes:
        raise AudioError(f"{printable(source.path.name)} is {what}; leave it out or choose another target.")

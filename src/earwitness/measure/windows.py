"""Readers: from a track's file to its windows, and what they say without a model.

Goal: the extraction loop does not know whether it reads audio or scores. Which windows of a
track are read depends on (seed, content hash) and on how many alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from earwitness import audio, midi
from earwitness.errors import AudioError
from earwitness.measure.harmonise import FORMAT_FACTS, LOUDNESS, harmonised
from earwitness.measure.passes.batch import Window
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


class Reader(Protocol):
    """Reads one kind of file."""

    @property
    def blind_specs(self) -> Sequence[FeatureSpec]:
        """The blind features of every window."""

    def read(
        self, path: Path, *, content_sha256: str, prompt: str = "", facts: Mapping[str, object] = MappingProxyType({})
    ) -> list[Window]:
        """The windows of a track; raises ``AudioError`` where the file cannot be used.

        ``facts`` is its row of the tracks table, for the blind features of the file itself.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioReader:
    """Equal-length windows of audio, each beginning at any sample.

    ``law`` says which windows the target was trained on: of a track's beginning there is one, and where
    shorter clips were filled up with silence a shorter track is one shorter window.
    """

    sample_rate: int
    seconds: float
    per_track: WindowsPerTrack
    seed: int
    channels: int = 1
    harmonise: Harmonise = Harmonise.OFF
    loudness: float = LOUDNESS
    law: WindowLaw = field(default_factory=WindowLaw)

    @property
    def blind_specs(self) -> Sequence[FeatureSpec]:
        """Acoustic features of the window and container features of the file."""
        return BLIND_SPECS

    @property
    def _overwritten(self) -> frozenset[str]:
        """Facts about the file that no longer hold of what the model hears."""
        return FORMAT_FACTS if self.harmonise in (Harmonise.CODEC, Harmonise.FULL) else frozenset()

    def read(
        self, path: Path, *, content_sha256: str, prompt: str = "", facts: Mapping[str, object] = MappingProxyType({})
    ) -> list[Window]:
        """The windows, [samples] or [2, samples]."""
        _refuse(path, midi.SUFFIXES, "a score, and the target takes audio")
        wave = audio.read_channels(path, self.sample_rate, self.channels, one=self.law.channel)
        wave = harmonised(wave, self.sample_rate, self.harmonise, loudness=self.loudness)
        samples, length = wave.shape[1], round(self.seconds * self.sample_rate)
        length = min(length, samples) if self.law.filled else length
        starts = window_starts(
            samples, length, self.per_track, content_hash=content_sha256, seed=self.seed,
            name=path.name, sample_rate=self.sample_rate,
        )  # fmt: skip
        starts = starts[:1] * 0 if self.law.place == "first" else starts
        held = {name: fact for name, fact in facts.items() if name not in self._overwritten}
        container = container_features({**held, "prompt": prompt})
        windows = [(start, wave[:, start : start + length]) for start in starts]
        return [
            Window(
                content=window if self.channels > 1 else window[0],
                prompt=prompt,
                key=f"{content_sha256}/{number}",
                place=Place(start / self.sample_rate, samples / self.sample_rate),
                blind=acoustic_features(window.mean(axis=0), self.sample_rate) | container,
            )
            for number, (start, window) in enumerate(windows)
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

    def read(
        self, path: Path, *, content_sha256: str, prompt: str = "", facts: Mapping[str, object] = MappingProxyType({})
    ) -> list[Window]:
        """Up to ``per_track`` different windows, in order."""
        _refuse(path, audio.SUFFIXES, "audio, and the target takes scores (MIDI)")
        piece = midi.decode(path)
        blind = score_features(piece.score) | container_features({**facts, "prompt": prompt})
        windows = windows_of(self.target, piece)
        if not windows:
            raise AudioError(f"{printable(path.name)} holds nothing the target's vocabulary can say; leave it out.")
        chosen = self._chosen(windows, content_sha256, path.name)
        return [
            Window(content=window, prompt=prompt, key=f"{content_sha256}/{number}", blind=blind)
            for number, window in enumerate(chosen)
        ]

    def _chosen(self, windows: Sequence[TokenWindow], content_sha256: str, name: str) -> list[TokenWindow]:
        """Bars spread over the piece; where fewer windows than asked for cover it, those."""
        covering = _covering(windows)
        if self.per_track == "all" or self.per_track >= len(covering):
            return covering
        starts = window_starts(len(windows), 1, self.per_track, content_hash=content_sha256, seed=self.seed, name=name)
        return [windows[int(i)] for i in starts]


def _covering(windows: Sequence[TokenWindow]) -> list[TokenWindow]:
    """One window after the other, each from the first bar that the one before does not hold; and the last of all."""
    chosen = [windows[0]]
    for window in windows:
        if window.start >= chosen[-1].start + chosen[-1].codes.shape[1]:
            chosen.append(window)
    return chosen if windows[-1].start == chosen[-1].start else [*chosen, windows[-1]]


def _refuse(path: Path, suffixes: Sequence[str], what: str) -> None:
    if path.suffix.lower() in suffixes:
        raise AudioError(f"{printable(path.name)} is {what}; leave it out or choose another target.")

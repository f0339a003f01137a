"""Audio neighbours: a window slightly changed as audio, and encoded again.

The changes are small enough that a listener takes the copy for the track. Conventions:
waveforms float32 [..., samples]; a copy keeps the length of the window.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
from scipy.signal import butter, sosfiltfilt

from earwitness.errors import missing_extra
from earwitness.measure.passes.batch import Answer, Batch, rng_for, scores
from earwitness.signals.tokens.requests import AudioNeighbourRequest, Request
from earwitness.targets.protocols import AnyTarget, TokenTarget
from earwitness.types import Wave

Change = Callable[[Wave, int, np.random.Generator], Wave]


def _gain(wave: Wave, rate: int, rng: np.random.Generator) -> Wave:
    quieter: Wave = (wave * 10 ** (-3 / 20)).astype(np.float32)
    return quieter


def _noise(wave: Wave, rate: int, rng: np.random.Generator) -> Wave:
    """White noise 40 dB below the window's own level."""
    level = np.sqrt(np.mean(wave.astype(np.float64) ** 2)) * 10 ** (-40 / 20)
    noisy: Wave = (wave + level * rng.standard_normal(wave.shape)).astype(np.float32)
    return noisy


def _low_pass(wave: Wave, rate: int, rng: np.random.Generator) -> Wave:
    """Fourth order, forwards and backwards, at 80 % of the Nyquist frequency."""
    filtered: Wave = sosfiltfilt(butter(4, 0.8, output="sos"), wave, axis=-1).astype(np.float32)
    return filtered


def _pitch(cents: float) -> Change:
    def change(wave: Wave, rate: int, rng: np.random.Generator) -> Wave:
        shifted: Wave = _librosa().effects.pitch_shift(wave, sr=rate, n_steps=cents / 100)
        return shifted

    return change


def _stretch(factor: float) -> Change:
    """Longer by ``factor``; the end that no longer fits is cut, a missing end stays silent."""

    def change(wave: Wave, rate: int, rng: np.random.Generator) -> Wave:
        stretched: Wave = _librosa().effects.time_stretch(wave, rate=1 / factor)
        fitted = np.zeros_like(wave)
        kept = min(wave.shape[-1], stretched.shape[-1])
        fitted[..., :kept] = stretched[..., :kept]
        return fitted

    return change


CHANGES: Mapping[str, Change] = {
    "gain=-3dB": _gain,
    "pitch=+10cents": _pitch(10),
    "pitch=-10cents": _pitch(-10),
    "stretch=+1%": _stretch(1.01),
    "stretch=-1%": _stretch(0.99),
    "noise=-40dB": _noise,
    "low_pass=80%": _low_pass,
}
"""What can be done to a window: waveform, sample rate in Hz, generator → waveform of the same length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioNeighbourPass:
    """Answers ``AudioNeighbourRequest``; a score has no audio to change and gets no answer."""

    seed: int

    def answers(self, request: Request) -> bool:
        """Whether the request is for changed audio."""
        return isinstance(request, AudioNeighbourRequest)

    def ask(self, target: AnyTarget, batch: Batch, request: Request) -> Sequence[Answer | None]:
        """Scores of the changed copies, in their own codes."""
        if not isinstance(target, TokenTarget) or not isinstance(request, AudioNeighbourRequest) or batch.waves is None:
            return [None] * len(batch.keys)
        change = CHANGES[request.change]
        changed = [
            change(wave, target.sample_rate, rng_for(self.seed, key, request.change))
            for wave, key in zip(batch.waves, batch.keys, strict=True)
        ]
        codes = target.encode(np.stack(changed))
        return scores(target, replace(batch, codes=codes, lengths=(codes.shape[2],) * len(codes)))


def _librosa() -> ModuleType:
    try:
        import librosa
    except ImportError:
        raise missing_extra("librosa", "perturb") from None
    loaded: ModuleType = librosa
    return loaded

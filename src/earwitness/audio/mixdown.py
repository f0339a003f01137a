"""Mix-down: from the channels of a file to one, and what to do where their mean is not what is heard.

Goal: the mono mix is the mean of the channels, except where that mean is plainly wrong: a channel that
holds nothing (silence, or a constant) does not count, a constant is taken off, channels that cancel
leave the louder one, and float samples on an integer scale are brought to ±1. Each exception is a
remark for the reader. Conventions: the rules look at one file alone, never at the set that it is in.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from earwitness.types import Floats

SILENCE_DBFS = -90.0
_SILENT = 10 ** (SILENCE_DBFS / 20)
_CONSTANT = 0.01
_CONSTANT_SHARE = 0.1
"""An offset counts from 1 % of full scale and a tenth of the channel's root mean square on."""
_CANCELLED = 0.01
_INTEGER_SCALE = 64.0
"""No float recording peaks 36 dB above full scale; samples that do are integers."""
_INTEGER_RANGES = (2.0**15, 2.0**23, 2.0**31)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mix:
    """How channels become one: the mean of those used, each less its offset, in units of ``scale``."""

    used: tuple[int, ...]
    offsets: Floats
    scale: float = 1.0
    remarks: tuple[str, ...] = ()

    @classmethod
    def mean(cls, channels: int) -> "Mix":
        """The mean of all channels."""
        return cls(used=tuple(range(channels)), offsets=np.zeros(channels))

    def __call__(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mix [n] of a block's channels [n, channels]."""
        if len(self.used) == 1 and self.scale == 1 and not self.offsets[self.used[0]]:
            return block[:, self.used[0]] + np.float32(0)  # as below, bit for bit, without the way through float64
        # Added up in channel order in float64: the same bits on every machine, and -0.0 becomes 0.0.
        total = np.zeros(len(block))
        with np.errstate(invalid="ignore"):  # infinite samples are reported by the caller
            for channel in self.used:
                total += block[:, channel] - self.offsets[channel] if self.offsets[channel] else block[:, channel]
        mixed: NDArray[np.float32] = (total / (len(self.used) * self.scale)).astype(np.float32)
        return mixed


@dataclass(slots=True, kw_only=True)
class ChannelSums:
    """What is known of a file's channels after it was read once, block by block."""

    channels: int
    samples: int = 0
    sums: Floats = field(init=False)
    squares: Floats = field(init=False)
    lowest: Floats = field(init=False)
    highest: Floats = field(init=False)
    mixed_squares: float = 0.0

    def __post_init__(self) -> None:
        self.sums, self.squares = np.zeros(self.channels), np.zeros(self.channels)
        self.lowest, self.highest = np.full(self.channels, np.inf), np.full(self.channels, -np.inf)

    def add(self, block: NDArray[np.float32], mixed: NDArray[np.float32]) -> None:
        """Count a block [n, channels] and its mean over channels [n]."""
        self.samples += len(block)
        with np.errstate(invalid="ignore", over="ignore"):
            self.mixed_squares += float(np.dot(mixed, mixed))
            for channel in range(self.channels):
                wave = block[:, channel]
                self.sums[channel] += wave.sum(dtype=np.float64)
                self.squares[channel] += float(np.dot(wave, wave))
                self.lowest[channel] = min(self.lowest[channel], float(wave.min()))
                self.highest[channel] = max(self.highest[channel], float(wave.max()))

    def best_mix(self, *, floating: bool) -> Mix:
        """The mean of the channels, or what is to be taken in its place and why."""
        mean = Mix.mean(self.channels)
        peaks = np.maximum(self.highest, -self.lowest)
        if not (self.samples and np.isfinite(peaks).all() and np.isfinite(self.squares).all()):
            return mean
        scale = next((r for r in _INTEGER_RANGES if peaks.max() <= r), 1.0)
        scale = scale if floating and peaks.max() > _INTEGER_SCALE else 1.0
        remarks = [f"float samples up to {peaks.max():.0f} were divided by {scale:.0f}"] if scale > 1 else []
        offsets = self.sums / self.samples
        level = np.sqrt(self.squares / self.samples)
        constant = np.abs(offsets) > np.maximum(_CONSTANT * scale, _CONSTANT_SHARE * level)
        sounding = (self.highest - self.lowest) / 2 > _SILENT * scale
        offsets = np.where(constant & sounding, offsets, 0.0)
        if not sounding.any():
            return (
                mean if scale == 1 else Mix(used=mean.used, offsets=mean.offsets, scale=scale, remarks=tuple(remarks))
            )
        used = tuple(np.flatnonzero(sounding).tolist())
        if len(used) < self.channels:
            dead = self.channels - len(used)
            remarks.append(f"{dead} of {self.channels} channels hold no sound and were left out of the mix")
        if offsets.any():
            remarks.append(f"a constant offset of up to {np.abs(offsets).max() / scale:.3f} was taken off")
        power = self.squares / self.samples - (self.sums / self.samples) ** 2
        mixed = self.mixed_squares / self.samples - (self.sums.mean() / self.samples) ** 2
        if len(used) == self.channels > 1 and mixed < _CANCELLED * power.mean():
            used = (int(power.argmax()),)
            remarks.append(f"the channels cancel each other, so channel {used[0] + 1} was taken in place of their mean")
        return Mix(used=used, offsets=offsets, scale=scale, remarks=tuple(remarks))

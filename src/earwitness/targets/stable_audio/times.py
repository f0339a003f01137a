"""How unevenly the trainings of stable-audio-tools draw the times of a flow.

Facts (``training/diffusion.py``, ``inference/sampling.py``): ``timestep_sampler`` is ``uniform``, ``logit_normal``
(standard), ``log_snr`` (logit σ normal with the mean and the spread of −log SNR, by default 1.2 and 2) or
``trunc_logit_normal`` (1 − r, where r is the logistic of a standard normal number that is at least .075, stretched
over [0, 1]). With ``distribution_shift_options`` logit σ then moves towards noise, the more the longer the clip, and
a sine may follow.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

from earwitness.targets.audiocraft.settings import Settings
from earwitness.targets.flow import LogitNormal

_LEAST = 0.075
_SAMPLER, _OPTIONS = "training.timestep_sampler", "training.timestep_sampler_options"
_SHIFT = "model.diffusion.distribution_shift_options"
_OF_SNR = (("mean", -1.2), ("std", 2.0))
_SHIFTS = {"base_shift": 0.5, "max_shift": 1.15, "max_length": 4096, "min_length": 256}


class Law(Protocol):
    """A distribution of times on the path."""

    def drawn_at(self, share: float) -> float:
        """The time below which this share of draws lay."""


@dataclass(frozen=True, slots=True)
class Evenly:
    """All times alike."""

    def drawn_at(self, share: float) -> float:
        """The share itself."""
        return share


@dataclass(frozen=True, slots=True)
class Truncated:
    """1 − r, r the logistic of a standard normal number from ``_LEAST`` on, stretched over [0, 1]."""

    def drawn_at(self, share: float) -> float:
        """The time below which this share of draws lay."""
        if not 0 < share < 1:
            return float(share > 0)
        normal = NormalDist()
        least = normal.cdf(math.log(_LEAST / (1 - _LEAST)))
        logistic = 1 / (1 + math.exp(-normal.inv_cdf(least + (1 - least) * (1 - share))))
        return 1 - (logistic - _LEAST) / (1 - _LEAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    """Times of another law with odds multiplied by e to the ``by``, and with ``sine`` bent by sin(πt/2)."""

    law: Law
    by: float
    sine: bool

    def drawn_at(self, share: float) -> float:
        """The time below which this share of draws lay."""
        time = self.law.drawn_at(share)
        if 0 < time < 1:
            odds = time / (1 - time) * math.exp(self.by)
            time = odds / (1 + odds)
        return math.sin(time * math.pi / 2) if self.sine else time


def law_of_times(settings: Settings, frames: int) -> Law:
    """The law by which a training drew times for clips of so many frames.

    Raises
    ------
    TargetError
        Where the settings name a sampler that is not known.
    """
    match settings.get(_SAMPLER) or "uniform":
        case "uniform":
            law: Law = Evenly()
        case "logit_normal":
            law = LogitNormal()
        case "trunc_logit_normal":
            law = Truncated()
        case "log_snr":
            mean, spread = (_number(settings, f"{_OPTIONS}.{name}_logsnr", usual) for name, usual in _OF_SNR)
            law = LogitNormal(mean=-mean, std=spread)
        case other:
            raise settings.wrong(_SAMPLER, other, "uniform, logit_normal, trunc_logit_normal or log_snr")
    if settings.get(_SHIFT) is None:
        return law
    least, most, longest, shortest = (_number(settings, f"{_SHIFT}.{name}", usual) for name, usual in _SHIFTS.items())
    share = (min(max(frames, shortest), longest) - shortest) / (longest - shortest)
    return Shifted(
        law=law, by=least + (most - least) * share, sine=settings.flag(f"{_SHIFT}.use_sine", if_absent=False)
    )


def _number(settings: Settings, name: str, usual: float) -> float:
    value = settings.get(name)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise settings.wrong(name, value, "a number")
    return float(value)

"""Band-limited resampling with a windowed sinc, the way that the models' trainers resampled.

Goal: audio at the rate a network hears, by the formula of the trainers' library at its defaults: a sinc
cut off at .99 of the lower Nyquist frequency, under cos² over six of its zero crossings.
Source: Smith, Digital Audio Resampling (https://ccrma.stanford.edu/~jos/resample/).
"""

from functools import cache
from math import ceil, gcd, pi

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

_CROSSINGS, _ROLLOFF = 6, 0.99


def resample(waves: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Waves float32 [batch, samples] at ``to_rate``, ⌈samples · to_rate / from_rate⌉ samples each."""
    if from_rate == to_rate:
        return waves
    common = gcd(from_rate, to_rate)
    old, new = from_rate // common, to_rate // common
    kernel, reach = _kernel(old, new)
    padded = pad(waves[:, None], (reach, reach + old))
    resampled: Tensor = conv1d(padded, kernel.to(waves.device), stride=old).transpose(1, 2).flatten(1)
    return resampled[:, : ceil(new * waves.shape[1] / old)]


@cache
def _kernel(old: int, new: int) -> tuple[Tensor, int]:
    """Kernels [new, 1, taps], one for each place between two old samples, and how many old samples they reach back."""
    cutoff = min(old, new) * _ROLLOFF
    reach = ceil(_CROSSINGS * old / cutoff)
    taps = torch.arange(-reach, reach + old, dtype=torch.float64) / old
    places = -torch.arange(new, dtype=torch.float64)[:, None] / new
    crossings = ((places + taps) * cutoff).clamp(-_CROSSINGS, _CROSSINGS)
    window = torch.cos(crossings * pi / _CROSSINGS / 2).square()
    return (torch.sinc(crossings) * window * cutoff / old).float()[:, None], reach

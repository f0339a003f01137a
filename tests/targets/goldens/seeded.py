"""Weights that two programs can agree on without a file: each tensor is drawn from its own name and shape.

The originals were run on these weights, and the tests write them again (``benchmarks/originals`` has the programs).
NumPy and PyTorch alone, so that it can be read beside old versions of everything else.
"""

from collections.abc import Mapping, Sequence
from math import prod
from zlib import crc32

import numpy as np
import torch
from torch import Tensor


def seeded(name: str, shape: Sequence[int]) -> Tensor:
    """float32 of that shape: matrices and kernels of unit gain, gains near 1, all else near 0.

    Gains of normed kernels are near ½: many of them stand in a row.
    """
    values = np.random.default_rng(crc32(name.encode())).standard_normal(tuple(shape))
    if len(shape) > 1 and not name.endswith("weight_g"):
        values *= prod(shape[1:]) ** -0.5
    else:
        middle = 0.5 if name.endswith("weight_g") else 1.0 if name.endswith(("weight", "gamma")) else 0.0
        values = middle + 0.2 * values
    return torch.from_numpy(values).float()


def all_seeded(shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """The tensors of a file by name."""
    return {name: seeded(name, shape) for name, shape in shapes.items()}


def fill(module: torch.nn.Module, prefix: str = "") -> None:
    """Give a network the weights of its names, in place; a tensor of two names has those of the first."""
    first: dict[int, str] = {}
    for name, value in module.state_dict().items():
        if value.is_floating_point() and first.setdefault(value.data_ptr(), name) == name:
            value.copy_(seeded(prefix + name, tuple(value.shape)))


def wave(samples: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    """Two tones and a little noise, float32 [samples, channels]; no two channels alike."""
    time, rng = np.arange(samples) / samples, np.random.default_rng(seed)
    tones = np.stack([np.sin(2 * np.pi * (40 + 23 * i) * time) for i in range(channels)], axis=1)
    return (0.3 * tones + 0.05 * rng.standard_normal((samples, channels))).astype(np.float32)

"""The noise of a window, a function of (seed, window, draw) alone.

One draw serves all levels of a window. Nothing else enters, so neither batch, order, device nor
the other signals of a preset change it. Under the key ``COMMON`` the window does not enter either.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: In the place of a window's key: the noise that all windows of a shape have in common.
COMMON = ""


def noise(seed: int, key: str, draw: int, shape: Sequence[int]) -> NDArray[np.float64]:
    """Standard normal ε of a latent's shape, for the window that ``key`` names."""
    digest = hashlib.sha256(f"denoising {draw}\n{seed}\n{key}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big")).standard_normal(tuple(shape))

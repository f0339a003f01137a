"""Names of types that every room uses, each defined once."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
"""Counts, places, and the number of each track's group."""
Wave = NDArray[np.float32]
"""A waveform, [samples] or [channels, samples]; with a further axis in front, several."""

OnProgress = Callable[[int, int], None]
"""Is told (done, total) as long work goes on."""
OnMessage = Callable[[str], None]
"""Is told what long work is about, one line at a time."""
Bar = Callable[[str], AbstractContextManager[OnProgress]]
"""Shows a bar under a description while a block runs."""

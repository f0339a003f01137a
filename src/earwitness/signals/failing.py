"""Failing: what becomes of a plug-in's signal that fails when it is asked.

Goal: a stranger's mistake costs that signal's own numbers, and nothing else that was measured. Conventions: its
features are NaN where it failed, which is counted and said like every missing value; ours fail aloud.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from earwitness.plug_ins import cause, is_strangers, say_once
from earwitness.types import Floats


def numbers_or_missing(signal: object, measure: Callable[[], ArrayLike], shape: tuple[int, ...]) -> Floats:
    """Return what ``measure`` gives, of this shape; NaN where a plug-in's signal fails to."""
    if not is_strangers(signal):
        return np.asarray(measure(), dtype=np.float64)
    try:
        found = np.asarray(measure(), dtype=np.float64)
        if found.shape == shape:
            return found
        failed = f"it gave numbers of shape {found.shape} in place of {shape}"
    except Exception as error:  # a stranger's code raises whatever it likes
        failed = cause(error)
    say_once(
        repr(signal),
        f"the signal {signal!r} of a plug-in failed ({failed}); where it fails its features are missing (NaN), all "
        "others are measured. Mend it and measure into another folder, or go on without it.",
    )
    return np.full(shape, np.nan)

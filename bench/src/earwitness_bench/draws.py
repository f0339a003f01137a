"""Two sets of whole groups, drawn from tracks whose membership is known."""

import numpy as np
from numpy.typing import NDArray

from earwitness.errors import EarwitnessError

Rows = NDArray[np.intp]


def draw_sets(
    rng: np.random.Generator,
    groups: NDArray[np.str_],
    member: NDArray[np.bool_],
    size: int,
    *,
    used: float,
) -> tuple[Rows, Rows]:
    """Draw ``size`` suspect groups, a share ``used`` of them trained on, and ``size`` held-out ones that were not.

    No group is in both sets, or in a set twice.

    Returns
    -------
    suspects, held_out
        Rows of the tracks.

    Raises
    ------
    EarwitnessError
        If there are not so many groups.
    """
    inside = rng.permutation(np.unique(groups[member]))
    outside = rng.permutation(np.unique(groups[~member]))
    known = round(size * used)
    if len(inside) < known or len(outside) < 2 * size - known:
        raise EarwitnessError(
            f"{size} groups per side cannot be drawn from {len(inside)} that were trained on and {len(outside)} "
            "that were not; take smaller sets or more tracks."
        )
    held_out, rest = outside[:size], outside[size : 2 * size - known]
    suspects = np.concatenate([inside[:known], rest])
    return np.flatnonzero(np.isin(groups, suspects)), np.flatnonzero(np.isin(groups, held_out))

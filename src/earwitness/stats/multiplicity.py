"""Many claims at once: what each may still say when several were tried.

Goal: testing many models or artists must not raise the chance of one false accusation.
Conventions: one number per claim, in the caller's order; NaN is a claim that could not be
tested, stays NaN (or not rejected), and is not counted.
"""

import numpy as np
from numpy.typing import ArrayLike

from earwitness.types import Bools, Floats


def holm_adjusted(p_values: ArrayLike) -> Floats:
    """Return Holm's adjusted p-values: reject where ``≤ α`` and the chance of *any* false claim is at most α.

    ``p̃_(i) = max_{j ≤ i} (m − j + 1)·p_(j)``, at most 1; holds under any dependence.

    Notes
    -----
    Holm (1979).

    Examples
    --------
    >>> holm_adjusted([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64).ravel()
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    remaining = np.arange(len(order), 0, -1)
    adjusted[order] = np.maximum.accumulate(np.minimum(p[order] * remaining, 1.0))
    return adjusted


def e_bh(e_values: ArrayLike, alpha: float) -> Bools:
    """Return which claims e-BH rejects: on average at most a share α of them is false.

    Rejects the ``k`` largest with ``k = max{k : e_(k) ≥ m/(αk)}``, ``e_(1) ≥ e_(2) ≥ …``;
    holds under any dependence.

    Raises
    ------
    ValueError
        If α is outside (0, 1).

    Notes
    -----
    Wang & Ramdas, arXiv 2009.02824.

    Examples
    --------
    >>> e_bh([100.0, 5.0, 45.0], alpha=0.05).tolist()
    [True, False, True]
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), not {alpha}")
    e = np.asarray(e_values, dtype=np.float64).ravel()
    known = np.sort(e[~np.isnan(e)])[::-1]
    enough = np.flatnonzero(known * np.arange(1, len(known) + 1) * alpha >= len(known))
    if not len(enough):
        return np.zeros(len(e), dtype=np.bool_)
    rejected: Bools = e >= known[enough[-1]]
    return rejected

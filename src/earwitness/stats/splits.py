"""Folds for cross-fitting: seeded, of whole groups, blind to labels."""

import numpy as np

from earwitness.stats.grouping import Ints


def fold_of_groups(n_groups: int, folds: int, *, seed: int) -> Ints:
    """Return the fold of each group: sizes differ by at most one, the order is drawn from the seed.

    With fewer groups than folds each group is a fold of its own.
    """
    folds = min(folds, n_groups)
    return np.random.default_rng(seed).permutation(np.arange(n_groups) % folds)

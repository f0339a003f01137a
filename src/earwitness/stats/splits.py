"""Folds for out-of-fold scores: of whole groups, blind to labels, the same in every run."""

import numpy as np

from earwitness.types import Ints


def fold_of_groups(n_groups: int, folds: int) -> Ints:
    """Return the fold of each group: sizes differ by at most one, the order is shuffled once and for all.

    With fewer groups than folds each group is a fold of its own. Groups are numbered by content
    (`earwitness.stats.grouping.codes_by_content`), so no seed makes a score depend on chance.
    """
    folds = min(folds, n_groups)
    return np.random.default_rng(0).permutation(np.arange(n_groups) % folds)

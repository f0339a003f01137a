"""Linking: which items a chain of common keys holds together."""

from collections.abc import Collection, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def linked(keys: Sequence[Collection[Hashable]]) -> NDArray[np.int32]:
    """Number items so that two have one number exactly where common keys lead from one to the other.

    Parameters
    ----------
    keys
        The keys of each item; an item without any is linked to none.

    Returns
    -------
    array
        int32 [items], from 0, in the order in which the numbers first occur.

    Examples
    --------
    >>> linked([["a"], ["b"], ["a", "c"], ["c"], []]).tolist()
    [0, 1, 0, 0, 2]
    """
    codes: dict[Hashable, int] = {}
    pairs = [(item, codes.setdefault(key, len(codes))) for item, own in enumerate(keys) for key in own]
    items, of_keys = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    size = len(keys) + len(codes)
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (items, len(keys) + of_keys)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][: len(keys)]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    renumbered: NDArray[np.int32] = np.argsort(np.argsort(first)).astype(np.int32)[inverse]
    return renumbered

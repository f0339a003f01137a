"""Rows that may share a pass of a network that attends to whatever it is given, padding included.

Goal: no row depends on its batch-mates. Where a condition cannot be masked, rows run together only if theirs are
equally long.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor


def asked_together(alike: Sequence[Hashable], ask: Callable[[list[int]], Tensor]) -> Tensor:
    """Answers [rows, …] in the rows' order; ``ask`` is called once for all rows that are alike, with their numbers."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(alike):
        groups[key].append(row)
    found: dict[int, Tensor] = {}
    for rows in groups.values():
        found.update(zip(rows, ask(rows), strict=True))
    return torch.stack([found[row] for row in range(len(alike))])

"""Which groups could have been the suspects: all labellings, or a seeded draw of them.

Goal: the reference set of a permutation test over groups. Conventions: a labelling is a
column of booleans over groups, as many suspects in every stratum as observed; the first
column is the observed labelling. Where all labellings are few they are enumerated, each
once; otherwise they are drawn independently, and the observed one is added.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, islice, product
from math import comb, prod

import numpy as np

from earwitness.types import Bools, Floats, Ints

# Random keys at a time: as many as stay in the processor's cache.
_KEYS = 100_000
# Of many thousand groups a number of as many digits, asked for again and again.
_combinations = lru_cache(maxsize=1024)(comb)


class _ReferenceSet(ABC):
    """What is compared with the observed arrangement: all others where there are few, else a draw of them."""

    __slots__ = ()
    permutations: int

    @property
    @abstractmethod
    def possible(self) -> int:
        """Number of different arrangements."""

    @property
    def enumerated(self) -> bool:
        """Whether every arrangement is used once."""
        return self.possible <= self.permutations + 1

    @property
    def used(self) -> int:
        """Number of arrangements in the reference set, the observed one included."""
        return self.possible if self.enumerated else self.permutations + 1

    @property
    def p_value_floor(self) -> float:
        """The smallest p-value that this reference set can give."""
        return 1 / self.used


@dataclass(frozen=True, slots=True, kw_only=True)
class Labellings(_ReferenceSet):
    """The reference set of one test.

    Attributes
    ----------
    observed
        ``[groups]`` the labelling that was found.
    strata
        ``[groups]`` codes; labels move only among groups of one stratum.
    permutations
        How many labellings to draw where there are more than that plus one.
    """

    observed: Bools
    strata: Ints
    permutations: int

    @property
    def possible(self) -> int:
        """Number of different labellings, ``Π C(groups, suspects)`` over strata."""
        return prod(_combinations(len(rows), count) for rows, count in self._counts())

    def chunks(self, size: int, seed: int) -> Iterator[Bools]:
        """Yield the reference set as ``[groups, ≤ size]`` blocks; blocks do not depend on ``size``."""
        yield self.observed[:, None]
        if not self.enumerated:
            yield from self._draw(np.random.default_rng(seed), size)
            return
        rows = self._enumerate()
        while block := list(islice(rows, size)):
            yield np.stack(block).T

    def _counts(self) -> list[tuple[Ints, int]]:
        strata = [np.flatnonzero(self.strata == code) for code in np.unique(self.strata)]
        return [(rows, int(self.observed[rows].sum())) for rows in strata]

    def _enumerate(self) -> Iterator[Bools]:
        choices = [combinations(rows.tolist(), count) for rows, count in self._counts()]
        for chosen in product(*choices):
            row = np.zeros(len(self.observed), dtype=np.bool_)
            row[[index for part in chosen for index in part]] = True
            if not np.array_equal(row, self.observed):
                yield row

    def _draw(self, rng: np.random.Generator, size: int) -> Iterator[Bools]:
        counts, groups = self._counts(), len(self.observed)
        few = max(_KEYS // groups, 1)
        for start in range(0, self.permutations, size):
            labels = np.zeros((min(size, self.permutations - start), groups), dtype=np.bool_)
            for first in range(0, len(labels), few):
                part = labels[first : first + few]
                keys = rng.random(part.shape)
                for rows, suspects in counts:
                    inside = slice(None) if len(rows) == groups else rows
                    part[:, inside] = _smallest(keys[:, inside], suspects)
            yield labels.T


def _smallest(keys: Floats, count: int) -> Bools:
    """Return which ``count`` of each row's random keys are the smallest: every choice is equally likely."""
    if not 0 < count < keys.shape[1]:
        return np.full(keys.shape, count > 0)
    chosen = keys <= np.partition(keys, count - 1, axis=1)[:, count - 1 : count]
    for row in np.flatnonzero(chosen.sum(axis=1) != count):  # two equal keys
        chosen[row] = False
        chosen[row, np.argpartition(keys[row], count - 1)[:count]] = True
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips(_ReferenceSet):
    """The reference set of a paired test: each unit keeps its sign or turns it.

    Attributes
    ----------
    units
        Number of units that turn whole.
    permutations
        How many sign patterns to draw where there are more than that plus one.
    """

    units: int
    permutations: int

    @property
    def possible(self) -> int:
        """Number of different sign patterns, ``2^units``."""
        return int(2**self.units)

    def chunks(self, size: int, seed: int) -> Iterator[Floats]:
        """Yield the reference set as ``[units, ≤ size]`` blocks of ±1, the observed (all +1) first."""
        yield np.ones((self.units, 1))
        if self.enumerated:
            codes = np.arange(1, self.possible)
            for start in range(0, len(codes), size):
                turned = (codes[None, start : start + size] >> np.arange(self.units)[:, None]) & 1
                yield 1.0 - 2.0 * turned.astype(np.float64)
            return
        yield from self.draw(np.random.default_rng(seed), size)

    def draw(self, rng: np.random.Generator, size: int) -> Iterator[Floats]:
        """Yield random sign patterns in blocks of at most ``size``."""
        for start in range(0, self.permutations, size):
            count = min(size, self.permutations - start)
            yield 1.0 - 2.0 * rng.integers(0, 2, (count, self.units)).T.astype(np.float64)

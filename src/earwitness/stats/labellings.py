"""Which groups could have been the suspects: all labellings, or a seeded draw of them.

Goal: the reference set of a permutation test over groups. Conventions: a labelling is a
column of booleans over groups, as many suspects in every stratum as observed; the first
column is the observed labelling. Where all labellings are few they are enumerated, each
once; otherwise they are drawn independently, and the observed one is added.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from math import comb, prod

import numpy as np

from earwitness.types import Bools, Floats, Ints


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
        return prod(comb(len(rows), count) for rows, count in self._counts())

    def chunks(self, size: int, seed: int) -> Iterator[Bools]:
        """Yield the reference set as ``[groups, ≤ size]`` blocks; blocks do not depend on ``size``."""
        yield self.observed[:, None]
        rows = self._enumerate() if self.enumerated else self._draw(np.random.default_rng(seed), size)
        block: list[Bools] = []
        for row in rows:
            block.append(row)
            if len(block) == size:
                yield np.stack(block, axis=1)
                block = []
        if block:
            yield np.stack(block, axis=1)

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
        counts = self._counts()
        for start in range(0, self.permutations, size):
            count = min(size, self.permutations - start)
            keys = rng.random((count, len(self.observed)))
            labels = np.zeros(keys.shape, dtype=np.bool_)
            for rows, suspects in counts:
                # A stratum's suspects are the groups with its smallest random keys: every choice is equally likely.
                if 0 < suspects < len(rows):
                    chosen = np.argpartition(keys[:, rows], suspects - 1, axis=1)[:, :suspects]
                    np.put_along_axis(labels, rows[chosen], True, axis=1)
                elif suspects:
                    labels[:, rows] = True
            yield from labels


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

"""Which track stands on which side, and what may be exchanged with what.

Goal: one object for the design of a comparison, so that every test takes the same two things:
values and sides. Conventions: one entry per track; a group (album, session) lies on one side,
except where there are pairs; strata and pairs exclude each other, since a pair is a stratum of its own.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earwitness.stats.labellings import Flips, Labellings
from earwitness.stats.pairing import units_of_pairs
from earwitness.types import Bools, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The design of a comparison.

    Attributes
    ----------
    is_suspect
        ``[tracks]`` the labels that the null hypothesis lets be exchanged.
    groups
        ``[tracks]`` labels of the units of independence.
    strata
        ``[tracks]`` labels, one per group: relabelling then happens within strata only.
    pairs
        ``[tracks]`` labels, both sides in each: which half of a pair is the suspect is relabelled, for all
        pairs of a group together.

    Raises
    ------
    ValueError
        If lengths disagree, a side is absent, or strata and pairs are both given.
    """

    is_suspect: Bools
    groups: NDArray[Any]
    strata: NDArray[Any] | None
    pairs: NDArray[Any] | None

    def __init__(
        self,
        is_suspect: ArrayLike,
        groups: ArrayLike,
        *,
        strata: ArrayLike | None = None,
        pairs: ArrayLike | None = None,
    ) -> None:
        labels = np.asarray(is_suspect, dtype=np.bool_)
        given = {"groups": groups, "strata": strata, "pairs": pairs}
        if any(np.shape(names) != labels.shape for names in given.values() if names is not None) or labels.ndim != 1:
            raise ValueError("is_suspect, groups, strata and pairs must be [tracks]")
        if labels.all() or not labels.any():
            raise ValueError("both sides need a track")
        if strata is not None and pairs is not None:
            raise ValueError("strata and pairs exclude each other: a pair is a stratum of its own")
        object.__setattr__(self, "is_suspect", labels)
        for name, names in given.items():
            object.__setattr__(self, name, None if names is None else np.asarray(names))

    def __len__(self) -> int:
        """Return the number of tracks."""
        return len(self.is_suspect)

    @property
    def paired(self) -> bool:
        """Whether halves of pairs are exchanged, not groups."""
        return self.pairs is not None

    @property
    def group_codes(self) -> Ints:
        """``[tracks]`` groups as 0 …"""
        return codes(self.groups)

    @property
    def stratum_codes(self) -> Ints:
        """``[tracks]`` strata as 0 …; all 0 where there are none."""
        return np.zeros(len(self), dtype=np.intp) if self.strata is None else codes(self.strata)

    @property
    def units(self) -> Ints:
        """``[tracks]`` what is exchanged as a whole: groups, or pairs that share one directly or through others."""
        if self.pairs is None:
            return self.group_codes
        of_pair = codes(self.pairs)
        return units_of_pairs(self.group_codes, of_pair)[of_pair]

    @property
    def group_counts(self) -> tuple[int, int]:
        """Number of groups with a suspect track, and with a held-out one."""
        return len(np.unique(self.groups[self.is_suspect])), len(np.unique(self.groups[~self.is_suspect]))

    @property
    def possible_labellings(self) -> int:
        """How many different labellings there are: one over it is the smallest p that these sets can give."""
        if self.pairs is not None:
            return Flips(units=int(self.units.max()) + 1, permutations=1).possible
        return self.labellings(1).possible

    def labellings(self, permutations: int) -> Labellings:
        """Return the reference set of relabelled groups."""
        of_group = self.group_codes
        return Labellings(
            observed=per_group(self.is_suspect, of_group, "side"),
            strata=per_group(self.stratum_codes, of_group, "stratum"),
            permutations=permutations,
        )

    def relabelled(self, is_suspect: ArrayLike) -> Self:
        """Return the same tracks with other labels."""
        return type(self)(is_suspect, self.groups, strata=self.strata, pairs=self.pairs)

    def numbered(self) -> Self:
        """Return the same design with numbers for names, which are quicker to sort."""
        return type(self)(
            self.is_suspect,
            self.group_codes,
            strata=None if self.strata is None else self.stratum_codes,
            pairs=None if self.pairs is None else codes(self.pairs),
        )


def codes(labels: ArrayLike) -> Ints:
    """Return labels as numbers 0 …, in the order of their sorted values."""
    return np.asarray(np.unique(np.asarray(labels), return_inverse=True)[1], dtype=np.intp)


def per_group(values: NDArray[Any], of_group: Ints, what: str) -> NDArray[Any]:
    """Return one value per group, having checked that its tracks agree."""
    found = np.empty(int(of_group.max()) + 1, dtype=values.dtype)
    found[of_group] = values
    if not np.array_equal(found[of_group], values):
        raise ValueError(f"a group has tracks of more than one {what}")
    return found

"""Every method of dataset inference by name, asked in the same way.

Goal: one call, so that a table's cells differ in nothing but the method. Conventions: the
published procedures run as published, on features turned towards membership where they need it;
those that learn their own signs also get the features whose direction is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from earwitness.features import FeatureTable
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.published import Method, published_p
from earwitness.stats.sides import Sides

METHODS = ("exact", "cdi", "iar", "llm-di")
AS_USED: Mapping[str, str] = {"exact": "default", "cdi": "published", "iar": "published", "llm-di": "published"}
"""The features each method would be used with."""
FEWEST = {"exact": 2, "cdi": 5, "iar": 2, "llm-di": 4}
"""Tracks per side below which a method has no answer at all."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Features of tracks as the methods need them.

    ``directed`` [tracks, features] holds those of known direction, higher = more member-like;
    ``every`` those of unknown direction as well. ``member`` and ``groups`` are [tracks].
    """

    directed: NDArray[np.float64]
    every: NDArray[np.float64]
    member: NDArray[np.bool_]
    groups: NDArray[np.str_]

    @classmethod
    def of(cls, table: FeatureTable) -> "Scores":
        """Take them from a table of tracks."""
        return cls(
            directed=table.oriented()[0],
            every=table.oriented(include_unknown=True)[0],
            member=table.is_suspect(),
            groups=table.frame["group"].to_numpy(),
        )


def p_value(
    method: str,
    scores: Scores,
    suspects: NDArray[np.intp],
    held_out: NDArray[np.intp],
    *,
    permutations: int,
    seed: int,
) -> float:
    """Return the method's p-value for two sets of rows; NaN where it has no answer for so few tracks."""
    if min(len(suspects), len(held_out)) < FEWEST[method]:
        return float("nan")
    rows = np.concatenate([suspects, held_out])
    is_suspect = np.arange(len(rows)) < len(suspects)
    if method == "exact":
        settings = ExactSettings(permutations=permutations)
        return exact_test(
            scores.directed[rows], Sides(is_suspect, scores.groups[rows]), settings=settings, seed=seed
        ).p_value
    values = scores.directed if method == "iar" else scores.every
    return published_p(values[rows], is_suspect, cast(Method, method), seed=seed)

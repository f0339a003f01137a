"""Every method of dataset inference by name, asked in the same way.

Goal: one call, so that a table's cells differ in nothing but the method. Conventions: the
published procedures run as published, on features turned as published where they need it; those that
learn their own signs also get the features whose direction is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from earwitness.features import FeatureTable
from earwitness.stats.published import Method, published_p
from earwitness.stats.sides import Sides
from earwitness.verdict.procedure import Divided, Procedure

METHODS = ("exact", "cdi", "iar", "llm-di")
AS_USED: Mapping[str, str] = {"exact": "default", "cdi": "published", "iar": "published", "llm-di": "published"}
"""The features each method would be used with."""
FEWEST = {"exact": 2, "cdi": 5, "iar": 2, "llm-di": 4}
"""Tracks per side below which a method has no answer at all."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Features of tracks as the methods need them.

    ``sets`` holds those of known direction, higher = more member-like, with what the verdict knows beside
    them; ``procedure`` is the verdict's. ``every`` holds those of unknown direction as well, ``published`` those that a
    publication sums up. ``member`` and ``groups`` are [tracks].
    """

    sets: Divided
    procedure: Procedure
    every: NDArray[np.float64]
    published: NDArray[np.float64]
    member: NDArray[np.bool_]
    groups: NDArray[np.str_]

    @property
    def directed(self) -> NDArray[np.float64]:
        """``[tracks, features]`` of known direction."""
        return self.sets.values

    @classmethod
    def of(cls, table: FeatureTable) -> "Scores":
        """Take them from a table of tracks."""
        return cls(
            sets=Divided.of(table),
            procedure=Procedure.of(table, alpha=0.01, permutations=9999),
            every=table.oriented(include_unknown=True)[0],
            published=table.as_published()[0],
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
        settings = replace(scores.procedure.settings, permutations=permutations)
        drawn = Divided(
            values=scores.sets.values[rows],
            covariates=None if scores.sets.covariates is None else scores.sets.covariates[rows],
            sides=Sides(is_suspect, scores.groups[rows]),
        )
        return replace(scores.procedure, settings=settings).test(drawn, seed=seed).p_value
    values = scores.published if method == "iar" else scores.every
    return published_p(values[rows], is_suspect, cast(Method, method), seed=seed)

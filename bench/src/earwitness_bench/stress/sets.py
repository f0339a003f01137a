"""Two sets of whole groups for a scenario, drawn from what was measured.

Goal: shares that are exact and groups that are never on both sides. Conventions: rows index the
tracks of `Pools`; a set is drawn part by part, the part with the smallest pool first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from earwitness.errors import EarwitnessError
from earwitness_bench.draws import Rows
from earwitness_bench.stress.scenarios import Part, Scenario

Names = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """What is known of every measured track, [tracks] each."""

    treatment: Names
    member: NDArray[np.bool_]
    group: Names
    dance: Names

    @classmethod
    def read(cls, pools: Path, tracks: Path, track_ids: pl.Series) -> "Pools":
        """Read ``pools.csv`` and a run's ``tracks.parquet``, in the order of these tracks."""
        known = pl.read_parquet(tracks).select("track_id", "path").join(pl.read_csv(pools), on="path")
        rows = track_ids.to_frame("track_id").join(known, on="track_id", how="left", maintain_order="left")
        return cls(
            treatment=rows["treatment"].to_numpy(),
            member=rows["member"].to_numpy().astype(np.bool_),
            group=rows["group"].to_numpy(),
            dance=rows["dance"].to_numpy(),
        )

    def rows(self, part: Part) -> Rows:
        """The tracks that a part of a set may hold."""
        among = np.isin(self.treatment, part.treatments) & (self.member == part.member)
        if part.dances:
            among &= np.isin(self.dance, part.dances)
        return np.flatnonzero(among)

    def groups(self, part: Part) -> set[str]:
        """The groups of which there is a track in every treatment of the part."""
        rows = self.rows(part)
        by_treatment = [set(self.group[rows[self.treatment[rows] == name]].tolist()) for name in part.treatments]
        return set.intersection(*by_treatment)


def largest_size(scenario: Scenario, pools: Pools) -> int:
    """Return the largest number of groups per side, up to the scenario's, that the pools give.

    Raises
    ------
    EarwitnessError
        If they do not give two.
    """
    found = [pools.groups(part) for part in (*scenario.suspects, *scenario.held_out)]
    for size in range(scenario.size, 1, -1):
        counts = [*_counts(scenario.suspects, size), *_counts(scenario.held_out, size)]
        # Pools lie within one another or apart, so each needs room for no more than what is taken from within it.
        taken = [sum(n for n, inner in zip(counts, found, strict=True) if inner <= outer) for outer in found]
        if all(count <= len(groups) for count, groups in zip(taken, found, strict=True)):
            return size
    raise EarwitnessError(
        f"The scenario {scenario.name} ({scenario.setting}) finds no two groups per side; take more tracks."
    )


def draw(scenario: Scenario, pools: Pools, size: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Draw ``size`` groups per side, each part its share, all tracks of a group that are in the part.

    Returns
    -------
    suspects, held_out
        Rows of the tracks.
    """
    wanted = [
        (side, part, count)
        for side, parts in enumerate((scenario.suspects, scenario.held_out))
        for part, count in zip(parts, _counts(parts, size), strict=True)
    ]
    drawn: tuple[list[Rows], list[Rows]] = ([], [])
    taken: set[str] = set()
    for side, part, count in sorted(wanted, key=lambda item: len(pools.groups(item[1]))):
        free = sorted(pools.groups(part) - taken)
        chosen = [free[i] for i in rng.permutation(len(free))[:count]]
        taken.update(chosen)
        rows = pools.rows(part)
        drawn[side].append(rows[np.isin(pools.group[rows], chosen)])
    return np.concatenate(drawn[0]), np.concatenate(drawn[1])


def _counts(parts: Sequence[Part], size: int) -> list[int]:
    """How many groups each part of a set takes; together ``size``."""
    ends = [round(share * size) for share in accumulate(part.share for part in parts)]
    return [end - start for start, end in pairwise([0, *ends])]

"""Level and power of the adjusted analyses under a real shift, and the gate's states without one.

    python benchmarks/shift_level.py level --runs 300      # table 1: shift without, and with, membership
    python benchmarks/shift_level.py gate --runs 300       # table 2: comparable sets

Blind features: 30, neighbours correlated by .5; five of them move by `shift` sd in the suspect set. Model
features: 18, sharing half their noise; a share `explained` of their variance is a line in the blind
features that always includes the five moved ones, all in the member direction (the worst case), with
`curve` sd of squares and saturations on top. Albums: 10 tracks, 40 % of the blind and 20 % of the
remaining model variance between albums.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.blind import blind_gate
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.shift import adjusted_p_value
from earwitness.stats.sides import Sides

Floats = NDArray[np.float64]
SETTINGS = ExactSettings(permutations=199)
BLIND, FEATURES, MOVED = 30, 18, np.arange(5) * 6


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What one simulated audit looks like; sd units."""

    tracks: int
    shift: float = 0.5
    curve: float = 0.0
    explained: float = 0.4
    album: int = 1
    member: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One draw of a world."""

    values: Floats
    blind: Floats
    is_suspect: NDArray[np.bool_]
    groups: NDArray[np.intp]


def draw(world: World, seed: list[int]) -> Audit:
    rng = np.random.default_rng(seed)
    n = 2 * world.tracks
    groups = np.repeat(np.arange(n // world.album), world.album)
    suspect = groups < len(np.unique(groups)) // 2

    def noise(columns: int, between: float) -> Floats:
        share = between if world.album > 1 else 0.0
        by_album = rng.normal(size=(groups.max() + 1, columns))[groups]
        return np.asarray(np.sqrt(share) * by_album + np.sqrt(1 - share) * rng.normal(size=(n, columns)))

    def half_shared() -> Floats:
        return np.asarray(np.sqrt(0.5) * (noise(1, 0.2) + noise(FEATURES, 0.2)))

    covariance = 0.5 ** np.abs(np.subtract.outer(np.arange(BLIND), np.arange(BLIND)))
    blind = noise(BLIND, 0.4) @ np.linalg.cholesky(covariance).T
    blind[:, MOVED] += world.shift * suspect[:, None]
    slopes = np.zeros((BLIND, FEATURES))
    slopes[MOVED] = 1
    for column in slopes.T:
        column[rng.integers(0, BLIND, 4)] += 0.7 * rng.normal(size=4)
    line = blind @ (slopes / np.sqrt(np.einsum("ij,ij->j", slopes, covariance @ slopes)))
    bend = (line**2 - 1) / np.sqrt(2) + np.tanh(2 * blind[:, MOVED]).mean(axis=1, keepdims=True)
    heard = np.sqrt(world.explained) * (line + world.curve * bend)
    left = np.sqrt(1 - world.explained)
    return Audit(
        values=heard + left * half_shared() + world.member * suspect[:, None],
        blind=blind,
        is_suspect=suspect,
        groups=groups,
    )


def rate(p_values: list[float], alpha: float) -> str:
    """Share of p ≤ alpha with exact limits; a p that could not be had does not reject."""
    hits = int((np.array(p_values) <= alpha).sum())
    low, high = clopper_pearson(hits, len(p_values))
    return f"{hits / len(p_values):.3f} ({low:.3f}–{high:.3f})"


def adjusted(audit: Audit, run: int) -> float:
    """The residualised test, without a reserve for what nobody measured."""
    return adjusted_p_value(
        audit.values, audit.blind, Sides(audit.is_suspect, audit.groups),
        weights=np.ones(FEATURES), settings=SETTINGS, seed=run, unmeasured=0.0,
    ).p_value  # fmt: skip


def header(columns: str) -> None:
    print(f"| {columns.replace('|', ' | ')} |\n" + "|---" * (columns.count("|") + 1) + "|", flush=True)


def level(runs: int, only: list[int]) -> None:
    header("tracks per side|shift|curve|explained|album|member|plain|residualised")
    worlds = [
        World(tracks=20, curve=0.3, explained=0.2),
        World(tracks=40),
        World(tracks=40, curve=0.3, explained=0.2),
        World(tracks=100, shift=0.3, curve=0.3),
        World(tracks=100),
        World(tracks=100, curve=0.3),
        World(tracks=100, shift=1.0),
        World(tracks=100, shift=1.0, curve=0.3),
        World(tracks=300, curve=0.3),
        World(tracks=300, shift=1.0, curve=0.3),
        World(tracks=200, album=10),
        World(tracks=400, album=10, curve=0.3),
    ]
    for base in (world for world in worlds if world.tracks in only or not only):
        for member in (0.0, 0.4):
            world = World(**{name: getattr(base, name) for name in base.__slots__} | {"member": member})
            found: dict[str, list[float]] = {name: [] for name in ("plain", "residualised")}
            for run in range(runs if not member else max(runs // 3, 1)):
                audit = draw(world, [run, world.tracks, int(member > 0)])
                sides = Sides(audit.is_suspect, audit.groups)
                found["plain"].append(exact_test(audit.values, sides, settings=SETTINGS, seed=run).p_value)
                found["residualised"].append(adjusted(audit, run))
            cells = [rate(p_values, 0.05) for p_values in found.values()]
            setting = f"{world.tracks} | {world.shift} | {world.curve} | {world.explained} | {world.album} | {member}"
            print(f"| {setting} | {' | '.join(cells)} |", flush=True)


def gate(runs: int) -> None:
    header("tracks per side|album|harmful AUC|upper limit ≤ harmful|pass|undecided|fail")
    for tracks, album in ((20, 1), (80, 1), (200, 1), (500, 1), (200, 10)):
        gates = []
        for run in range(runs):
            audit = draw(World(tracks=tracks, shift=0.0, album=album), [run, tracks, 2])
            gates.append(blind_gate(audit.blind, Sides(audit.is_suspect, audit.groups), settings=SETTINGS, seed=run))
        as_stated = np.mean([one.high <= one.harmful_auc for one in gates])
        shares = [np.mean([one.state == state for one in gates]) for state in ("pass", "undecided", "fail")]
        print(f"| {tracks} | {album} | {gates[0].harmful_auc:.3f} | {as_stated:.2f} | "
              + " | ".join(f"{share:.2f}" for share in shares) + " |", flush=True)  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("table", choices=["level", "gate"])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument(
        "--only", type=int, nargs="*", default=[], help="rows of the level table with these tracks per side"
    )
    arguments = parser.parse_args()
    if arguments.table == "level":
        level(arguments.runs, arguments.only)
    else:
        gate(arguments.runs)

"""Level and power of the exact test and of the published procedures, on simulated sets.

Prints Markdown. Level: the share of audits of sets that do not differ in which a test
fires at α = .01 and .05, with its 95 % Clopper–Pearson interval. Power: the share of audits
of used sets that fire when every method's threshold is first set on the nulls of the same
row, so that all are compared at one level. 26 features, B = 499 relabellings.

    python benchmarks/level_and_power.py [--nulls 2000] [--alternatives 500] > docs/level-and-power.md
"""

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core, one thread per process

import numpy as np

from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.published import Method, published_p
from earwitness.stats.sides import Sides

FEATURES = 26
SETTINGS = ExactSettings(permutations=499)
METHODS = ("exact", "cdi", "cdi corrected", "iar", "iar corrected", "llm-di", "llm-di corrected")


@dataclass(frozen=True)
class World:
    """How two sets are drawn: sizes, albums, feature distribution, and what use of the set does."""

    name: str
    suspects: int = 100
    held_out: int = 100
    album: int = 1
    icc: float = 0.0
    correlation: float = 0.0
    heavy: bool = False
    shift: float = 0.0
    shifted: int = FEATURES
    used: float = 1.0

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Values [tracks, features], which tracks are suspect, and their groups."""
        count = self.suspects + self.held_out
        suspect = np.arange(count) < self.suspects
        groups = np.where(suspect, np.arange(count), np.arange(count) + self.album) // self.album
        albums = self._noise(rng, int(groups.max()) + 1)[groups]
        values = np.sqrt(self.icc) * albums + np.sqrt(1 - self.icc) * self._noise(rng, count)
        moved = suspect & (rng.random(count) < self.used)
        values[np.ix_(moved, np.arange(self.shifted))] += self.shift
        return values, suspect, groups

    def _noise(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        own, common = rng.normal(size=(rows, FEATURES)), rng.normal(size=(rows, 1))
        noise = np.sqrt(1 - self.correlation) * own + np.sqrt(self.correlation) * common
        # Dividing normal rows by a chi makes Student's t with 3 degrees of freedom, variance 1.
        return noise / np.sqrt(rng.chisquare(3, size=(rows, 1))) if self.heavy else noise


NULLS = (
    World("independent, 20 per side", 20, 20),
    World("independent, 100 per side"),
    World("independent, 500 per side", 500, 500),
    World("albums of 10, ICC .05", album=10, icc=0.05),
    World("albums of 10, ICC .3", album=10, icc=0.3),
    World("heavy tails (t₃)", heavy=True),
    World("correlated, ρ = .9", correlation=0.9),
    World("200 against 50", 200, 50),
    World("suspects *less* member-like, −.2 sd in all", shift=-0.2),
)
ALTERNATIVES = (
    World("few strong: 3 features, .5 sd", shift=0.5, shifted=3),
    World("some: 5 features, .3 sd, ρ = .5", shift=0.3, shifted=5, correlation=0.5),
    World("many weak: 26 features, .1 sd", shift=0.1),
    World("correlated: 26 features, .4 sd, ρ = .5", shift=0.4, correlation=0.5),
    World("half the set used: 26 features, .2 sd", shift=0.2, used=0.5),
    World("albums of 10, ICC .05: 26 features, .2 sd", shift=0.2, album=10, icc=0.05),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nulls", type=int, default=2000)
    parser.add_argument("--alternatives", type=int, default=500)
    parser.add_argument("--uniformity", type=int, default=20_000, help="small nulls for the exact test's own p-value")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers) as pool:
        print(f"## Level ({options.nulls} nulls per row)\n")
        print(f"| sets that do not differ | α | {' | '.join(METHODS)} |\n| --- | --- |{' --- |' * len(METHODS)}")
        for world in NULLS:
            p_values = np.array(list(pool.map(partial(audit, world), range(options.nulls), chunksize=20)))
            for alpha in (0.01, 0.05):
                print(f"| {world.name} | {alpha:g} | {' | '.join(_rates(p_values <= alpha))} |", flush=True)
        print(f"\n## Power at an exact level of .05 ({options.alternatives} audits per row)\n")
        print(f"| used sets | {' | '.join(METHODS)} |\n| --- |{' --- |' * len(METHODS)}")
        for world in ALTERNATIVES:
            null = World("", world.suspects, world.held_out, world.album, world.icc, world.correlation, world.heavy)
            nulls = np.array(list(pool.map(partial(audit, null), range(options.nulls // 2), chunksize=20)))
            seeds = range(10**6, 10**6 + options.alternatives)
            found = np.array(list(pool.map(partial(audit, world), seeds, chunksize=20)))
            thresholds = np.minimum(np.quantile(nulls, 0.05, axis=0, method="lower"), 0.05)
            print(f"| {world.name} | {' | '.join(_rates(found <= thresholds))} |", flush=True)
        p_values = np.array(list(pool.map(small_null, range(options.uniformity), chunksize=100)))
        print(f"\n## Is the exact p-value uniform? ({options.uniformity} nulls)\n")
        print("25 tracks per side, 8 features, ρ = .9, 99 relabellings.\n\n| α | share of p ≤ α |\n| --- | --- |")
        for alpha in (0.01, 0.02, 0.05, 0.1, 0.5):
            print(f"| {alpha:g} | {_rates((p_values <= alpha + 1e-12)[:, None])[0]} |", flush=True)


def small_null(seed: int) -> float:
    """The exact p-value of one small audit of sets that do not differ."""
    rng = np.random.default_rng([99, seed])
    values = np.sqrt(0.1) * rng.normal(size=(50, 8)) + np.sqrt(0.9) * rng.normal(size=(50, 1))
    return exact_test(
        values, Sides(np.arange(50) < 25, np.arange(50)), settings=ExactSettings(permutations=99), seed=seed
    ).p_value


def audit(world: World, seed: int) -> list[float]:
    """One audit: the p-value of every method on the same two sets."""
    rng = np.random.default_rng([2512, seed])
    values, suspect, groups = world.draw(rng)
    return [_p_value(name, values, suspect, groups, seed) for name in METHODS]


def _p_value(name: str, values: np.ndarray, suspect: np.ndarray, groups: np.ndarray, seed: int) -> float:
    if name == "exact":
        return exact_test(values, Sides(suspect, groups), settings=SETTINGS, seed=seed).p_value
    methods: dict[str, Method] = {"cdi": "cdi", "iar": "iar", "llm-di": "llm-di"}
    base = name.removesuffix(" corrected")
    return published_p(values, suspect, methods[base], corrected=base != name, seed=seed)


def _rates(fired: np.ndarray) -> Sequence[str]:
    cells = []
    for column in fired.T:
        low, high = clopper_pearson(int(column.sum()), len(column))
        cells.append(f"{column.mean():.1%} [{low:.1%}, {high:.1%}]")
    return cells


if __name__ == "__main__":
    main()

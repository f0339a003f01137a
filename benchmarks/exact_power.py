"""How often the exact test rejects: each scorer alone and combined, over simulated collections.

Usage: ``python benchmarks/exact_power.py [--runs 400] [--permutations 199] [--alpha .05] [--only NAME …]``.
Prints one Markdown row per scenario: the rates of the scorers (no headline declared), and of all of them
combined, with its exact 95 % limits. The standard error of a rate at .5 is ``.5/√runs``.
"""

import argparse
from collections.abc import Callable

import numpy as np

from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.scorers import UNDECLARED
from earwitness.stats.sides import Sides
from earwitness.types import Floats

Draw = Callable[[np.random.Generator], tuple[Floats, np.ndarray, np.ndarray]]


def flat(shifted: int, shift: float, *, correlation: float = 0.0, features: int = 26, side: int = 100) -> Draw:
    """Tracks that stand alone, equally correlated features, the first few shifted by so many sd."""

    def draw(rng: np.random.Generator) -> tuple[Floats, np.ndarray, np.ndarray]:
        noise = rng.standard_normal((2 * side, features)) * np.sqrt(1 - correlation)
        values = noise + rng.standard_normal((2 * side, 1)) * np.sqrt(correlation)
        values[:side, :shifted] += shift
        return values, np.arange(2 * side) < side, np.arange(2 * side)

    return draw


def blocks(shifted: slice, shift: float, *, side: int = 100) -> Draw:
    """Four codebooks of 18 features: correlation .75 inside a codebook and .3 between."""

    def draw(rng: np.random.Generator) -> tuple[Floats, np.ndarray, np.ndarray]:
        own = rng.standard_normal((2 * side, 72)) * np.sqrt(0.25)
        codebook = np.repeat(rng.standard_normal((2 * side, 4)), 18, axis=1) * np.sqrt(0.45)
        values = own + codebook + rng.standard_normal((2 * side, 1)) * np.sqrt(0.3)
        values[:side, shifted] += shift
        return values, np.arange(2 * side) < side, np.arange(2 * side)

    return draw


def albums(suspect: list[int], held_out: list[int], *, icc: float, shift: float = 0.0, tails: float = np.inf) -> Draw:
    """Groups of the given sizes with an album effect; Student-t noise where ``tails`` is finite."""
    sizes = np.array(suspect + held_out)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    is_suspect = groups < len(suspect)

    def draw(rng: np.random.Generator) -> tuple[Floats, np.ndarray, np.ndarray]:
        noise = rng.standard_normal if np.isinf(tails) else lambda shape: rng.standard_t(tails, shape)
        values = np.sqrt(icc) * noise((len(sizes), 26))[groups] + np.sqrt(1 - icc) * noise((len(groups), 26))
        values[is_suspect] += shift
        return values, is_suspect, groups

    return draw


SCENARIOS: dict[str, Draw] = {
    "null": flat(0, 0.0),
    "null, t(2) tails, albums of 10, ICC .3": albums([10] * 10, [10] * 10, icc=0.3, tails=2.0),
    "null, albums of 10, ICC .3": albums([10] * 10, [10] * 10, icc=0.3),
    "null, 200 vs 50 tracks": albums([1] * 200, [1] * 50, icc=0.0),
    "null, 10 albums of 10 vs 100 single tracks, ICC .3": albums([10] * 10, [1] * 100, icc=0.3),
    "null, 20 single tracks vs 30 albums of 10, ICC .3": albums([1] * 20, [10] * 30, icc=0.3),
    "all 26 shifted away, -.2": flat(26, -0.2),
    "5 of 26 away, -.3, correlation .5": flat(5, -0.3, correlation=0.5),
    "one codebook of four away, -.35": blocks(slice(18, 36), -0.35),
    "1 of 26, +.5": flat(1, 0.5),
    "3 of 26, +.35": flat(3, 0.35),
    "13 of 26, +.13": flat(13, 0.13),
    "all 26, +.08": flat(26, 0.08),
    "5 of 26, +.3, correlation .5": flat(5, 0.3, correlation=0.5),
    "4 of 26, +.25, correlation .7": flat(4, 0.25, correlation=0.7),
    "one codebook of four, +.35": blocks(slice(18, 36), 0.35),
    "5 features of one codebook, +.3": blocks(slice(20, 25), 0.3),
    "all 72 of four codebooks, +.3": blocks(slice(0, 72), 0.3),
    "all 26, +.08, t(2) tails": albums([1] * 100, [1] * 100, icc=0.0, shift=0.12, tails=2.0),
    "all 26, +.2, albums of 10, ICC .3": albums([10] * 10, [10] * 10, icc=0.3, shift=0.2),
    "all 26, +.15, 10 albums of 10 vs 100 single tracks": albums([10] * 10, [1] * 100, icc=0.3, shift=0.15),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--permutations", type=int, default=199)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--only", nargs="*", default=list(SCENARIOS))
    options = parser.parse_args()
    settings = ExactSettings(permutations=options.permutations)
    names = [scorer.name for scorer in UNDECLARED]
    header = [*names, "combined"]
    print(f"| scenario | {' | '.join(header)} |\n|---|{'---|' * len(header)}")
    for scenario in options.only:
        rng = np.random.default_rng(2024)
        p_values = np.empty((options.runs, len(header)))
        for run in range(options.runs):
            values, is_suspect, groups = SCENARIOS[scenario](rng)
            test = exact_test(values, Sides(is_suspect, groups), settings=settings, seed=run)
            p_values[run] = [*test.scorer_p_values.values(), test.p_value]
        fired = (p_values <= options.alpha + 1e-12).sum(axis=0)
        cells = [f"{count / options.runs:.3f}" for count in fired.tolist()]
        low, high = clopper_pearson(int(fired[len(names)]), options.runs)
        cells[len(names)] += f" [{low:.3f}, {high:.3f}]"
        print(f"| {scenario} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

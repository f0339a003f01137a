"""Level of the keyed test, and its power against what a model's preference would have to be. Prints Markdown.

    python benchmarks/twins_level.py --runs 2000

Works of very unlike difficulty (Cauchy), copies of unlike spread; "loud": the model also prefers, in every work, the
copy with one of the marks, whichever was published. 199 relabellings for the level, 999 for power; 95 %
Clopper–Pearson intervals.
"""

import argparse

import numpy as np
import polars as pl
from verdict_level import head, row, share

from earwitness import FeatureTable
from earwitness.twins.verdict import twins_test


def table(rng: np.random.Generator, works: int, copies: int, *, known: float, heavy: bool, loud: bool) -> FeatureTable:
    """Three features per copy; ``known`` is what the published copy gains, in deviations of a work's copies."""
    work = np.repeat(np.arange(works), copies)
    published = np.arange(works) * copies + rng.integers(0, copies, works)
    noise = rng.standard_t(2, (works * copies, 3)) if heavy else rng.standard_normal((works * copies, 3))
    suspect = np.isin(np.arange(works * copies), published)
    values = 30 * rng.standard_cauchy((works, 3))[work] + noise + known * suspect[:, None]
    values += loud * 3.0 * (np.arange(works * copies) % copies == 1)[:, None]
    columns = {
        "track_id": [f"t{i:04d}" for i in range(len(work))],
        "role": np.where(suspect, "suspect", "held_out"),
        "group": [f"w{w}" for w in work],
        "pair": [f"w{w}" for w in work],
        **{f"f{j}": values[:, j] for j in range(3)},
    }
    return FeatureTable.from_frame(pl.DataFrame(columns), higher=["f*"])


def p_values(runs: int, works: int, copies: int, permutations: int, **world: float) -> np.ndarray:
    found = []
    for run in range(runs):
        rng = np.random.default_rng([run, works, copies])
        given = table(rng, works, copies, **{"known": 0.0, "heavy": False, "loud": False, **world})  # type: ignore[arg-type]
        found.append(twins_test(given, permutations=permutations, seed=run).p_value or 1.0)
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    runs = parser.parse_args().runs
    head("works", "copies", "world", "p ≤ .01", "p ≤ .05")
    for works, copies in ((8, 2), (10, 4), (6, 8), (30, 8)):
        for name, world in (("normal", {}), ("heavy tails", {"heavy": True}), ("loud", {"loud": True})):
            found = p_values(runs, works, copies, 199, **world)
            row(works, copies, name, *(share(int((found <= alpha).sum()), runs) for alpha in (0.01, 0.05)))
    print()
    head("works", "copies", "published copies gain (sd of a work's copies)", "found at .01")
    for works in (10, 30, 100):
        for copies in (2, 8):
            for known in (0.3, 0.6, 1.0):
                found = p_values(max(runs // 10, 1), works, copies, 999, known=known)
                row(works, copies, f"{known:g}", share(int((found <= 0.01).sum()), len(found)))


if __name__ == "__main__":
    main()

"""False and true verdicts of evidence on simulated audits: `dataset_inference` whole, less its A/A control.

    python benchmarks/verdict_level.py shift --runs 1000       # a shift between the sets, no membership
    python benchmarks/verdict_level.py comparable --runs 1000  # no shift: nulls, and members
    python benchmarks/verdict_level.py spread --runs 1000      # unequal sizes and spreads, same mean
    python benchmarks/verdict_level.py pairs --runs 1000       # works that come in pairs
    python benchmarks/verdict_level.py dilution --runs 200     # one live feature among dead ones
    python benchmarks/verdict_level.py seeds                   # one table, twenty seeds

α = .01 and 1,999 relabellings throughout. A draw whose p among 199 relabellings exceeds .1 is not run further:
it cannot come to .01. 95 % Clopper–Pearson intervals.

Only what earlier versions of the package offer too is used, so that any commit can be held against another:

    git worktree add ../before 8c1ec1f
    PYTHONPATH=../before/src python benchmarks/verdict_level.py shift --runs 1000

World of the first two tables: 26 features of correlation .3 that share a part R² = .2 with one cause; the
suspects' cause is shifted; 12 (or 50) blind features, of which one catches a share q of the cause's variance.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from earwitness import FeatureTable, dataset_inference

Floats = NDArray[np.float64]
ALPHA, SCREEN, QUICK, FULL = 0.01, 0.1, 199, 1999
AUC = 0.68
# What only describes a result, and takes time, is left out where it can be.
LEFT_OUT = {name: 0 for name in ("a_a_runs", "effect_runs") if name in signature(dataset_inference).parameters}


def table(
    values: Floats, suspect: NDArray[np.bool_], *, blind: Floats | None = None, headline: str = "", **labels: Any
) -> FeatureTable:
    """A table of one row per track; ``f…`` are features, ``headline`` names the one fixed in advance."""
    columns = {
        "track_id": [f"t{i:04d}" for i in range(len(suspect))],
        "role": np.where(suspect, "suspect", "held_out"),
        "group": [f"g{i:04d}" for i in range(len(suspect))],
        **labels,
        **{f"f{j}": column for j, column in enumerate(values.T)},
        **({} if blind is None else {f"blind/b{j}": column for j, column in enumerate(blind.T)}),
    }
    found = FeatureTable.from_frame(pl.DataFrame(columns), higher=["f*"])
    if headline:
        found.specs[headline] = replace(found.specs[headline], headline=True)
    return found


def answer(given: FeatureTable, seed: int, **settings: Any) -> tuple[float, bool]:
    """p, and whether the verdict is evidence of use."""
    for permutations in (QUICK, FULL):
        result = dataset_inference(given, permutations=permutations, alpha=ALPHA, seed=seed, **LEFT_OUT, **settings)
        p = 1.0 if result.p_value is None else result.p_value
        if p > SCREEN:
            break
    return p, result.verdict == "evidence_of_use"


def world(
    rng: np.random.Generator, side: int, *, shift: float, seen: float, member: float, blind: int
) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Features, sides and blind features of `draw`."""
    suspect = np.arange(2 * side) < side
    cause = rng.standard_normal(2 * side) + shift * suspect
    own = np.sqrt(0.3) * rng.standard_normal((2 * side, 1)) + np.sqrt(0.7) * rng.standard_normal((2 * side, 26))
    values = np.sqrt(0.2) * cause[:, None] + np.sqrt(0.8) * own + member * suspect[:, None]
    described = rng.standard_normal((2 * side, blind))
    described[:, 0] = np.sqrt(seen) * cause + np.sqrt(1 - seen) * described[:, 0]
    return values, suspect, described


def draw(rng: np.random.Generator, side: int, *, shift: float, seen: float, member: float, blind: int) -> FeatureTable:
    """One audit of the module's world; ``member`` moves every feature of a suspect, in standard deviations."""
    values, suspect, described = world(rng, side, shift=shift, seen=seen, member=member, blind=blind)
    return table(values, suspect, blind=described)


def share(hits: int, runs: int) -> str:
    """A share in per cent with its exact 95 % limits."""
    interval = binomtest(hits, runs).proportion_ci(0.95, "exact")
    return f"{hits / runs:.1%} [{interval.low:.1%}, {interval.high:.1%}]"


def row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def head(*cells: str) -> None:
    row(*cells)
    row(*["---"] * len(cells))


def fired(runs: int, audit: Callable[[np.random.Generator], FeatureTable], *cell: int, **settings: Any) -> list[str]:
    """Shares of p ≤ α and of verdicts of evidence over audits of one kind."""
    hits = [0, 0]
    for run in range(runs):
        p, evidence = answer(audit(np.random.default_rng([run, *cell])), run, **settings)
        hits[0] += p <= ALPHA
        hits[1] += evidence
    return [share(count, runs) for count in hits]


def shift(runs: int, sides: list[int]) -> None:
    head("shift (sd)", "tracks per side", "q", "p ≤ .01", "false evidence")
    for side in sides or [30, 80, 300]:
        for size in (0.5, 1.0):
            for seen in (0.98, 0.9, 0.7, 0.5, 0.0):
                found = fired(
                    runs,
                    lambda rng, side=side, size=size, seen=seen: draw(  # type: ignore[misc]
                        rng, side, shift=size, seen=seen, member=0.0, blind=12
                    ),
                    side, round(100 * seen), round(10 * size),
                )  # fmt: skip
                row(f"{size:g}", side, f"{seen:g}", *found)


def comparable(runs: int, sides: list[int]) -> None:
    head("tracks per side", "blind features", "members moved by (sd)", "audits", "p ≤ .01", "evidence")
    for side in sides or [8, 12, 16, 30, 60, 120]:
        for blind in (12, 50):
            for member, count in ((0.0, runs), (0.6, max(runs // 5, 1))):
                found = fired(
                    count,
                    lambda rng, side=side, blind=blind, member=member: draw(  # type: ignore[misc]
                        rng, side, shift=0.0, seen=0.7, member=member, blind=blind
                    ),
                    side, blind, round(10 * member),
                )  # fmt: skip
                row(side, blind, f"{member:g}", count, *found)


def spread(runs: int, _: list[int]) -> None:
    head("suspects", "held out", "suspects' sd", "features", "p ≤ .01", "evidence")
    worlds = [(20, 200, 2.0, 26), (20, 200, 2.0, 1), (200, 20, 2.0, 26), (20, 20, 2.0, 26), (20, 200, 1.0, 26)]
    for suspects, held_out, sd, features in worlds:
        labels = np.arange(suspects + held_out) < suspects

        def audit(
            rng: np.random.Generator, labels: Any = labels, sd: float = sd, features: int = features
        ) -> FeatureTable:
            values = rng.standard_normal((len(labels), features)) * np.where(labels, sd, 1.0)[:, None]
            return table(values, labels, blind=rng.standard_normal((len(labels), 12)))

        row(suspects, held_out, f"{sd:g}", features, *fired(runs, audit, suspects, features))


def pairs(runs: int, _: list[int]) -> None:
    """Forty pairs of correlation .8, one feature; what pairing knows, and whether albums of pairs keep the level."""
    head("40 pairs", "moved by (sd)", "paired in the table", "audits", "p ≤ .01", "evidence")
    pair = np.tile(np.arange(40), 2)
    labels = np.arange(80) < 40
    worlds = [
        ("of their own", 0.0, True, 1), ("in albums of 4", 0.0, True, 4),
        ("of their own", 0.3, True, 1), ("of their own", 0.3, False, 1),
    ]  # fmt: skip
    for name, moved, told, album in worlds:

        def audit(
            rng: np.random.Generator, moved: float = moved, told: bool = told, album: int = album
        ) -> FeatureTable:
            common = rng.standard_normal(40)[pair]
            of_album = rng.standard_normal(80)[pair // album + 40 * labels]
            own = np.sqrt(0.5) * of_album + np.sqrt(0.5) * rng.standard_normal(80) if album > 1 else of_album
            values = np.sqrt(0.8) * common + np.sqrt(0.2) * own + moved * labels
            blind = np.sqrt(0.8) * rng.standard_normal((40, 12))[pair] + np.sqrt(0.2) * rng.standard_normal((80, 12))
            design = {"pair": [f"p{i}" for i in pair]} if told else {}
            groups = [f"{'s' if side else 'h'}{i}" for i, side in zip(pair // album, labels, strict=True)]
            return table(values[:, None], labels, blind=blind, group=groups, **design)

        count = runs if moved == 0 else max(runs // 5, 1)
        row(name, f"{moved:g}", "yes" if told else "no", count, *fired(count, audit, album, round(10 * moved)))


def dilution(runs: int, sides: list[int]) -> None:
    """One live feature of AUC .68 among dead ones; no blind features, so that p is what counts."""
    moved = np.sqrt(2) * norm.ppf(AUC)
    head("tracks per side", "dead", "correlation", "alone", "the headline", "no headline declared")
    for side in sides or [16, 30, 60]:
        labels = np.arange(2 * side) < side
        for dead in (0, 10, 80, 300):
            for correlation in (0.0, 0.3) if dead else (0.0,):
                hits = [0, 0, 0]
                for run in range(runs):
                    rng = np.random.default_rng([run, side, dead])
                    live = rng.standard_normal((2 * side, 1)) + moved * labels[:, None]
                    others = np.sqrt(1 - correlation) * rng.standard_normal((2 * side, dead))
                    others += np.sqrt(correlation) * rng.standard_normal((2 * side, 1))
                    for index, given in enumerate(_three_ways(live, others, labels)):
                        hits[index] += answer(given, run)[0] <= ALPHA
                row(side, dead, f"{correlation:g}", *(share(count, runs) for count in hits))


def _three_ways(live: Floats, others: Floats, labels: NDArray[np.bool_]) -> Iterator[FeatureTable]:
    yield table(live, labels, headline="f0")
    yield table(np.hstack([live, others]), labels, headline="f0")
    yield table(np.hstack([live, others]), labels)


def seeds(_: int, sides: list[int]) -> None:
    """The same tables under twenty seeds of the relabellings: how far p moves, and whether the verdict does."""
    head("tracks per side", "members moved by (sd)", "tables", "p over 20 seeds, largest / smallest", "verdict changes")
    for side in sides or [30, 80]:
        for member in (0.0, 0.2, 0.4):
            ratios, changing = [], 0
            for run in range(20):
                rng = np.random.default_rng([run, side, 77])
                given = draw(rng, side, shift=0.0, seen=0.7, member=member, blind=12)
                found = [
                    dataset_inference(given, permutations=FULL, alpha=ALPHA, seed=seed, **LEFT_OUT)
                    for seed in range(20)
                ]
                p_values = [result.p_value or 1.0 for result in found]
                ratios.append(max(p_values) / min(p_values))
                changing += len({result.verdict for result in found}) > 1
            row(
                side,
                f"{member:g}",
                20,
                f"median {np.median(ratios):.2f}, at most {max(ratios):.2f}",
                f"{changing} of 20",
            )


TABLES: dict[str, Callable[[int, list[int]], None]] = {
    "shift": shift,
    "comparable": comparable,
    "spread": spread,
    "pairs": pairs,
    "dilution": dilution,
    "seeds": seeds,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=[*TABLES])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--sides", type=int, nargs="*", default=[], help="these numbers of tracks per side alone")
    arguments = parser.parse_args()
    TABLES[arguments.table](arguments.runs, arguments.sides)

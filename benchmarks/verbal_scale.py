"""How often each word of the verbal scale came where music was used, and where it was not.

    python benchmarks/verbal_scale.py worlds --workers 4   # the simulated audits of verdict_level.py
    python benchmarks/verbal_scale.py run RUN --workers 4  # audits drawn from a run whose truth is known (run_power.py)

An audit reaches a word where its verdict is evidence of use, its gate passed, and its e-value lies in the word's range
or above it: `earwitness.verdict.strength.reached`, before any cap. The verdict is asked for only where the e-value is
at least 2: below that there is no word, whatever the verdict. α = .01, 1,999 relabellings; 95 % Clopper–Pearson
limits. A word is carried where the lower limit of the ratio of the two shares is no less than the lower end of its
range. The calibration in `earwitness.verdict.strength` is the pooled table that ``run`` prints for the
shipped target fiddle.
"""

import argparse
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from run_power import drawn
from verdict_level import ALPHA, FULL, LEFT_OUT, QUICK, SCREEN, Floats, head, row, share, table, world

from earwitness import FeatureTable, dataset_inference
from earwitness.stats.eprocess import e_process
from earwitness.verdict.design import sides_of
from earwitness.verdict.strength import SCALE, Counted, reached

SIZES = (16, 30, 60)
Audits = Callable[[int], tuple[Floats, np.ndarray, np.ndarray, np.ndarray, Callable[[], FeatureTable]] | None]


@dataclass(frozen=True)
class Cell:
    """Audits of one kind; ``pooled`` says into which column they count, if any."""

    name: str
    side: int
    runs: int
    audits: Audits
    pooled: bool | None


def simulated(run: int, *, side: int, shift: float, seen: float, member: float):  # type: ignore[no-untyped-def]
    """What an e-process needs, and the table of the same audit, made only where it is asked for."""
    values, suspect, described = world(
        np.random.default_rng([run, side, round(10 * member), round(10 * shift), 5]),
        side, shift=shift, seen=seen, member=member, blind=12,
    )  # fmt: skip
    names = np.array([f"{i:04d}" for i in range(2 * side)])
    return (
        values,
        np.char.add("g", names),
        suspect,
        np.char.add("t", names),
        lambda: table(values, suspect, blind=described),
    )


def from_run(run: int, *, known: FeatureTable, side: int, used: float):  # type: ignore[no-untyped-def]
    """The same of an audit drawn from a run."""
    audit = drawn(np.random.default_rng([run, side, round(10 * used), 9]), known, side, used)
    if audit is None:
        return None
    sides = sides_of(audit)
    return audit.oriented()[0], sides.groups, sides.is_suspect, audit.frame["track_id"].to_numpy(), lambda: audit


def level(audits: Audits, seed: int) -> int | None:
    """How many words of the scale an audit reaches; None where it cannot be drawn."""
    given = audits(seed)
    if given is None:
        return None
    *sets, asked = given
    if e_process(*sets, seed=seed).e_value < SCALE[0].least:
        return 0
    for permutations in (QUICK, FULL):
        result = dataset_inference(asked(), permutations=permutations, alpha=ALPHA, seed=seed, **LEFT_OUT)
        if result.p_value is None or result.p_value > SCREEN:
            return 0
    word = reached(result)
    return 0 if word is None else SCALE.index(word) + 1


def reaching(cell: Cell) -> np.ndarray | None:
    """In how many audits each word or a higher one was reached."""
    hits = np.zeros(len(SCALE), dtype=int)
    for run in range(cell.runs):
        reached_words = level(cell.audits, run)
        if reached_words is None:
            return None
        hits[:reached_words] += 1
    return hits


def tabulate(cells: list[Cell], workers: int) -> None:
    """Every kind of audit, and below it the pooled counts with the words that they carry."""
    head("audits", "tracks a side", "number", *(f"{word.name} or higher" for word in SCALE))
    pooled = {used: (np.zeros(len(SCALE), dtype=int), 0) for used in (True, False)}
    with ProcessPoolExecutor(workers) as pool:
        found: Iterable[np.ndarray | None] = pool.map(reaching, cells)
        for cell, hits in zip(cells, found, strict=True):
            if hits is None:
                continue
            row(cell.name, cell.side, cell.runs, *(share(int(count), cell.runs) for count in hits))
            if cell.pooled is not None:
                before, number = pooled[cell.pooled]
                pooled[cell.pooled] = before + hits, number + cell.runs
    print()
    head("word", "likelihood ratio", "with use", "without use", "ratio of the shares, lower limit", "carried")
    for index, word in enumerate(SCALE):
        (used, with_use), (unused, without_use) = pooled[True], pooled[False]
        counts = Counted(int(used[index]), with_use, int(unused[index]), without_use)
        row(
            f"{word.name} or higher", f"from {word.least:,}",
            f"{counts.with_use} of {with_use:,}", f"{counts.without_use} of {without_use:,}",
            f"{counts.least_ratio:,.0f}", "yes" if counts.least_ratio >= word.least else "no",
        )  # fmt: skip


def worlds(runs: int, nulls: int) -> list[Cell]:
    """The comparable worlds, which are pooled; beside them a difference that nobody measured."""
    kinds = (
        ("no use", 0.0, 0.0, nulls, False),
        ("use, .3 sd", 0.3, 0.0, runs, True),
        ("use, .6 sd", 0.6, 0.0, runs, True),
        ("no use, .5 sd unmeasured", 0.0, 0.5, runs, None),
    )
    return [
        Cell(
            name, side, count,
            partial(simulated, side=side, shift=shift, seen=0.0 if shift else 0.7, member=member), pooled,
        )
        for side in SIZES
        for name, member, shift, count, pooled in kinds
    ]  # fmt: skip


def run(folder: Path, runs: int, nulls: int) -> list[Cell]:
    """Audits drawn from a run whose truth is known; they overlap, so they are repeated audits of this collection."""
    known = FeatureTable.read(folder).pooled()
    return [
        Cell(
            f"{used:.0%} of the suspects trained on",
            side,
            count,
            partial(from_run, known=known, side=side, used=used),
            used > 0,
        )
        for side in SIZES
        for used, count in ((0.0, nulls), (0.5, runs), (1.0, runs))
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["worlds", "run"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--runs", type=int, default=200, help="audits with use of each kind")
    parser.add_argument("--nulls", type=int, default=6000, help="audits without use of each size")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    asked = (
        worlds(options.runs, options.nulls)
        if options.what == "worlds"
        else run(options.folder, options.runs, options.nulls)
    )
    tabulate(asked, options.workers)

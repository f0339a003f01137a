"""Coverage of the share used, and level of the e-process, where groups are unequal.

Prints two Markdown tables; 95 % Clopper–Pearson intervals. Run:

    python benchmarks/share_and_bets.py --draws 1000
"""

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.eprocess import e_process
from earwitness.stats.fraction import used_fraction

Ints = NDArray[np.intp]
Used = Callable[[np.random.Generator], NDArray[np.bool_]]
SINGLES = np.arange(60)
ALBUMS = np.arange(60) // 10
MIXED = np.concatenate([np.repeat(np.arange(3), 20), np.arange(3, 43)])
ONE_LARGE = np.concatenate([np.zeros(120, dtype=np.intp), np.arange(1, 41)])


def scores(rng: np.random.Generator, groups: Ints, icc: float, skewed: bool = False) -> NDArray[np.float64]:
    draw = (lambda n: -rng.exponential(size=n)) if skewed else (lambda n: rng.normal(size=n))
    return np.sqrt(icc) * draw(int(groups.max()) + 1)[groups] + np.sqrt(1 - icc) * draw(len(groups))


def share_row(name: str, groups: Ints, used: Used, d: float, icc: float, shift: float, draws: int) -> None:
    above, bounds, truth = 0, [], 0.0
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        is_used = used(rng)
        suspect = scores(rng, groups, icc) + d * is_used + shift
        held_out_groups = np.arange(60)
        held_out = scores(rng, held_out_groups, icc)
        found = used_fraction(suspect, held_out, suspect_groups=groups, held_out_groups=held_out_groups, seed=seed)
        above += found.lower > is_used.mean()
        bounds.append(found.lower)
        truth = float(is_used.mean())
    low, high = clopper_pearson(above, draws)
    print(
        f"| {name} | {truth:.0%} | {np.mean(bounds):.0%} | {np.mean(np.array(bounds) > 0):.0%} "
        f"| {above / draws:.1%} [{low:.1%}, {high:.1%}] |",
        flush=True,
    )


def bets_row(name: str, suspect: Ints, held_out: Ints, icc: float, draws: int) -> None:
    fired = {0.01: 0, 0.05: 0}
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        groups = np.concatenate([suspect, held_out + suspect.max() + 1])
        values = np.stack([scores(rng, groups, icc, skewed=True) for _ in range(3)], axis=1)
        process = e_process(values, groups, np.arange(len(groups)) < len(suspect), seed=seed)
        for alpha in fired:
            fired[alpha] += process.rejects(alpha)
    cells = []
    for count in fired.values():
        low, high = clopper_pearson(count, draws)
        cells.append(f"{count / draws:.1%} [{low:.1%}, {high:.1%}]")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=1000)
    draws = parser.parse_args().draws

    def none(groups: Ints) -> Used:
        return lambda rng: np.zeros(len(groups), dtype=np.bool_)

    def half(groups: Ints) -> Used:
        return lambda rng: rng.permutation(len(groups)) < len(groups) // 2

    def every(groups: Ints) -> Used:
        return lambda rng: np.ones(len(groups), dtype=np.bool_)

    print("| suspect set (against 60 held-out singles) | used | mean bound | above zero | bound above the truth |")
    print("|---|---|---|---|---|")
    share_row("60 singles, none used", SINGLES, none(SINGLES), 0.0, 0.0, 0.0, draws)
    share_row("60 singles, half used, 2 sd", SINGLES, half(SINGLES), 2.0, 0.0, 0.0, draws)
    share_row("60 singles, all used, .6 sd", SINGLES, every(SINGLES), 0.6, 0.0, 0.0, draws)
    share_row("60 singles, all used, 1.3 sd", SINGLES, every(SINGLES), 1.3, 0.0, 0.0, draws)
    share_row("6 albums of 10, ICC .5, none used", ALBUMS, none(ALBUMS), 0.0, 0.5, 0.0, draws)
    share_row("6 albums of 10, ICC .5, all used, 2 sd", ALBUMS, every(ALBUMS), 2.0, 0.5, 0.0, draws)
    name = "3 albums of 20 and 40 singles, ICC .5, one album used, 6 sd"
    share_row(name, MIXED, lambda rng: MIXED == 0, 6.0, 0.5, 0.0, draws)
    name = "an album of 120 (unused) and 40 singles (used), 6 sd"
    share_row(name, ONE_LARGE, lambda rng: ONE_LARGE > 0, 6.0, 0.3, 0.0, draws)
    share_row("60 singles, none used, but shifted by .5 sd", SINGLES, none(SINGLES), 0.0, 0.0, 0.5, draws)
    share_row("60 singles, half used, 2 sd, and shifted by .5 sd", SINGLES, half(SINGLES), 2.0, 0.0, 0.5, draws)
    print()
    print("| sets that do not differ, skewed scores | at 1 % | at 5 % |")
    print("|---|---|---|")
    albums = np.repeat(np.arange(40), 10)
    bets_row("40 albums of 10 against 40 singles", albums, np.arange(40), 0.0, draws)
    bets_row("40 singles against 40 albums of 10", np.arange(40), albums, 0.0, draws)
    bets_row("40 albums of 10 against 40 singles, ICC .3", albums, np.arange(40), 0.3, draws)
    bets_row("40 singles per side", np.arange(40), np.arange(40), 0.0, draws)


if __name__ == "__main__":
    main()

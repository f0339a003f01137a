"""Which signals earn their place in a preset: what the exact test gains and loses by them.

Goal: derive the default presets instead of asserting them. On one half of the groups per set of
signals is grown, one signal at a time, for as long as the exact test's power grows; the other
half, which played no part in that, says how the grown set compares with the present default,
with the published set and with each signal alone. Conventions: p is the exact test's; every set of
signals sees the same draws, so that they are compared in pairs.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from earwitness.features import FeatureTable
from earwitness.stats.binomial import clopper_pearson
from earwitness.types import OnProgress
from earwitness_bench.attacks import halves
from earwitness_bench.draws import draw_sets
from earwitness_bench.feature_sets import of_signals, signal_of
from earwitness_bench.methods import Scores, p_value
from earwitness_bench.parallel import spread
from earwitness_bench.scale import ALPHA

PERMUTATIONS = 499
_WORTH_IT = 0.02  # mean log10 p that a further signal must gain


def ranked(
    tables: Sequence[FeatureTable],
    named: Mapping[str, Collection[str]],
    *,
    sizes: Sequence[int],
    draws: int,
    seed: int = 0,
    on_progress: OnProgress,
) -> pl.DataFrame:
    """Return one row per set of signals, judged on all tables (checkpoints of one kind) together.

    Parameters
    ----------
    tables
        One a checkpoint, with every signal.
    named
        Sets to compare, by name.
    sizes
        Groups per side of the draws, one for each table: where the test is neither blind nor sure.
    draws
        Draws a table.

    Returns
    -------
    DataFrame
        ``set, signals, median_p, mean_log10_p, power, power_low, power_high, draws``; the row ``grown`` is
        the set found on the choosing half, everything else is measured on the reporting half.
    """
    parts = [halves(table, seed=seed) for table in tables]
    directed = [signal_of(name) for name in tables[0].oriented()[1]]
    singles = list(dict.fromkeys(directed))
    grown = _grow([first for first, _ in parts], singles, sizes=sizes, draws=draws, seed=seed)
    sets = {"grown": grown, **named, **{f"{signal} alone": {signal} for signal in singles}}
    sets |= {f"grown without {signal}": set(grown) - {signal} for signal in grown if len(grown) > 1}
    tasks = [
        (of_signals(reporting, chosen), size, draws, seed + 1)
        for chosen in sets.values()
        for (_, reporting), size in zip(parts, sizes, strict=True)
    ]
    found = spread(exact_p_values, tasks, on_progress=on_progress)
    rows = []
    for number, (name, chosen) in enumerate(sets.items()):
        p = np.concatenate(found[number * len(parts) : (number + 1) * len(parts)])
        hits = int((p <= ALPHA).sum())
        low, high = clopper_pearson(hits, len(p))
        rows.append(
            {
                "set": name,
                "signals": " + ".join(sorted(chosen)),
                "median_p": float(np.median(p)),
                "mean_log10_p": float(np.log10(p).mean()),
                "power": hits / len(p),
                "power_low": low,
                "power_high": high,
                "draws": len(p),
            }
        )
    return pl.DataFrame(rows).sort("mean_log10_p")


def exact_p_values(table: FeatureTable, size: int, draws: int, seed: int) -> NDArray[np.float64]:
    """The exact test's p-values in draws of ``size`` trained-on and as many other groups; 1 without any feature."""
    scores = Scores.of(table)
    if not scores.directed.shape[1]:
        return np.ones(draws)
    rng = np.random.default_rng([seed, size])
    found = np.empty(draws)
    for draw in range(draws):
        suspects, held_out = draw_sets(rng, scores.groups, scores.member, size, used=1.0)
        found[draw] = p_value(
            "exact", scores, suspects, held_out, permutations=PERMUTATIONS, seed=int(rng.integers(2**31))
        )
    return found


def _grow(
    tables: Sequence[FeatureTable], signals: Sequence[str], *, sizes: Sequence[int], draws: int, seed: int
) -> list[str]:
    """Add the signal that lowers the mean log p most, until none lowers it by more than ``_WORTH_IT``."""
    grown: list[str] = []
    best = 0.0
    while len(grown) < len(signals):
        rest = [signal for signal in signals if signal not in grown]
        tasks = [
            (of_signals(table, [*grown, signal]), size, draws, seed)
            for signal in rest
            for table, size in zip(tables, sizes, strict=True)
        ]
        found = spread(exact_p_values, tasks, on_progress=_quiet)
        merits = [
            float(np.log10(np.concatenate(found[i * len(tables) : (i + 1) * len(tables)])).mean())
            for i in range(len(rest))
        ]
        if min(merits) > best - _WORTH_IT:
            break
        best = min(merits)
        grown.append(rest[merits.index(best)])
    return grown


def _quiet(done: int, total: int) -> None:
    """Show no progress."""

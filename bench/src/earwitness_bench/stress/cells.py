"""One scenario drawn many times: a row per method, of what was said and what explains it."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from functools import partial
from zlib import crc32

import numpy as np
import polars as pl

from earwitness.stats.binomial import clopper_pearson
from earwitness_bench.methods import METHODS
from earwitness_bench.stress.answers import Answer, Asked, answers
from earwitness_bench.stress.outcome import Outcome, outcome
from earwitness_bench.stress.scenarios import Scenario, Truth
from earwitness_bench.stress.sets import Pools, draw, largest_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One scenario and one method: a row of the table.

    ``says_used`` with its 95 % limits, ``says_no``, ``inconclusive`` and ``cannot_be_tested`` are shares
    of the draws. What explains them, over the draws: medians of the AUCs, p-values and correlation of `Answer`;
    ``gate_fails`` and ``adjusted``, the shares in which the blind gate fails and in which a rejection was asked
    again with the difference accounted for; ``less_member_like``, the share in which the AUC is below one half.
    """

    scenario: str
    setting: str
    truth: Truth
    method: str
    tracks: int
    groups: int
    draws: int
    says_used: float
    low: float
    high: float
    says_no: float
    inconclusive: float | None
    cannot_be_tested: float | None
    median_p: float | None
    outcome: Outcome
    median_auc: float | None
    less_member_like: float | None
    intraclass_correlation: float | None
    median_blind_auc: float | None
    gate_fails: float | None
    adjusted: float | None
    median_adjusted_p: float | None
    smallest_auc_found: float | None


_NUMBERS: dict[object, type[pl.DataType]] = {int: pl.Int64, float: pl.Float64, float | None: pl.Float64}
SCHEMA = {field.name: _NUMBERS.get(field.type, pl.String) for field in fields(Cell)}
"""The columns of a table of cells."""


def summarised(scenario: Scenario, said: Sequence[Answer], *, tracks: int, groups: int) -> Cell:
    """Summarise one method's answers to the draws of a scenario with so many tracks and groups per side."""
    verdicts = [answer.verdict for answer in said]
    used = verdicts.count("evidence_of_use")
    low, high = clopper_pearson(used, len(said))
    by_exact = said[0].method == "exact"
    return Cell(
        scenario=scenario.name,
        setting=scenario.setting,
        truth=scenario.truth,
        method=said[0].method,
        tracks=tracks,
        groups=groups,
        draws=len(said),
        says_used=used / len(said),
        low=low,
        high=high,
        says_no=verdicts.count("no_evidence") / len(said),
        inconclusive=verdicts.count("inconclusive") / len(said) if by_exact else None,
        cannot_be_tested=verdicts.count("cannot_be_tested") / len(said) if by_exact else None,
        median_p=_median(answer.p_value for answer in said),
        outcome=outcome(scenario.truth, used / len(said), low),
        median_auc=_median(answer.auc for answer in said),
        less_member_like=_mean(float(answer.auc < 0.5) for answer in said if not np.isnan(answer.auc)),
        intraclass_correlation=_median(answer.intraclass_correlation for answer in said),
        median_blind_auc=_median(answer.blind_auc for answer in said),
        gate_fails=_mean(answer.gate_fails for answer in said),
        adjusted=float(np.mean([not np.isnan(answer.adjusted_p) for answer in said])) if by_exact else None,
        median_adjusted_p=_median(answer.adjusted_p for answer in said),
        smallest_auc_found=_median(answer.smallest_auc_found for answer in said),
    )


def draw_scenario(
    scenario: Scenario, asked: Asked, pools: Pools, *, draws: int, permutations: int, executor: Executor, workers: int
) -> list[Cell]:
    """Draw a scenario ``draws`` times, ask every method, and return a cell per method.

    A draw depends on its number and the scenario's name alone, not on the number of workers.

    Raises
    ------
    EarwitnessError
        If the pools are too small for the scenario.
    """
    size = largest_size(scenario, pools)
    ask = partial(_some_draws, scenario, asked, pools, size, permutations)
    blocks = [range(start, draws, workers) for start in range(min(workers, draws))]
    said = [answers for block in executor.map(ask, blocks) for answers in block]
    suspects, _ = draw(scenario, pools, size, np.random.default_rng(0))
    by_method = zip(*said, strict=True)
    return [summarised(scenario, column, tracks=len(suspects), groups=size) for column in by_method]


def _some_draws(
    scenario: Scenario, asked: Asked, pools: Pools, size: int, permutations: int, numbers: Iterable[int]
) -> list[list[Answer]]:
    name = crc32(f"{scenario.name}/{scenario.setting}".encode())
    said = []
    for number in numbers:
        suspects, held_out = draw(scenario, pools, size, np.random.default_rng([name, number]))
        said.append(answers(asked, suspects, held_out, METHODS, permutations=permutations, seed=number))
    return said


def _median(values: Iterable[float]) -> float | None:
    return _of_known(np.median, values)


def _mean(values: Iterable[float]) -> float | None:
    return _of_known(np.mean, values)


def _of_known(summary: Callable[[list[float]], np.floating], values: Iterable[float]) -> float | None:
    known = [value for value in values if not np.isnan(value)]
    return float(summary(known)) if known else None

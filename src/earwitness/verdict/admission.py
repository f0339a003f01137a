"""Admission: what may enter a test, and what the reader must know of what may not.

Goal: settings out of range, groups on both sides and tracks without values are dealt with
here, once, so that the test itself can trust its input. Nothing is left out silently: each
function that leaves something out returns the sentence that says so.
"""

from dataclasses import replace
from math import ceil
from typing import Literal, get_args

import numpy as np
import polars as pl

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.exact import ExactSettings, ExactTest
from earwitness.stats.grouping import Floats
from earwitness.stats.published import Method
from earwitness.verdict.result import Counts

Spanning = Literal["refuse", "exclude"]
METHODS = ("exact", *get_args(Method))


def check_settings(alpha: float, method: str, permutations: int, a_a_runs: int) -> None:
    """Refuse settings out of range."""
    if not 0 < alpha < 1:
        raise EarwitnessError(f"The level alpha must lie between 0 and 1, not {alpha:g}; 0.01 is usual.")
    if method not in METHODS:
        raise EarwitnessError(f"There is no method {method!r}; choose {' or '.join(METHODS)}.")
    if (permutations + 1) * alpha < 1:
        needed = ceil(1 / alpha) - 1
        raise EarwitnessError(
            f"{permutations} permutations cannot give a p-value of {alpha:g} or less; use at least {needed}."
        )
    if a_a_runs < 0:
        raise EarwitnessError(f"The A/A control cannot have {a_a_runs} runs; use 0 to leave it out, or 200.")


def one_side_a_group(table: FeatureTable, spanning: Spanning) -> tuple[FeatureTable, list[str]]:
    """Refuse or leave out groups that have tracks on both sides; return the notes for the reader."""
    notes = list(table.notes)
    both = table.spanning_groups()
    if not both:
        return table, notes
    listed = ", ".join(both[:5]) + (f" and {len(both) - 5} more" if len(both) > 5 else "")
    if spanning == "refuse":
        raise EarwitnessError(
            f"{len(both)} group(s) have tracks on both sides: {listed}; what belongs together cannot be compared with "
            'itself. Fix the groups, or leave these out with spanning="exclude".'
        )
    kept = table.without_groups(both)
    suspects = int(kept.is_suspect().sum())
    if not 0 < suspects < kept.frame.height:
        raise EarwitnessError("Without the groups that have tracks on both sides one side is empty; fix the groups.")
    return kept, [*notes, f"{len(both)} group(s) with tracks on both sides were left out: {listed}."]


def tracks_with_values(tracks: FeatureTable) -> tuple[FeatureTable, list[str]]:
    """Leave out tracks without any value, and check that a usable feature of known direction remains."""
    values, names = tracks.oriented()
    if not names:
        raise EarwitnessError(
            "No feature has a known direction, so none can speak for or against training; "
            "name some with --higher GLOB or --lower GLOB."
        )
    silent = np.isnan(values).all(axis=1)
    is_suspect = tracks.is_suspect()
    counts = int((silent & is_suspect).sum()), int((silent & ~is_suspect).sum())
    for side, name in ((is_suspect, "suspect"), (~is_suspect, "held-out")):
        if not (side & ~silent).any():
            raise EarwitnessError(f"No {name} track has a value for any feature of known direction; extract again.")
    if not any_usable(values[~silent]):
        raise EarwitnessError(
            "Every feature of known direction is constant or missing in more than half of the tracks; "
            "there is nothing to test."
        )
    if not silent.any():
        return tracks, []
    kept = replace(tracks, frame=tracks.frame.filter(pl.Series(~silent)))
    return kept, [f"{counts[0]} suspect and {counts[1]} held-out tracks had no value at all and were left out."]


def group_warnings(tracks: FeatureTable, n_groups: Counts) -> list[str]:
    """Say where no grouping is known."""
    if n_groups.suspect + n_groups.held_out < tracks.frame.height:
        return []
    return [
        "Every track counts as a group of its own. If tracks share an album or a session, say so in the group column: "
        "otherwise the p-value comes out too small."
    ]


def value_warnings(test: ExactTest, names: list[str], undirected: int) -> list[str]:
    """Say which features and values did not count."""
    sentences = []
    if dropped := [name for name, weight in zip(names, test.weights, strict=True) if np.isnan(weight)]:
        listed = ", ".join(dropped[:5]) + (f" and {len(dropped) - 5} more" if len(dropped) > 5 else "")
        sentences.append(
            f"Features that are constant or missing in more than half of the tracks were dropped: {listed}."
        )
    if missing := int(test.missing.sum()):
        share = missing / (len(test.scores) * len(names))
        sentences.append(f"{missing} values ({share:.1%}) were missing; they count as neutral, for neither side.")
    if undirected:
        sentences.append(
            f"{undirected} feature(s) without a known direction took part in the undirected companion test only."
        )
    return sentences


def any_usable(values: Floats) -> bool:
    """Whether some feature is neither constant nor missing in more tracks than the test allows."""
    present = np.isnan(values).mean(axis=0) <= ExactSettings().max_missing
    varied = [len(np.unique(column[~np.isnan(column)])) > 1 for column in values.T]
    return bool((present & varied).any())

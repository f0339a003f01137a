"""Admission: what may enter a test, and what the reader must know of what may not.

Goal: settings out of range, groups on both sides and tracks without values are dealt with
here, once, so that the test itself can trust its input. Nothing is left out silently: each
function that leaves something out returns the sentence that says so.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import ceil
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import fisher_exact, mannwhitneyu

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.exact import ExactSettings, ExactTest
from earwitness.stats.grouping import varying
from earwitness.stats.published import Method
from earwitness.text import STATED_MACHINE_MADE
from earwitness.types import Bools, Floats
from earwitness.verdict.result import Counts

Spanning = Literal["refuse", "exclude"]
LEAST_DRAWS = 5
# Shares of tracks on the two sides that differ by this much, beyond this chance, are refused; half of it is warned of.
_UNEVEN, _UNEVEN_CHANCE = 0.1, 0.002
# Fewer characters than this give no reason.
_SHORTEST_STATEMENT = 10
METHODS = ("exact", *get_args(Method))


def check_settings(
    alpha: float, method: str, permutations: int, a_a_runs: int, effect_runs: int = 0, comparable: str | None = None
) -> None:
    """Refuse settings out of range, and a statement that states nothing."""
    if comparable is not None and len(comparable.strip()) < _SHORTEST_STATEMENT:
        raise EarwitnessError(
            f"The statement of why the sets are comparable reads {comparable!r}; say why in a few words "
            f"(--comparable, at least {_SHORTEST_STATEMENT} characters), or leave it out."
        )
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
    if 0 < effect_runs < LEAST_DRAWS or effect_runs < 0:
        raise EarwitnessError(
            f"{effect_runs} repetitions cannot say what is found in four of five; give 0 to leave that out, or "
            f"{LEAST_DRAWS} or more."
        )


def one_side_a_group(table: FeatureTable, spanning: Spanning) -> tuple[FeatureTable, list[str]]:
    """Refuse or leave out groups that have tracks on both sides; return the notes for the reader."""
    notes = list(table.notes)
    # In a table of pairs, what belongs together is compared with itself on purpose.
    both = [] if "pair" in table.frame.columns else table.spanning_groups()
    if not both:
        return table, notes
    listed = ", ".join(both[:5]) + (f" and {len(both) - 5} more" if len(both) > 5 else "")
    if spanning == "refuse":
        raise EarwitnessError(
            f"{len(both)} group(s) have tracks on both sides: {listed}; what belongs together cannot be compared with "
            'itself. Fix the groups, or leave these out (--exclude-spanning; in Python spanning="exclude").'
        )
    kept = table.without_groups(both)
    suspects = int(kept.is_suspect().sum())
    if not 0 < suspects < kept.frame.height:
        raise EarwitnessError("Without the groups that have tracks on both sides one side is empty; fix the groups.")
    return kept, [*notes, f"{len(both)} group(s) with tracks on both sides were left out: {listed}."]


def refuse_pairs(table: FeatureTable, what: str) -> None:
    """Refuse a table of pairs where ``what`` compares sets alone: the pairs would be ignored in silence."""
    if "pair" in table.frame.columns:
        raise EarwitnessError(
            f"The table has pairs, and {what} compares sets, not pairs; leave the pair column out, or use "
            "`earwitness test`, which compares within pairs."
        )


def design_notes(table: FeatureTable) -> list[str]:
    """Refuse pairs beside strata; say what follows from either."""
    columns = table.frame.columns
    if "pair" in columns and "stratum" in columns:
        raise EarwitnessError("The table has pairs and strata; leave one out, since each pair is a stratum of its own.")
    if "stratum" not in columns or not (without := table.frame["stratum"].null_count()):
        return []
    return [f"{without} rows have no stratum; they make up one of their own."]


def whole_pairs(tracks: FeatureTable) -> tuple[FeatureTable, list[str]]:
    """Leave out tracks whose pair is unknown or lacks a side; a table without pairs stays as it is."""
    if "pair" not in tracks.frame.columns:
        return tracks, []
    sided = tracks.frame.select("pair").with_columns(pl.Series("side", tracks.is_suspect()))
    both = sided.group_by("pair").agg(pl.col("side").n_unique()).filter(pl.col("side") == 2)["pair"].drop_nulls()
    kept = tracks.frame["pair"].is_in(both.to_list()).fill_null(False)
    if not kept.any():
        raise EarwitnessError("No pair has a track on both sides; correct the pair column, or leave it out.")
    left_out = int((~kept).sum())
    if not left_out:
        return tracks, []
    return replace(tracks, frame=tracks.frame.filter(kept)), [
        f"{left_out} tracks without a counterpart in their pair were left out."
    ]


def evenly_known(table: FeatureTable, tracks: FeatureTable) -> list[str]:
    """Refuse features or windows that are known for one side far more often than for the other; warn of less.

    A value that is missing because of what it would have been (the quietest, the shortest) biases the side
    on which it is missing, and no relabelling can see it.
    """
    is_suspect = tracks.is_suspect()
    values, names = tracks.oriented()
    usable = np.isnan(values).mean(axis=0) <= ExactSettings().max_missing
    absent = {
        f"Feature {name}": np.isnan(column)
        for name, column, use in zip(names, values.T, usable, strict=True)
        if use and np.isnan(column).any()
    }
    if "window" in table.frame.columns:
        counts = table.frame.group_by("track_id").len().sort("track_id")
        counts = counts.filter(pl.col("track_id").is_in(tracks.frame["track_id"].to_list()))
        absent["Part of the windows"] = (counts["len"] < counts["len"].max()).to_numpy()
    features = np.column_stack([lacking for name, lacking in absent.items() if name.startswith("Feature")] or [[]])
    notes = []
    for what, lacking in absent.items():
        found = f"{what} is missing for {_by_side(lacking, is_suspect)} tracks"
        apart = _apart(lacking, is_suspect)
        # Each column alone may come by chance; what is tried so often is asked for the more.
        if apart >= _UNEVEN and _chance_of(lacking, is_suspect) <= _UNEVEN_CHANCE / len(absent):
            raise EarwitnessError(f"{found}; {_BIASED}")
        if apart >= _UNEVEN / 2:
            notes.append(f"{found}; a difference of this size may tilt the comparison.")
    if features.shape[1] > 1:
        mean = features.mean(axis=1)
        if _apart(mean, is_suspect) >= _UNEVEN and _chance_in_all(mean, is_suspect) <= _UNEVEN_CHANCE:
            raise EarwitnessError(f"Values are missing for {_by_side(mean, is_suspect)} tracks' features; {_BIASED}")
    return notes


_BIASED = "what is missing on one side biases the comparison. Measure both alike, or drop the columns."


def _by_side(lacking: NDArray[Any], is_suspect: Bools) -> str:
    return f"{lacking[is_suspect].mean():.0%} of the suspect and {lacking[~is_suspect].mean():.0%} of the held-out"


def _apart(lacking: NDArray[Any], is_suspect: Bools) -> float:
    return abs(float(lacking[is_suspect].mean() - lacking[~is_suspect].mean()))


def _chance_of(lacking: Bools, is_suspect: Bools) -> float:
    """Two-sided Fisher p of a 2 × 2 table."""
    table = [[int((lacking & side).sum()), int((~lacking & side).sum())] for side in (is_suspect, ~is_suspect)]
    return float(fisher_exact(np.array(table)).pvalue)


def _chance_in_all(lacking: Floats, is_suspect: Bools) -> float:
    """Two-sided Mann–Whitney p of the tracks' shares of missing values."""
    return float(mannwhitneyu(lacking[is_suspect], lacking[~is_suspect]).pvalue)


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


def machine_made(notes: Iterable[str]) -> bool:
    """Whether indexing found suspect tracks that say of themselves that a machine made them."""
    return any(f"{role} tracks {STATED_MACHINE_MADE}" in note for note in notes for role in ("suspect", " member"))


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
    return bool((present & varying(values)).any())

"""Dataset inference where the truth is known: p against the number of tracks, and the level that stands behind it.

Goal: the papers' figure for every method on one measurement, and beside each point what the same
method says of sets the model was not trained on. Conventions: sizes are groups per side, one track
a group; draws of a size overlap, so intervals over draws tell how well this pool of tracks was
explored, not how another pool would turn out.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from earwitness.stats.binomial import clopper_pearson
from earwitness.types import OnProgress
from earwitness_bench.draws import draw_sets
from earwitness_bench.methods import METHODS, Scores, p_value
from earwitness_bench.parallel import spread
from earwitness_bench.scale import ALPHA, Scale

POWER = 0.8


def p_against_tracks(scores: Scores, scale: Scale, *, seed: int = 0, on_progress: OnProgress) -> pl.DataFrame:
    """Return one row per method and size.

    Columns: ``method, size, draws, mean_p, median_p, found, found_low, found_high`` (share of draws of
    trained-on suspects with p ≤ α, Clopper–Pearson), ``null_draws, false_alarms, false_alarms_low,
    false_alarms_high`` (the same where no track of either set was trained on; null where the
    non-members are too few to be drawn twice).
    """
    inside, outside = (len(np.unique(scores.groups[side])) for side in (scores.member, ~scores.member))
    sizes = [size for size in scale.sizes if size <= min(inside, outside)]
    tasks = [
        (method, scores, size, scale.draws, scale.null_draws if 2 * size <= outside else 0, scale.permutations, seed)
        for size in sizes
        for method in METHODS
    ]
    return pl.DataFrame(spread(point, tasks, on_progress=on_progress), infer_schema_length=None)


def point(
    method: str, scores: Scores, size: int, draws: int, null_draws: int, permutations: int, seed: int
) -> dict[str, object]:
    """One row of the table. Every method sees the same draws."""
    used = _p_values(method, scores, size, draws, permutations, used=1.0, seed=[seed, size, 1])
    unused = _p_values(method, scores, size, null_draws, permutations, used=0.0, seed=[seed, size, 0])
    return {
        "method": method,
        "size": size,
        "draws": draws,
        "mean_p": float(used.mean()),
        "median_p": float(np.median(used)),
        **_share("found", used),
        "null_draws": null_draws,
        **_share("false_alarms", unused),
    }


def minimum_tracks(points: pl.DataFrame) -> pl.DataFrame:
    """Return one row per method: how many tracks per side it takes, in the papers' sense and in ours.

    ``by_mean_p`` is the smallest size from which on the mean p stays ≤ α, ``by_power`` the smallest from which
    on at least 80 % of the draws have p ≤ α; null where no size has it. ``worst_false_alarms`` is the largest
    share of false alarms over the sizes with its limits, ``null_draws`` how many draws that is of.
    """
    rows = []
    for (method,), found in points.sort("size").group_by("method", maintain_order=True):
        null = found.filter(pl.col("false_alarms").is_not_null())
        worst = null.sort("false_alarms", descending=True).row(0, named=True) if len(null) else {}
        rows.append(
            {
                "method": method,
                "by_mean_p": _first_for_good(found, found["mean_p"] <= ALPHA),
                "by_power": _first_for_good(found, found["found"] >= POWER),
                "worst_false_alarms": worst.get("false_alarms"),
                "worst_low": worst.get("false_alarms_low"),
                "worst_high": worst.get("false_alarms_high"),
                "worst_size": worst.get("size"),
                "null_draws": worst.get("null_draws"),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _p_values(
    method: str, scores: Scores, size: int, draws: int, permutations: int, *, used: float, seed: list[int]
) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    found = np.empty(draws)
    for draw in range(draws):
        suspects, held_out = draw_sets(rng, scores.groups, scores.member, size, used=used)
        found[draw] = p_value(
            method, scores, suspects, held_out, permutations=permutations, seed=int(rng.integers(2**31))
        )
    return found


def _share(name: str, p_values: NDArray[np.float64]) -> dict[str, float | None]:
    if not len(p_values):
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    hits = int((p_values <= ALPHA).sum())
    low, high = clopper_pearson(hits, len(p_values))
    return {name: hits / len(p_values), f"{name}_low": low, f"{name}_high": high}


def _first_for_good(points: pl.DataFrame, reached: pl.Series) -> int | None:
    """The smallest size at which ``reached`` holds and at all larger ones too."""
    first = None
    for size, holds in zip(points["size"].to_list(), reached.to_list(), strict=True):
        first = (first or size) if holds else None
    return first

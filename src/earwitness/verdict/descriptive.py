"""What a result describes and does not test: AUC of scores and features.

Goal: figures for the reader beside the p-value. Conventions: numbers that are not known are None.
"""

import numpy as np

from earwitness.features import FeatureTable
from earwitness.stats.roc import auc_delong
from earwitness.stats.sides import Sides
from earwitness.types import Bools, Floats
from earwitness.verdict.result import FeatureResult, Interval


def score_auc(scores: Floats, sides: Sides) -> Interval:
    """Return the AUC of tracks' scores ``[tracks]``, its interval by groups."""
    suspect = sides.is_suspect
    auc = auc_delong(
        scores[suspect], scores[~suspect], positive_groups=sides.groups[suspect], negative_groups=sides.groups[~suspect]
    )
    return Interval(estimate=known(auc.estimate), low=known(auc.low), high=known(auc.high))


def feature_results(tracks: FeatureTable, is_suspect: Bools, weights: dict[str, float]) -> list[FeatureResult]:
    """Return one line per feature: direction, AUC, weight in the score."""
    values, names = tracks.oriented(include_unknown=True)
    return [
        FeatureResult(
            name=name,
            member_is=tracks.specs[name].member_is,
            auc=known(auc_delong(column[is_suspect], column[~is_suspect]).estimate),
            weight=known(weights.get(name, float("nan"))),
            missing=int(np.isnan(column).sum()),
        )
        for name, column in zip(names, values.T, strict=True)
    ]


def known(value: float) -> float | None:
    """Return the number, or None for NaN."""
    return None if np.isnan(value) else float(value)

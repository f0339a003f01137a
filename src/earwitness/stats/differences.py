"""The statistics of every scorer for a block of labellings, as matrix algebra.

Goal: rerun the whole fit for thousands of labellings at the price of a few matrix products.
Conventions: ``labels [groups, labellings]``; a difference is suspect − held-out, divided by
its null standard deviation ``√(w̄ (1/W_S + 1/W_H))`` (``W`` sums of group weights, ``w̄`` their
mean), so that labellings with unlike group sizes compare; a score is divided by its
label-free standard deviation ``√(w' correlation w)``. A fold that lacks a side among its
training groups counts 0.
"""

from dataclasses import dataclass

import numpy as np

from earwitness.stats.grouping import Bools, Floats, GroupRows, Ints
from earwitness.stats.scorers import Scorer


@dataclass(frozen=True, slots=True)
class Moments:
    """Weighted sums of some groups: over all of them and over their suspects, per labelling."""

    suspect_sum: Floats
    suspect_weight: Floats
    sum: Floats
    weight: float

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(
            self.suspect_sum - other.suspect_sum,
            self.suspect_weight - other.suspect_weight,
            self.sum - other.sum,
            self.weight - other.weight,
        )

    def standardised_difference(self, mean_weight: float) -> Floats:
        """Return ``t [features, labellings]``; 0 where a side is absent."""
        held_out_weight = self.weight - self.suspect_weight
        both = (self.suspect_weight > 1e-9) & (held_out_weight > 1e-9)
        suspect = np.where(both, self.suspect_weight, 1.0)
        held_out = np.where(both, held_out_weight, 1.0)
        # S/W_S − (all − S)/W_H, written with one product of the large array.
        scale = both / np.sqrt(mean_weight * (1 / suspect + 1 / held_out))
        per_suspect, per_all = (1 / suspect + 1 / held_out) * scale, scale / held_out
        return self.suspect_sum * per_suspect - self.sum[:, None] * per_all


def fold_moments(rows: GroupRows, labels: Bools, fold: Ints) -> list[Moments]:
    """Return the moments of each fold for a block of labellings."""
    moments = []
    for index in range(int(fold.max()) + 1):
        inside = fold == index
        weighted = rows.values[inside] * rows.weights[inside, None]
        chosen = labels[inside].astype(np.float64)
        moments.append(
            Moments(
                weighted.T @ chosen,
                rows.weights[inside] @ chosen,
                weighted.sum(axis=0),
                float(rows.weights[inside].sum()),
            )
        )
    return moments


def statistics(rows: GroupRows, labels: Bools, fold: Ints, scorers: tuple[Scorer, ...]) -> Floats:
    """Return ``[scorers, labellings]``: the standardised difference of each scorer's score.

    In sample: ``w(t)' t / √(w' correlation w)``. Out of fold: the sum over folds of the
    contrast of the held-back groups, each with the weights of the other folds.
    """
    parts = fold_moments(rows, labels, fold)
    everything = total(parts)
    mean_weight = float(rows.weights.mean())
    overall = everything.standardised_difference(mean_weight)
    values = np.empty((len(scorers), labels.shape[1]))
    for index, scorer in enumerate(scorers):
        if scorer.cross_fitted:
            values[index] = 0.0
            for part in parts:
                weights = training_weights(scorer, everything - part, rows)
                values[index] += (weights * _share_of_contrast(part, everything, mean_weight)).sum(axis=0)
        else:
            values[index] = (unit_score(scorer.weights(overall, rows.correlation), rows) * overall).sum(axis=0)
    return values


def training_weights(scorer: Scorer, training: Moments, rows: GroupRows) -> Floats:
    """Return weights ``[features, labellings]`` fitted on training moments, for a score of unit variance."""
    differences = training.standardised_difference(float(rows.weights.mean()))
    return unit_score(scorer.weights(differences, rows.correlation), rows)


def total(parts: list[Moments]) -> Moments:
    """Return the moments of all folds together."""
    return Moments(
        np.sum([part.suspect_sum for part in parts], axis=0),
        np.sum([part.suspect_weight for part in parts], axis=0),
        np.sum([part.sum for part in parts], axis=0),
        sum(part.weight for part in parts),
    )


def unit_score(weights: Floats, rows: GroupRows) -> Floats:
    """Divide weights by the label-free standard deviation of their score; all-zero weights stay zero."""
    variance = np.maximum((weights * (rows.correlation @ weights)).sum(axis=0), 0.0)
    # Rounding can leave a variance of order 1e-16 for weights that cancel; such a score says nothing.
    usable = variance > 1e-12 * np.maximum((weights**2).sum(axis=0), 1e-300)
    result: Floats = weights * np.where(usable, 1 / np.sqrt(np.where(usable, variance, 1.0)), 0.0)
    return result


def _share_of_contrast(part: Moments, everything: Moments, mean_weight: float) -> Floats:
    """Return what one fold adds to the overall standardised difference, ``[features, labellings]``."""
    suspect, held_out = everything.suspect_weight, everything.weight - everything.suspect_weight
    scale = 1 / np.sqrt(mean_weight * (1 / suspect + 1 / held_out))
    return part.suspect_sum * ((1 / suspect + 1 / held_out) * scale) - part.sum[:, None] * (scale / held_out)

"""What blind features explain, taken out: ridge projections with a stated budget.

Goal: remove from features, and from the label itself, what model-free features of the same
audio predict. Conventions: blind values are ``[tracks, blind features]``, NaN = missing;
their columns enter as normal scores, with their squares at a smaller scale (so that mild
curvature is followed, after straight lines) and with a 0/1 column for values missing in
some tracks only. Bends across several blind features are followed along the one direction that
tells the sets apart. A fit has a budget of degrees of freedom.

Fits are in sample on purpose. With ``H`` the ridge smoother, what is left of a feature
``y = Xβ + ε`` in its covariance with the label ``s`` is ``s'(I−H)²Xβ``: zero where ``H`` is a
full projection (Frisch–Waugh–Lovell), a product of two shrinkage errors otherwise. A
cross-fitted label model leaves the blind difference of *these* tracks unbalanced.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from earwitness.stats.grouping import group_means, normal_scores, standardised
from earwitness.types import Floats, Ints

# Of the number of groups: what a fit that must balance a real shift may spend, and one that only sharpens.
MAX_DF_SHARE = 0.5
LABEL_FREE_DF_SHARE = 0.15
_SQUARE_SCALE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A weighted ridge fit, ready to be applied to any response.

    Attributes
    ----------
    root_weights
        ``[rows]`` square roots of the row weights.
    basis, kept
        ``[rows, rank]`` orthonormal directions of the weighted, centred design, and the share
        ``σ²/(σ²+λ)`` of a response along each that the fit takes.
    intercept
        Whether a constant is taken out first; not so for differences within pairs, whose null is 0.
    """

    root_weights: Floats
    basis: Floats
    kept: Floats
    intercept: bool = True

    @property
    def degrees_of_freedom(self) -> float:
        """Effective number of parameters, intercept left out."""
        return float(self.kept.sum())

    @property
    def complete(self) -> bool:
        """Whether every direction is taken out whole."""
        return bool((self.kept > 1 - 1e-9).all())

    def residuals(self, responses: Floats) -> Floats:
        """Return ``(I − H) √w y`` for responses ``[rows, any]``."""
        left: Floats = self._centred(responses) - self.fitted(responses)
        return left

    def fitted(self, responses: Floats) -> Floats:
        """Return what the columns of the design explain of ``√w y``, intercept left out."""
        explained: Floats = self.basis @ (self.kept[:, None] * (self.basis.T @ self._centred(responses)))
        return explained

    def leverage(self, codes: Ints) -> Floats:
        """Return for each group the leverage of its mean, ``1'H_gg 1/m``; the diagonal of H for single rows."""
        sizes = np.bincount(codes)
        sums = sizes[:, None] * group_means(self.basis, codes)
        share: Floats = sums**2 @ self.kept / sizes
        return share

    def _centred(self, responses: Floats) -> Floats:
        weighted = responses * self.root_weights[:, None]
        return _centred(weighted, self.root_weights) if self.intercept else weighted


def project(design: Floats, weights: Floats, *, budget: float, intercept: bool = True) -> Projection:
    """Fit once for all responses: the least ridge that spends no more than the budget.

    Parameters
    ----------
    design
        ``[rows, columns]``.
    weights
        ``[rows]``, positive.
    budget
        Degrees of freedom to spend at most.
    intercept
        Whether rows are centred first.
    """
    root = np.sqrt(weights)
    weighted = design * root[:, None]
    basis, singular, _ = np.linalg.svd(_centred(weighted, root) if intercept else weighted, full_matrices=False)
    real = singular > 1e-8 * max(float(singular.max(initial=0)), 1e-300)
    basis, energy = basis[:, real], singular[real] ** 2
    if len(energy) <= budget:
        return Projection(root_weights=root, basis=basis, kept=np.ones(len(energy)), intercept=intercept)
    top = float(np.log(energy[0]))
    log_ridge = brentq(lambda x: float((energy / (energy + np.exp(x))).sum()) - budget, top - 60, top + 60)
    kept = energy / (energy + np.exp(log_ridge))
    return Projection(root_weights=root, basis=basis, kept=kept, intercept=intercept)


def blind_design(blind_values: Floats) -> Floats:
    """Return ``[tracks, columns]``: normal scores, their scaled squares, and missingness; constants left out."""
    lines = standardised(normal_scores(blind_values))
    squares = _SQUARE_SCALE * standardised(lines**2)
    absent = np.isnan(blind_values)
    parts = [lines, squares]
    if absent.any():
        parts.append(np.unique(standardised(absent.astype(np.float64)), axis=1))
    design = np.concatenate(parts, axis=1)
    return np.asarray(design[:, design.any(axis=0)])


def with_bends(design: Floats, labels: Floats) -> Floats:
    """Append the square and the cube of the fitted label: curvature along the direction that tells the sets apart.

    Where a set is shifted, the chance of being a suspect is an S-curve of the fitted label, so a label
    residual from lines alone still follows the *cube* of that direction, and with it every feature that does.
    The residual's permutation is conditional on labels and blind features: both may be looked at here.

    Parameters
    ----------
    design
        ``[tracks, columns]``.
    labels
        ``[tracks]`` 1 for a suspect, 0 for a held-out track.
    """
    fitted = standardised(
        project(design, np.ones(len(design)), budget=MAX_DF_SHARE * len(design)).fitted(labels[:, None])
    )
    return np.concatenate([design, standardised(fitted**2), standardised(fitted**3)], axis=1)


def _centred(rows: Floats, root: Floats) -> Floats:
    unit = root / np.linalg.norm(root)
    return np.asarray(rows - np.outer(unit, unit @ rows))

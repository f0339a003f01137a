"""What blind features explain, taken out: ridge projections with a stated budget.

Goal: remove from features, and from the label itself, what model-free features of the same
audio predict. Conventions: blind values are ``[tracks, blind features]``, NaN = missing;
their columns enter as normal scores, with their squares at a smaller scale (so that mild
curvature is followed, after straight lines) and with a 0/1 column for values missing in
some tracks only. Bends across several blind features are followed along the one direction that
tells the sets apart. A fit may spend at most `MAX_DF_SHARE` of its rows as degrees of freedom.

Fits are in sample on purpose. With ``H`` the ridge smoother, what is left of a feature
``y = Xβ + ε`` in its covariance with the label ``s`` is ``s'(I−H)²Xβ``: zero where ``H`` is a
full projection (Frisch–Waugh–Lovell), a product of two shrinkage errors otherwise. A
cross-fitted label model leaves the blind difference of *these* tracks unbalanced.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from earwitness.stats.grouping import Floats, Ints, normal_scores

MAX_DF_SHARE = 0.5
_SQUARE_SCALE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A weighted ridge fit with an intercept, ready to be applied to any response.

    Attributes
    ----------
    root_weights
        ``[rows]`` square roots of the row weights.
    basis, kept
        ``[rows, rank]`` orthonormal directions of the weighted, centred design, and the share
        ``σ²/(σ²+λ)`` of a response along each that the fit takes.
    """

    root_weights: Floats
    basis: Floats
    kept: Floats

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
        left: Floats = _centred(responses * self.root_weights[:, None], self.root_weights) - self.fitted(responses)
        return left

    def fitted(self, responses: Floats) -> Floats:
        """Return what the columns of the design explain of ``√w y``, intercept left out."""
        centred = _centred(responses * self.root_weights[:, None], self.root_weights)
        explained: Floats = self.basis @ (self.kept[:, None] * (self.basis.T @ centred))
        return explained

    def leverage(self, codes: Ints) -> Floats:
        """Return for each group the leverage of its mean, ``1'H_gg 1/m``; the diagonal of H for single rows."""
        sizes = np.bincount(codes)
        sums = sizes[:, None] * group_means(self.basis, codes)
        share: Floats = sums**2 @ self.kept / sizes
        return share


def project(design: Floats, weights: Floats) -> Projection:
    """Fit once for all responses: the least ridge that spends no more than the budget.

    Parameters
    ----------
    design
        ``[rows, columns]``.
    weights
        ``[rows]``, positive.
    """
    root = np.sqrt(weights)
    basis, singular, _ = np.linalg.svd(_centred(design * root[:, None], root), full_matrices=False)
    real = singular > 1e-8 * max(float(singular.max(initial=0)), 1e-300)
    basis, energy = basis[:, real], singular[real] ** 2
    budget = MAX_DF_SHARE * len(design)
    if len(energy) <= budget:
        return Projection(root_weights=root, basis=basis, kept=np.ones(len(energy)))
    top = float(np.log(energy[0]))
    log_ridge = brentq(lambda x: float((energy / (energy + np.exp(x))).sum()) - budget, top - 60, top + 60)
    return Projection(root_weights=root, basis=basis, kept=energy / (energy + np.exp(log_ridge)))


def blind_design(blind_values: Floats) -> Floats:
    """Return ``[tracks, columns]``: normal scores, their scaled squares, and missingness; constants left out.

    Raises
    ------
    ValueError
        If no blind feature varies.
    """
    lines = _standardised(normal_scores(blind_values))
    squares = _SQUARE_SCALE * _standardised(lines**2)
    missing = _standardised(np.isnan(blind_values).astype(np.float64))
    design = np.concatenate([lines, squares, np.unique(missing, axis=1)], axis=1)
    if not design.any():
        raise ValueError("no blind feature varies between the tracks")
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
    fitted = _standardised(project(design, np.ones(len(design))).fitted(labels[:, None]))
    return np.concatenate([design, _standardised(fitted**2), _standardised(fitted**3)], axis=1)


def group_means(values: Floats, codes: Ints) -> Floats:
    """Return ``[groups, columns]`` means of rows ``[tracks, columns]``."""
    sums = np.stack([np.bincount(codes, column) for column in values.T], axis=1)
    return np.asarray(sums / np.bincount(codes)[:, None])


def _centred(rows: Floats, root: Floats) -> Floats:
    unit = root / np.linalg.norm(root)
    return np.asarray(rows - np.outer(unit, unit @ rows))


def _standardised(columns: Floats) -> Floats:
    """Mean 0 and sd 1; a constant column becomes zeros."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(np.where(spread > 1e-9, centred / np.where(spread > 1e-9, spread, 1.0), 0.0))

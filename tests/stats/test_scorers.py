"""Every weighting rule against its definition; the ridge against an exact solver."""

import numpy as np
import pytest
from scipy.optimize import nnls

from earwitness.stats.grouping import normal_scores
from earwitness.stats.scorers import (
    Equal,
    FreeMarginal,
    FreeRidge,
    Headline,
    NonNegativeRidge,
    Strongest,
    Tail,
    fixed_columns,
    statistics,
)


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    correlation = np.corrcoef(rng.standard_normal((40, 7)).T + rng.standard_normal(40))
    return rng.standard_normal((7, 300)), correlation


def test_closed_forms(case: tuple[np.ndarray, np.ndarray]) -> None:
    differences, correlation = case
    np.testing.assert_array_equal(FreeMarginal().weights(differences, correlation), differences)
    matrix = 0.7 * correlation + 0.3 * np.eye(7)
    np.testing.assert_allclose(matrix @ FreeRidge(shrinkage=0.3).weights(differences, correlation), differences)


def test_fixed_scores_by_hand() -> None:
    values, headline = np.random.default_rng(1).standard_normal((9, 3)), np.array([2.0, 0.0, 1.0])
    score = 2 * values[:, 0] + values[:, 2]
    normal = normal_scores(score[:, None])[:, 0]
    expected = [score, values.sum(axis=1), np.exp(normal - 0.5), normal]
    found, counts = fixed_columns(values, headline, (Headline(), Strongest(), Equal(), Tail()))
    assert counts == (1, 0, 1, 2)
    for column, plain in zip(found.T, expected, strict=True):
        np.testing.assert_allclose(column, (plain - plain.mean()) / plain.std(), atol=1e-12)
    assert fixed_columns(values, headline, (Strongest(),))[0].shape == (9, 0)


def test_statistics_take_fixed_scores_as_they_are(case: tuple[np.ndarray, np.ndarray]) -> None:
    differences, correlation = case
    fixed = np.random.default_rng(2).standard_normal((3, 300))
    found = statistics(
        np.concatenate([differences, fixed]), correlation, (Headline(), FreeMarginal(), Tail()), (1, 0, 2)
    )
    np.testing.assert_array_equal(found[0], fixed[0])
    np.testing.assert_array_equal(found[2], np.minimum(fixed[1], 1.5 * fixed[2]))
    scale = np.sqrt(np.einsum("ib,ij,jb->b", differences, correlation, differences))
    np.testing.assert_allclose(found[1], (differences**2).sum(axis=0) / scale)


def test_strongest_takes_the_largest_positive_difference(case: tuple[np.ndarray, np.ndarray]) -> None:
    differences, correlation = case
    weights = Strongest().weights(np.column_stack([differences, -np.ones(7)]), correlation)
    positive = differences.max(axis=0) > 0
    assert (weights[:, :-1].argmax(axis=0) == differences.argmax(axis=0))[positive].all()
    assert (weights.sum(axis=0) == [*positive, 0]).all()


def test_ridge_reaches_the_constrained_optimum(case: tuple[np.ndarray, np.ndarray]) -> None:
    differences, correlation = case
    weights = NonNegativeRidge(shrinkage=0.3, steps=2000).weights(differences, correlation)
    factor = np.linalg.cholesky(0.7 * correlation + 0.3 * np.eye(7))
    for column, found in zip(differences.T, weights.T, strict=True):
        np.testing.assert_allclose(found, nnls(factor.T, np.linalg.solve(factor, column))[0], atol=1e-6)


def test_ridge_treats_each_labelling_alone(case: tuple[np.ndarray, np.ndarray]) -> None:
    differences, correlation = case
    together = NonNegativeRidge().weights(differences, correlation)
    alone = NonNegativeRidge().weights(differences[:, 270:271], correlation)
    np.testing.assert_allclose(together[:, 270:271], alone, atol=1e-12)
    assert (together >= 0).all()


def test_inputs_are_left_as_they_were(case: tuple[np.ndarray, np.ndarray]) -> None:
    differences, correlation = case
    before = differences.copy()
    for scorer in (Strongest(), NonNegativeRidge(), FreeMarginal(), FreeRidge()):
        scorer.weights(differences, correlation)
    np.testing.assert_array_equal(differences, before)

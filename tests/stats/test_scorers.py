"""Every weighting rule against its definition; the ridge against an exact solver."""

import numpy as np
import pytest
from scipy.optimize import nnls

from earwitness.stats.scorers import Equal, FreeMarginal, FreeRidge, Marginal, NonNegativeRidge, Strongest


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    correlation = np.corrcoef(rng.standard_normal((40, 7)).T + rng.standard_normal(40))
    return rng.standard_normal((7, 300)), correlation


def test_closed_forms(case: tuple[np.ndarray, np.ndarray]) -> None:
    differences, correlation = case
    assert (Equal().weights(differences, correlation) == 1).all()
    np.testing.assert_array_equal(Marginal().weights(differences, correlation), differences.clip(0))
    np.testing.assert_array_equal(FreeMarginal().weights(differences, correlation), differences)
    matrix = 0.7 * correlation + 0.3 * np.eye(7)
    np.testing.assert_allclose(matrix @ FreeRidge(shrinkage=0.3).weights(differences, correlation), differences)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_strongest_takes_the_largest_positive_differences(case: tuple[np.ndarray, np.ndarray], count: int) -> None:
    differences, correlation = case
    weights = Strongest(count=count).weights(differences, correlation)
    for column, chosen in zip(differences.T, weights.T, strict=True):
        best = [j for j in np.argsort(-column)[:count] if column[j] > 0]
        assert np.flatnonzero(chosen).tolist() == sorted(best)


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
    for scorer in (Equal(), Marginal(), Strongest(), NonNegativeRidge(), FreeMarginal(), FreeRidge()):
        scorer.weights(differences, correlation)
    np.testing.assert_array_equal(differences, before)

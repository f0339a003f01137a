import numpy as np
import pytest

from earwitness.stats.projection import MAX_DF_SHARE, blind_design, group_means, project, with_bends

RNG = np.random.default_rng(0)


def ordinary_residuals(design: np.ndarray, response: np.ndarray, weights: np.ndarray) -> np.ndarray:
    root = np.sqrt(weights)
    full = np.column_stack([np.ones(len(design)), design]) * root[:, None]
    return np.asarray(root * response - full @ np.linalg.lstsq(full, root * response, rcond=None)[0])


def test_a_fit_within_its_budget_is_weighted_least_squares() -> None:
    design, response, weights = RNG.normal(size=(60, 5)), RNG.normal(size=60), RNG.uniform(1, 3, 60)
    fit = project(design, weights, budget=60 * MAX_DF_SHARE)
    assert fit.complete
    assert fit.degrees_of_freedom == pytest.approx(5)
    np.testing.assert_allclose(
        fit.residuals(response[:, None])[:, 0], ordinary_residuals(design, response, weights), atol=1e-10
    )


def test_the_leverage_is_the_diagonal_of_the_hat_matrix() -> None:
    design = RNG.normal(size=(60, 5))
    fit = project(design, np.ones(60), budget=60 * MAX_DF_SHARE)
    centred = design - design.mean(axis=0)
    hat = centred @ np.linalg.pinv(centred)
    np.testing.assert_allclose(fit.leverage(np.arange(60)), np.diag(hat), atol=1e-10)
    codes = np.repeat(np.arange(20), 3)
    blocks = [hat[np.ix_(codes == g, codes == g)].sum() / 3 for g in range(20)]
    np.testing.assert_allclose(fit.leverage(codes), blocks, atol=1e-10)


def test_a_fit_beyond_its_budget_is_ridge_with_that_many_degrees_of_freedom() -> None:
    design = RNG.normal(size=(60, 40))
    fit = project(design, np.ones(60), budget=60 * MAX_DF_SHARE)
    assert not fit.complete
    assert fit.degrees_of_freedom == pytest.approx(60 * MAX_DF_SHARE)
    centred = design - design.mean(axis=0)
    energy = np.linalg.svd(centred, compute_uv=False) ** 2
    ridge = energy[0] * (1 - fit.kept[0]) / fit.kept[0]
    response = RNG.normal(size=60)
    slopes = np.linalg.solve(centred.T @ centred + ridge * np.eye(40), centred.T @ response)
    expected = response - response.mean() - centred @ slopes
    np.testing.assert_allclose(fit.residuals(response[:, None])[:, 0], expected, atol=1e-8)


def test_lines_curves_and_missingness_are_all_in_the_design() -> None:
    blind = RNG.normal(size=(90, 2))
    bent = blind[:, 0] ** 2
    blind_missing = blind.copy()
    blind_missing[::9, 1] = np.nan
    fit = project(blind_design(blind_missing), np.ones(90), budget=90 * MAX_DF_SHARE)
    missing = np.isnan(blind_missing[:, 1]).astype(float)
    left = fit.residuals(np.column_stack([missing, bent - bent.mean(), np.sign(blind[:, 0])])).std(axis=0)
    assert left[0] == pytest.approx(0, abs=1e-9)
    assert left[1] < 0.35 * bent.std()


def test_bends_follow_the_direction_that_tells_the_sets_apart() -> None:
    rng = np.random.default_rng(2)
    labels = np.arange(400) < 200
    blind = rng.normal(size=(400, 4)) + 0.8 * labels[:, None] * np.array([1, 1, 0, 0])
    direction = blind[:, 0] + blind[:, 1]
    curve = ((direction - direction.mean()) ** 3)[:, None]
    straight = blind_design(blind)
    bent = with_bends(straight, labels.astype(float))
    assert bent.shape[1] == straight.shape[1] + 2
    left = [
        project(design, np.ones(400), budget=400 * MAX_DF_SHARE).residuals(curve).std() for design in (straight, bent)
    ]
    assert left[1] < 0.6 * left[0]


def test_constant_and_empty_columns_are_left_out() -> None:
    varying = RNG.normal(size=(30, 1))
    padded = np.column_stack([varying, np.ones(30), np.full(30, np.nan)])
    np.testing.assert_allclose(blind_design(padded), blind_design(varying), atol=1e-12)
    assert blind_design(padded[:, 1:]).shape == (30, 0)


def test_group_means() -> None:
    means = group_means(np.array([[1.0, 0], [3, 0], [5, 6]]), np.array([0, 0, 1]))
    np.testing.assert_array_equal(means, [[2, 0], [5, 6]])

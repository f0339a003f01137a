"""Scaling and collapsing: against definitions, and blind to order, names and units."""

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from earwitness.stats.grouping import (
    codes_by_content,
    group_rows,
    intraclass_correlation,
    normal_scores,
    standardised,
    usable_scores,
)


def test_normal_scores_of_midranks() -> None:
    column = np.array([[10.0], [np.nan], [-3.0], [10.0], [11.0]])
    expected = norm.ppf([(2.5 - 0.5) / 4, 0.5, 0.5 / 4, (2.5 - 0.5) / 4, 3.5 / 4])
    np.testing.assert_allclose(normal_scores(column)[:, 0], expected, atol=1e-12)


def test_intraclass_correlation_by_hand() -> None:
    # Two groups of two: means 1 and 4, between 9, within (1+1+1+1)/2 = 2, m0 = 2: (9-2)/(9+2).
    values, codes = np.array([[0.0], [2.0], [3.0], [5.0]]), np.array([0, 0, 1, 1])
    assert intraclass_correlation(values, codes) == pytest.approx(7 / 11)


def test_intraclass_correlation_at_its_ends() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(50), 4)
    assert intraclass_correlation(rng.standard_normal((50, 3))[codes], codes) == 1.0
    assert intraclass_correlation(rng.standard_normal((200, 30)), codes) < 0.05
    assert intraclass_correlation(rng.standard_normal((50, 3)), np.arange(50)) == 0.0
    effect, noise = rng.standard_normal((50, 40))[codes], rng.standard_normal((200, 40))
    assert intraclass_correlation(np.sqrt(0.3) * effect + np.sqrt(0.7) * noise, codes) == pytest.approx(0.3, abs=0.05)


def test_intraclass_correlation_about_a_known_centre_ignores_signs() -> None:
    # About 0: between 2 * (1 + 16) / 2 = 17, within 2, m0 = 2: (17 - 2) / (17 + 2).
    values, codes = np.array([[0.0], [2.0], [3.0], [5.0]]), np.array([0, 0, 1, 1])
    assert intraclass_correlation(values, codes, centre_known=True) == pytest.approx(15 / 19)
    turned = values * np.array([[-1.0], [-1.0], [1.0], [1.0]])
    assert intraclass_correlation(turned, codes, centre_known=True) == pytest.approx(15 / 19)


def test_rows_are_weighted_group_means_of_unit_spread() -> None:
    rng = np.random.default_rng(1)
    codes = np.array([0] * 5 + [1] * 2 + [2, 3, 4, 5, 6, 7, 0])
    values = rng.standard_normal((14, 3))
    rows = group_rows(values, codes)
    assert rows.values.shape == (8, 3)
    np.testing.assert_allclose(rows.weights @ rows.values, 0, atol=1e-12)
    np.testing.assert_allclose(rows.weights @ rows.values**2 / rows.weights.sum(), 1)
    np.testing.assert_allclose(np.diag(rows.correlation), 1)
    sizes = np.bincount(codes)
    np.testing.assert_allclose(rows.weights, sizes / (1 + (sizes - 1) * rows.intraclass_correlation))
    means = np.array([values[codes == code].mean(axis=0) for code in range(8)])
    centred = means - np.average(means, axis=0, weights=rows.weights)
    spread = np.sqrt(np.average(centred**2, axis=0, weights=rows.weights))
    np.testing.assert_allclose(rows.values, centred / spread, atol=1e-12)


def test_what_differs_between_strata_is_taken_out() -> None:
    values, strata = np.random.default_rng(5).standard_normal((12, 2)), np.arange(12) % 3
    rows = group_rows(values, np.arange(12), strata=strata)
    moved = group_rows(values + 10 * strata[:, None], np.arange(12), strata=strata)
    np.testing.assert_allclose(moved.values, rows.values, atol=1e-9)
    for code in range(3):
        np.testing.assert_allclose(rows.values[strata == code].mean(axis=0), 0, atol=1e-12)


def test_copies_of_a_track_weigh_as_one() -> None:
    values = np.random.default_rng(2).standard_normal((12, 4))
    rows = group_rows(np.repeat(values, 3, axis=0), np.repeat(np.arange(12), 3))
    np.testing.assert_allclose(rows.weights, 1.0)


def test_groups_are_numbered_by_content_not_by_name_or_order() -> None:
    rng = np.random.default_rng(3)
    values, groups = rng.standard_normal((40, 3)), rng.integers(0, 15, 40)
    shuffle = rng.permutation(40)
    names = np.array([f"album {(7 * code) % 15}" for code in groups])
    np.testing.assert_array_equal(
        codes_by_content(values[shuffle], names[shuffle]), codes_by_content(values, groups)[shuffle]
    )


def test_monotone_units_do_not_matter() -> None:
    values = np.random.default_rng(3).standard_normal((40, 3))
    bent = np.stack([values[:, 0] * 9, np.exp(values[:, 1]), values[:, 2] ** 3], 1)
    np.testing.assert_array_equal(usable_scores(bent).values, usable_scores(values).values)


def test_missing_is_neutral_counted_and_dropped_when_too_much() -> None:
    values = np.random.default_rng(4).standard_normal((10, 4))
    values[:3, 0] = np.nan
    values[:6, 1] = np.nan
    values[:, 2] = 7.0
    scores = usable_scores(values)
    assert scores.missing.tolist() == [3, 6, 0, 0]
    assert scores.kept.tolist() == [True, False, False, True]
    assert scores.values[:3, 0].tolist() == [0, 0, 0]
    assert scores.absent[:, 0].tolist() == [True] * 3 + [False] * 7
    with pytest.raises(ValueError, match="constant or mostly missing"):
        usable_scores(values[:, 1:3])


def test_standardised_leaves_a_constant_at_zero() -> None:
    np.testing.assert_allclose(standardised(np.array([[1.0, 5.0], [3.0, 5.0]])), [[-1, 0], [1, 0]])


def test_normal_scores_of_any_columns_are_those_of_their_ranks() -> None:
    rng = np.random.default_rng(11)
    values = np.column_stack([rng.normal(size=40), rng.integers(0, 5, 40), np.zeros(40), np.full(40, np.nan)])
    values = np.column_stack([values, np.where(rng.random(40) < 0.3, np.nan, rng.normal(size=40))])
    for column, scored in zip(values.T, normal_scores(values).T, strict=True):
        known = ~np.isnan(column)
        expected = np.zeros(40)
        expected[known] = norm.ppf((rankdata(column[known]) - 0.5) / max(known.sum(), 1))
        np.testing.assert_allclose(scored, expected, atol=1e-12)


def test_groups_are_numbered_by_all_columns_where_the_last_one_ties() -> None:
    rng = np.random.default_rng(12)
    values = np.column_stack([rng.normal(size=(30, 2)), rng.integers(0, 3, 30)])
    order = np.lexsort(values.T)
    expected = np.empty(30, dtype=np.intp)
    expected[order] = np.arange(30)
    np.testing.assert_array_equal(codes_by_content(values, np.arange(30)), expected)
    np.testing.assert_array_equal(codes_by_content(values[:, :2], np.arange(30)), np.argsort(np.argsort(values[:, 1])))

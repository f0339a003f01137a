"""The tipping point against a regression by hand, and where there is nothing to explain."""

import numpy as np
import pytest

from earwitness.stats.grouping import normal_scores, standardised
from earwitness.stats.sensitivity import tipping_point
from earwitness.stats.sides import Sides


def _world(member: float, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two features moved by a membership and by the first of three blind features, which is shifted."""
    rng = np.random.default_rng(seed)
    suspect = np.arange(200) < 100
    blind = np.column_stack([rng.random((200, 3)) < np.where(suspect, 0.7, 0.3)[:, None] * [1, 0, 0] + [0, 0.5, 0.5]])
    values = rng.standard_normal((200, 2)) + blind[:, :1] + member * suspect[:, None]
    return values, blind.astype(float), suspect


def test_what_a_feature_explains_is_what_a_regression_takes_away() -> None:
    values, blind, suspect = _world(0.8)
    found = tipping_point(values, blind, Sides(suspect, np.arange(200)), weights=np.array([0.5, 0.5]))
    score = standardised(normal_scores(values)) @ [0.5, 0.5]

    def effect(*columns: np.ndarray) -> float:
        design = np.column_stack([np.ones(200), *columns, suspect])
        return float(np.linalg.lstsq(design, score, rcond=None)[0][-1])

    explained = [abs(effect() - effect(column)) for column in blind.T]
    assert found.strongest[0] == 0
    np.testing.assert_allclose(found.explained, np.sort(explained)[::-1], atol=1e-9)
    assert found.plain == pytest.approx(effect())
    np.testing.assert_allclose(found.multiples, found.needed / found.explained)


def test_the_needed_difference_is_the_lower_limit_of_the_adjusted_effect() -> None:
    values, blind, suspect = _world(0.8)
    found = tipping_point(values, blind, Sides(suspect, np.arange(200)), weights=np.array([1.0, 0.0]))
    # A one-sided normal limit: z of .99 times the standard error of a regression coefficient.
    score, design = standardised(normal_scores(values))[:, 0], np.column_stack([np.ones(200), blind, suspect])
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ design.T @ score
    error = np.sqrt(inverse[-1, -1] * ((score - design @ slopes) ** 2).sum() / 195)
    assert found.needed == pytest.approx(found.adjusted - 2.326 * error, abs=0.06)


def test_nothing_is_needed_where_the_effect_is_explained_already() -> None:
    values, blind, suspect = _world(0.0)
    found = tipping_point(
        values, np.column_stack([blind, np.ones(200)]), Sides(suspect, np.arange(200)), weights=np.ones(2)
    )
    assert found.needed == 0
    assert found.explained[-1] == 0  # a constant explains nothing
    assert np.isinf(found.multiples[-1])

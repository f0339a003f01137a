import numpy as np
import pytest

from earwitness.stats.comparison import RESERVE
from earwitness.stats.exact import ExactSettings
from earwitness.stats.grouping import normal_scores
from earwitness.stats.residualised import residualised_test
from earwitness.stats.shift import adjusted_p_value
from earwitness.stats.sides import Sides
from tests.stats.worlds import audit

QUICK = ExactSettings(permutations=199)


def test_the_default_is_the_residualised_test_with_a_reserve() -> None:
    one = audit(5, tracks=40, shift=0.5)
    found = adjusted_p_value(
        one.values, one.blind, Sides(one.is_suspect, one.groups), weights=np.ones(8), settings=QUICK, seed=3
    )
    test = residualised_test(
        one.values, one.blind, Sides(one.is_suspect, one.groups), settings=QUICK, seed=3, unmeasured=RESERVE
    )
    assert (found.p_value, found.method) == (test.p_value, "residualised")
    assert "balanced fully" in found.detail


def test_the_effect_ratio_is_what_a_regression_leaves() -> None:
    # One feature, one blind feature in two values: its mean difference before, and within the two values, after.
    rng = np.random.default_rng(1)
    suspect = np.arange(200) < 100
    blind = (rng.random(200) < np.where(suspect, 0.7, 0.3)).astype(float)
    values = (blind + 0.5 * suspect + 0.5 * rng.standard_normal(200))[:, None]
    found = adjusted_p_value(
        values, blind[:, None], Sides(suspect, np.arange(200)), weights=np.ones(1), settings=QUICK, unmeasured=0.0
    )
    score = normal_scores(values)[:, 0]
    design = np.column_stack([np.ones(200), blind, suspect])
    after = np.linalg.lstsq(design, score, rcond=None)[0][2]
    before = score[suspect].mean() - score[~suspect].mean()
    assert found.effect_ratio == pytest.approx(after / before)

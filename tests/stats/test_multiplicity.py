"""Holm and e-BH against worked examples and their error rates under dependence."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from earwitness.stats.multiplicity import e_bh, holm_adjusted


def test_holm_worked_example_in_any_order() -> None:
    # Sorted .005 .01 .03 .04 times 4 3 2 1, then made monotone.
    np.testing.assert_allclose(holm_adjusted([0.03, 0.005, 0.04, 0.01]), [0.06, 0.02, 0.06, 0.03])
    np.testing.assert_allclose(holm_adjusted([0.6, 0.9]), [1.0, 1.0])


def test_untested_claims_stay_missing_and_do_not_count() -> None:
    np.testing.assert_array_equal(holm_adjusted([np.nan, 0.02]), [np.nan, 0.02])
    np.testing.assert_array_equal(e_bh([np.nan, 20.0], alpha=0.05), [False, True])
    assert len(holm_adjusted([])) == 0


def test_holm_holds_the_family_error_under_dependence_and_beats_bonferroni() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(2000, 1))
    p = norm.sf(0.7 * shared + np.sqrt(1 - 0.49) * rng.normal(size=(2000, 8)))
    p[:, :3] = 1e-6
    adjusted = np.array([holm_adjusted(row) for row in p])
    any_false = int((adjusted[:, 3:] <= 0.1).any(axis=1).sum())
    assert any_false <= binom.ppf(0.999, 2000, 0.1)
    assert any_false > int((8 * p[:, 3:] <= 0.1).any(axis=1).sum())


def test_e_bh_by_hand() -> None:
    # m = 4, α = .1: needs 40, 20, 13.3, 10 at ranks 1 … 4. Rank 1 fails alone but rank 3 carries all three.
    np.testing.assert_array_equal(e_bh([14.0, 30.0, 2.0, 14.0], alpha=0.1), [True, True, False, True])
    np.testing.assert_array_equal(e_bh([12.0, 15.0, 2.0, 12.0], alpha=0.1), [False] * 4)
    np.testing.assert_array_equal(e_bh([10.0, 10.0, 10.0, 10.0], alpha=0.1), [True] * 4)


def test_alpha_must_be_a_level() -> None:
    with pytest.raises(ValueError, match=r"\(0, 1\)"):
        e_bh([1.0], alpha=1.0)

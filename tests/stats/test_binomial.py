"""Clopper–Pearson limits against their definition and printed values."""

import pytest
from scipy.stats import binom

from earwitness.stats.binomial import clopper_pearson


def test_published_value() -> None:
    # The standard worked example: 10 of 100 at 95 %.
    assert clopper_pearson(10, 100) == pytest.approx((0.0490047, 0.1762226), abs=1e-6)


@pytest.mark.parametrize(("k", "n", "confidence"), [(1, 7, 0.95), (20, 200, 0.99), (199, 200, 0.9)])
def test_each_limit_leaves_exactly_its_tail(k: int, n: int, confidence: float) -> None:
    low, high = clopper_pearson(k, n, confidence)
    tail = (1 - confidence) / 2
    assert binom.sf(k - 1, n, low) == pytest.approx(tail)
    assert binom.cdf(k, n, high) == pytest.approx(tail)


def test_ends_are_closed() -> None:
    low, high = clopper_pearson(0, 20)
    assert low == 0.0
    assert high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert clopper_pearson(20, 20) == pytest.approx((1 - high, 1.0))
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0), (1, 2, 0.0)])
def test_impossible_input_is_refused(k: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match=r"impossible|confidence"):
        clopper_pearson(k, n, confidence)

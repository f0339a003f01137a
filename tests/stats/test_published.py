"""The published tests against hand-made answers, their known slips and their null levels."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, ttest_ind

from earwitness.errors import EarwitnessError
from earwitness.stats.published import cdi_test, iar_test, llm_di_test, published_p

METHODS = ["cdi", "iar", "llm-di"]


def _sets(n: int, d: int, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    is_suspect = np.arange(2 * n) < n
    return rng.normal(size=(2 * n, d)) + shift * is_suspect[:, None], is_suspect


def test_iar_is_welch_on_the_scaled_sum() -> None:
    x, suspect = _sets(30, 3, 0.2)
    scaled = ((x - x.min(0)) / (x.max(0) - x.min(0))).sum(1)
    two_sided = ttest_ind(scaled[suspect], scaled[~suspect], equal_var=False)
    assert iar_test(x, suspect) == pytest.approx(two_sided.pvalue)
    greater = ttest_ind(scaled[suspect], scaled[~suspect], equal_var=False, alternative="greater")
    assert iar_test(x, suspect, corrected=True) == pytest.approx(greater.pvalue)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("corrected", [False, True])
def test_a_clear_effect_is_found_and_the_seed_fixes_the_answer(method: str, corrected: bool) -> None:
    x, suspect = _sets(80, 5, 0.7)
    p = published_p(x, suspect, method, corrected=corrected, seed=3)
    assert p < 1e-4
    assert p == published_p(x, suspect, method, corrected=corrected, seed=3)


@pytest.mark.parametrize("method", ["cdi", "iar"])
def test_published_forms_fire_in_the_wrong_direction_and_corrected_ones_do_not(method: str) -> None:
    x, suspect = _sets(100, 26, -0.3)
    assert published_p(x, suspect, method) < 0.01
    assert published_p(x, suspect, method, corrected=True) > 0.3


def test_cdi_needs_no_orientation() -> None:
    x, suspect = _sets(60, 4, 0.6)
    flipped = x * [1, -1, 1, -1]
    assert cdi_test(flipped, suspect) == pytest.approx(cdi_test(x, suspect), rel=0.05)


def test_llm_di_clips_each_set_by_itself() -> None:
    def with_wild_value(n: int) -> tuple[float, float]:
        x, suspect = _sets(n, 2, 0.4)
        wild = x.copy()
        wild[np.argmax(x[:n, 0]), 0] = 1e6
        return llm_di_test(wild, suspect), llm_di_test(x, suspect)

    # The largest of 120 is clipped to the third largest, so its size does not matter;
    # of 60, the tail is one value and clips to itself.
    wild, tame = with_wild_value(120)
    assert wild == pytest.approx(tame)
    wild, tame = with_wild_value(60)
    assert wild > 2 * tame


RUNS = 200


def _rejections(
    test: Callable[..., float], *, corrected: bool, d: int, tail: int | None = None, alpha: float = 0.05
) -> int:
    """Count p ≤ α in 200 nulls of 80 per side: normal features, or heavy-tailed ones."""
    count = 0
    for seed in range(RUNS):
        x, suspect = _sets(80, d, 0.0, seed)
        if tail is not None:
            x = np.random.default_rng(seed).standard_t(tail, x.shape)
        count += test(x, suspect, corrected=corrected, seed=seed) <= alpha
    return count


def test_published_cdi_rejects_too_often() -> None:
    assert binom.sf(_rejections(cdi_test, corrected=False, d=26, alpha=0.01) - 1, RUNS, 0.01) < 0.01


def test_published_llm_di_rejects_too_often_with_heavy_tails_and_corrected_does_not() -> None:
    assert binom.sf(_rejections(llm_di_test, corrected=False, d=26, tail=2) - 1, RUNS, 0.05) < 0.01
    assert _rejections(llm_di_test, corrected=True, d=26, tail=2) <= binom.ppf(0.999, RUNS, 0.05)


@pytest.mark.parametrize(("test", "corrected"), [(cdi_test, True), (iar_test, False), (iar_test, True)])
def test_the_others_keep_their_level(test: Callable[..., float], corrected: bool) -> None:
    count = _rejections(test, corrected=corrected, d=8)
    assert binom.ppf(0.001, RUNS, 0.05) <= count <= binom.ppf(0.999, RUNS, 0.05)


def test_missing_values_take_the_pooled_median_and_empty_columns_are_left_out() -> None:
    x, suspect = _sets(20, 2, 0.3)
    x[0, 0] = np.nan
    filled = x.copy()
    filled[0, 0] = np.median(x[1:, 0])
    with_empty = np.column_stack([x, np.full(40, np.nan)])
    assert iar_test(with_empty, suspect) == iar_test(filled, suspect)


def test_the_caller_keeps_his_values() -> None:
    x, suspect = _sets(50, 3, 0.0)
    before = x.copy()
    for method in METHODS:
        published_p(x, suspect, method)
    np.testing.assert_array_equal(x, before)


def test_constant_scores_are_no_evidence() -> None:
    labels = np.arange(12) < 6
    for method in METHODS:
        assert published_p(np.ones((12, 2)), labels, method) == 1.0
        assert published_p(np.ones((12, 2)), labels, method, corrected=True) == 1.0


def test_impossible_input_is_refused_in_one_line() -> None:
    x, suspect = _sets(4, 2, 0.0)
    with pytest.raises(EarwitnessError, match="needs 5 tracks"):
        cdi_test(x, suspect)
    with pytest.raises(EarwitnessError, match="no published method 'cid'"):
        published_p(x, suspect, "cid")
    with pytest.raises(EarwitnessError, match="No feature has a value"):
        iar_test(np.full((8, 2), np.nan), suspect)
    with pytest.raises(ValueError, match="one label per row"):
        iar_test(x, suspect[:5])

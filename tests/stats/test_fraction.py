"""The used fraction: coverage by simulation, hand-made values, and per-track p-values."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from earwitness.errors import EarwitnessError
from earwitness.stats.fraction import benjamini_hochberg, conformal_p_values, storey_estimate, used_fraction


def test_bound_by_hand() -> None:
    # 200 + 200 tracks, all suspects above all held-out ones; ranks 1, 2 … 64, so K = 7.
    # At rank 1 both limits are powers: P_S ≥ η^(1/200) and P_H ≤ 1 − η^(1/200).
    root = (0.05 / 28) ** (1 / 200)
    found = used_fraction(np.arange(200) + 1000.0, np.arange(200.0))
    assert found.lower == pytest.approx((2 * root - 1) / root)
    assert (found.threshold, found.estimate, found.confidence) == (199.0, 1.0, 0.95)


def test_group_limit_by_hand() -> None:
    # All shares 1 in g groups: g·ln(1/limit) = ln(1/η), so the limit is η^(1/g) here too.
    groups = np.repeat(np.arange(40), 3)
    root = (0.05 / 20) ** (1 / 40)
    found = used_fraction(np.arange(120) + 1000.0, np.arange(120.0), suspect_groups=groups, held_out_groups=groups)
    assert found.lower == pytest.approx((2 * root - 1) / root)


def test_band_by_hand() -> None:
    # Every suspect one step above its twin, tied in the middle: no tail to speak of.
    # A = {score > 1}: P_S = 1, P_H = .5, and the band is ε = √(ln(4/.05)/2n) on each side.
    epsilon = np.sqrt(np.log(80) / 2000)
    found = used_fraction([2.0] * 1000, [2.0] * 500 + [1.0] * 500)
    assert found.lower == pytest.approx((0.5 - 2 * epsilon) / (0.5 - epsilon))
    assert found.threshold == 1.0


def _above_truth(runs: int, n: int, used: float, d: float, group_size: int = 1, icc: float = 0.0) -> tuple[int, float]:
    """Return in how many runs the 80 % bound exceeds the realised fraction, and the mean bound."""
    above, bounds = 0, []
    groups = np.arange(n) // group_size
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        draw = [np.sqrt(icc) * rng.normal(size=n)[groups] + np.sqrt(1 - icc) * rng.normal(size=n) for _ in range(2)]
        is_used = rng.permutation(n) < used * n
        bound = used_fraction(
            draw[0] + d * is_used, draw[1], confidence=0.8, suspect_groups=groups, held_out_groups=groups
        ).lower
        above += bound > is_used.mean()
        bounds.append(bound)
    return above, float(np.mean(bounds))


@pytest.mark.parametrize("used", [0.0, 0.2])
def test_the_bound_is_seldom_above_the_truth(used: float) -> None:
    above, _ = _above_truth(400, 80, used, 8.0)
    assert above <= binom.ppf(0.999, 400, 0.2)


def test_the_point_estimate_gives_no_such_guarantee() -> None:
    rng = np.random.default_rng(6)
    estimates = [used_fraction(rng.normal(size=80), rng.normal(size=80)).estimate for _ in range(100)]
    assert np.mean(np.array(estimates) > 0) > 0.2


@pytest.mark.parametrize(("group_size", "icc"), [(10, 0.3), (10, 1.0)])
def test_the_bound_holds_in_albums(group_size: int, icc: float) -> None:
    above, _ = _above_truth(400, 200, 0.0, 0.0, group_size, icc)
    assert above <= binom.ppf(0.999, 400, 0.2)


def test_ignoring_albums_would_break_it() -> None:
    rng = np.random.default_rng(0)
    groups = np.arange(200) // 20
    above = 0
    for _ in range(200):
        suspect, held_out = (np.repeat(rng.normal(size=10), 20) for _ in range(2))
        above += used_fraction(suspect, held_out, confidence=0.8).lower > 0
        assert used_fraction(suspect, held_out, suspect_groups=groups, held_out_groups=groups).lower <= 1
    assert above > 100


def test_the_bound_grows_with_tracks_towards_what_the_score_can_show() -> None:
    d = np.sqrt(2) * norm.ppf(0.9)
    # With unlimited tracks the best threshold shows all of it, since members exceed any held-out score.
    small, large = (_above_truth(20, n, 0.5, d)[1] for n in (60, 2000))
    assert small < large < 0.5
    assert large > 0.3


def test_copies_add_no_confidence() -> None:
    rng = np.random.default_rng(1)
    suspect, held_out = rng.normal(1.5, 1, 60), rng.normal(size=60)
    groups = np.repeat(np.arange(60), 4)
    copied = used_fraction(np.repeat(suspect, 4), np.repeat(held_out, 4), suspect_groups=groups, held_out_groups=groups)
    assert 0 < copied.lower < used_fraction(suspect, held_out).lower
    assert copied.estimate == pytest.approx(used_fraction(suspect, held_out).estimate, abs=0.02)


def test_missing_scores_are_left_out() -> None:
    suspect, held_out = np.arange(50.0) + 30, np.arange(50.0)
    assert used_fraction([*suspect, np.nan], [np.nan, *held_out]) == used_fraction(suspect, held_out)
    np.testing.assert_array_equal(conformal_p_values([np.nan, 5.0], [np.nan, 5.0, 1.0]), [np.nan, 2 / 3])
    np.testing.assert_array_equal(benjamini_hochberg([np.nan, 0.02, 0.03]), [np.nan, 0.03, 0.03])
    assert storey_estimate([0.2, np.nan, 0.9, 0.1, 0.3]) == pytest.approx(0.5)
    assert np.isnan(storey_estimate([np.nan]))


def test_conformal_p_values_are_exact_under_the_null() -> None:
    rng = np.random.default_rng(2)
    p = np.array([conformal_p_values(rng.normal(size=1), rng.normal(size=19))[0] for _ in range(4000)])
    np.testing.assert_allclose(np.unique(p), np.arange(1, 21) / 20)
    count = int((p <= 0.05).sum())
    assert binom.ppf(0.0005, 4000, 0.05) <= count <= binom.ppf(0.9995, 4000, 0.05)


def test_benjamini_hochberg_keeps_the_false_share_down() -> None:
    rng = np.random.default_rng(3)
    false_share = []
    for _ in range(200):
        used = np.arange(100) < 40
        q = benjamini_hochberg(conformal_p_values(rng.normal(size=100) + 4 * used, rng.normal(size=400)))
        listed = q <= 0.2
        false_share.append((listed & ~used).sum() / max(1, listed.sum()))
    assert np.mean(false_share) <= 0.2 * 0.6 + 0.03
    assert np.mean(false_share) > 0.05


def test_storey_is_near_the_truth_for_a_clear_score() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=4000) + 5 * (np.arange(4000) < 1200)
    assert storey_estimate(conformal_p_values(scores, rng.normal(size=4000))) == pytest.approx(0.3, abs=0.05)


def test_impossible_input_is_refused() -> None:
    with pytest.raises(EarwitnessError, match="No suspect track has a score"):
        used_fraction([np.nan], [1.0])
    with pytest.raises(EarwitnessError, match="confidence is 1"):
        used_fraction([1.0], [1.0], confidence=1.0)
    with pytest.raises(ValueError, match="both sides"):
        used_fraction([1.0], [1.0], suspect_groups=["a"])

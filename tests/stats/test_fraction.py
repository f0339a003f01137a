"""The used fraction: coverage by simulation, hand-made values, and per-track p-values."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, binom, norm

from earwitness.errors import EarwitnessError
from earwitness.stats.fraction import benjamini_hochberg, conformal_p_values, storey_estimate, used_fraction


def test_bound_by_hand() -> None:
    # All 30 suspects above all 40 held-out scores; ranks 1, 5, 10, 20, 30, so K = 5 and the error is .01 each.
    # At rank 1 the share above, q, has density 40 (1 − q)^39, and 30 of 30 have the chance (π + (1 − π) q)^30.
    found = used_fraction(np.arange(30) + 1000.0, np.arange(40.0))
    assert found.threshold is not None
    rank = 40 - int(found.threshold)
    chance, _ = quad(
        lambda q: beta.pdf(q, rank, 41 - rank) * (found.lower + (1 - found.lower) * q) ** 30, 0, 1, epsabs=1e-12
    )
    assert chance == pytest.approx(0.01, abs=1e-5)
    assert (found.estimate, found.confidence) == (1.0, 0.95)


def test_bound_of_whole_groups_by_hand() -> None:
    # All shares are 1 in g groups, and g·KL(1 ‖ p) = −g ln p: the chance is p^g, as for single tracks.
    groups = np.repeat(np.arange(40), 3)
    grouped = used_fraction(np.arange(120) + 1000.0, np.arange(120.0), suspect_groups=groups, held_out_groups=groups)
    single = used_fraction(np.arange(40) + 1000.0, np.arange(40.0))
    assert grouped.lower == pytest.approx(single.lower, abs=1e-9)


def test_the_bound_is_in_tracks_and_not_in_groups() -> None:
    # Forty singles that were used, and one album of 200 tracks that was not: 17 % of the tracks, 98 % of the groups.
    suspect = np.concatenate([np.full(40, 50.0), np.random.default_rng(0).normal(size=200)])
    groups = np.concatenate([np.arange(40), np.full(200, 40)])
    held_out = np.random.default_rng(1).normal(size=120)
    found = used_fraction(suspect, held_out, suspect_groups=groups, held_out_groups=np.arange(120) + 100)
    assert 0.08 < found.lower <= 40 / 240


def test_one_large_album_does_not_carry_the_bound() -> None:
    # The album alone lies high, and it is one draw: what it shows is at most one group's worth.
    rng = np.random.default_rng(2)
    suspect = np.concatenate([rng.normal(size=20), np.full(200, 3.0)])
    groups = np.concatenate([np.arange(20), np.full(200, 20)])
    found = used_fraction(suspect, rng.normal(size=60), suspect_groups=groups, held_out_groups=np.arange(60) + 100)
    assert found.lower == 0
    assert found.threshold is None


def test_a_clear_difference_of_few_tracks_has_a_bound_that_is_not_zero() -> None:
    # 30 tracks per side at AUC .82: what earlier bounds called "at least 0 %".
    d = np.sqrt(2) * norm.ppf(0.82)
    rng = np.random.default_rng(3)
    bounds = [used_fraction(rng.normal(size=30) + d, rng.normal(size=30)).lower for _ in range(100)]
    assert np.mean(np.array(bounds) > 0) > 0.85


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
    assert np.mean(np.array(estimates, dtype=float) > 0) > 0.2


@pytest.mark.parametrize(("group_size", "icc"), [(10, 0.3), (10, 1.0)])
def test_the_bound_holds_in_albums(group_size: int, icc: float) -> None:
    above, _ = _above_truth(400, 200, 0.0, 0.0, group_size, icc)
    assert above <= binom.ppf(0.999, 400, 0.2)


@pytest.mark.parametrize("album_used", [False, True])
def test_the_bound_holds_with_albums_on_one_side_and_singles_on_the_other(album_used: bool) -> None:
    groups = np.concatenate([np.repeat(np.arange(3), 20), np.arange(3, 23)])
    above = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        is_used = groups < 1 if album_used else (groups >= 3) & (groups < 13)
        scores = np.sqrt(0.5) * (rng.normal(size=23)[groups] + rng.normal(size=80)) + 6 * is_used
        found = used_fraction(
            scores, rng.normal(size=50), confidence=0.8, suspect_groups=groups, held_out_groups=np.arange(50)
        )
        above += found.lower > is_used.mean()
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

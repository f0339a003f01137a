"""AUC and its intervals against pair counting, the sample covariance form and coverage."""

import numpy as np
import pytest

from earwitness.stats.roc import auc_delong, placements


def _pairs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])


@pytest.fixture
def tied_scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.integers(0, 9, 41).astype(float) + 1, rng.integers(0, 9, 29).astype(float)


def test_placements_count_pairs_with_ties_as_half(tied_scores: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = tied_scores
    above, below = placements(x, y)
    np.testing.assert_allclose(above, _pairs(x, y).mean(axis=1))
    np.testing.assert_allclose(below, _pairs(x, y).mean(axis=0))


def test_estimate_and_variance_are_delongs(tied_scores: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = tied_scores
    pairs = _pairs(x, y)
    auc = auc_delong(x, y)
    assert auc.estimate == pytest.approx(pairs.mean())
    expected = pairs.mean(axis=1).var(ddof=1) / len(x) + pairs.mean(axis=0).var(ddof=1) / len(y)
    assert auc.variance == pytest.approx(expected)
    assert 0 < auc.low < auc.estimate < auc.high < 1


def test_swapping_sides_mirrors_everything(tied_scores: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = tied_scores
    one, other = auc_delong(x, y), auc_delong(y, x)
    assert (one.estimate, one.low, one.high) == pytest.approx((1 - other.estimate, 1 - other.high, 1 - other.low))
    assert one.variance == pytest.approx(other.variance)


def test_copies_of_a_track_add_no_information_when_grouped(tied_scores: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = tied_scores
    single = auc_delong(x, y)
    repeated = auc_delong(
        np.repeat(x, 5),
        np.repeat(y, 5),
        positive_groups=np.repeat([f"s{i}" for i in range(len(x))], 5),
        negative_groups=np.repeat([f"h{i}" for i in range(len(y))], 5),
    )
    assert repeated.estimate == pytest.approx(single.estimate)
    assert repeated.variance == pytest.approx(single.variance)
    assert auc_delong(np.repeat(x, 5), np.repeat(y, 5)).variance < single.variance / 4


def test_group_on_both_sides_keeps_its_covariance(tied_scores: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = tied_scores[0][:20], tied_scores[1][:20]
    pairs = _pairs(x, y)
    above, below = pairs.mean(axis=1), pairs.mean(axis=0)
    shared = auc_delong(x, y, positive_groups=range(20), negative_groups=range(20))
    apart = auc_delong(x, y)
    cross = 2 * ((above - pairs.mean()) * (below - pairs.mean())).sum() / 400
    assert shared.variance == pytest.approx(apart.variance + cross)


def test_missing_scores_are_left_out(tied_scores: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = tied_scores
    with_gap = auc_delong(np.append(x, np.nan), np.insert(y, 0, np.nan))
    assert with_gap == auc_delong(x, y)


def test_undefined_is_nan() -> None:
    assert np.isnan(auc_delong([], [1.0, 2.0]).estimate)
    one_group = auc_delong([1.0, 2.0], [0.0, 3.0], positive_groups=["a", "a"], negative_groups=["b", "c"])
    assert one_group.estimate == 0.5
    assert np.isnan([one_group.low, one_group.high, one_group.variance]).all()


def test_no_overlap_gives_an_exact_far_limit() -> None:
    auc = auc_delong(np.arange(10) + 100.0, np.arange(20.0))
    assert (auc.estimate, auc.high) == (1.0, 1.0)
    assert auc.low == pytest.approx(0.025 ** (1 / 10))
    mirrored = auc_delong(np.arange(20.0), np.arange(10) + 100.0)
    assert (mirrored.estimate, mirrored.low) == (0.0, 0.0)
    assert mirrored.high == pytest.approx(1 - auc.low)


@pytest.mark.parametrize("grouped", [False, True])
def test_interval_covers_the_true_auc(grouped: bool) -> None:
    rng = np.random.default_rng(3)
    runs, groups, size, truth = 400, 30, 5, 0.7601  # Φ(1/√2) = .7602 for a shift of one sd
    labels = np.repeat(np.arange(groups), size)
    covered = 0
    for _ in range(runs):
        effect = rng.standard_normal((2, groups, 1)) * np.sqrt(0.5)
        scores = effect + rng.standard_normal((2, groups, size)) * np.sqrt(0.5)
        if not grouped:
            scores = rng.standard_normal((2, groups, size))
        x, y = scores[0].ravel() + 1, scores[1].ravel()
        kwargs = {"positive_groups": labels, "negative_groups": labels + groups} if grouped else {}
        auc = auc_delong(x, y, **kwargs)
        covered += auc.low <= truth <= auc.high
    # 400 runs: .95 ± 4 standard errors, with a little room for few groups.
    assert 0.90 <= covered / runs <= 0.99


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="both sides"):
        auc_delong([1.0], [2.0], positive_groups=["a"])
    with pytest.raises(ValueError, match="one group label"):
        auc_delong([1.0], [2.0], positive_groups=["a", "b"], negative_groups=["c"])
    with pytest.raises(ValueError, match="confidence"):
        auc_delong([1.0], [2.0], confidence=1.0)

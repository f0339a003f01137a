"""The curve against the oracle relation, and measured levels against what must hold."""

import numpy as np
import pytest
from scipy.stats import norm

from earwitness.errors import EarwitnessError
from earwitness.stats.curve import CurvePoint, measured_level, minimum_samples, p_against_samples


@pytest.mark.parametrize(("auc", "samples"), [(0.668, 70), (0.602, 200), (0.565, 500)])
def test_mean_p_of_an_oracle_score_reaches_one_percent_at_26_over_d_squared(auc: float, samples: int) -> None:
    d = np.sqrt(2) * norm.ppf(auc)
    assert 26.5 / d**2 == pytest.approx(samples, rel=0.03)
    n = round(26.5 / d**2)

    def oracle(values: np.ndarray, is_suspect: np.ndarray) -> float:
        z = (values[is_suspect].mean() - values[~is_suspect].mean()) / np.sqrt(2 / is_suspect.sum())
        return float(2 * norm.sf(abs(z)))

    # A population so large that draws are all but independent.
    is_suspect = np.arange(200_000) < 100_000
    values = np.random.default_rng(0).normal(size=(200_000, 1)) + d * is_suspect[:, None]
    values -= values[~is_suspect].mean()
    values[is_suspect] += d - values[is_suspect].mean()
    (point,) = p_against_samples(values, is_suspect, "iar", [n], draws=600, test=oracle)
    assert point.mean_p == pytest.approx(0.01, rel=0.5)
    half, double = p_against_samples(values, is_suspect, "iar", [n // 2, 2 * n], draws=200, test=oracle)
    assert half.mean_p > 0.03
    assert double.mean_p < 0.002


def test_a_point_describes_its_draws() -> None:
    p = iter(np.arange(1, 101) / 100)
    labels = np.arange(20) < 10
    (point,) = p_against_samples(
        np.zeros((20, 1)), labels, "iar", [4], draws=100, alpha=0.1, test=lambda values, is_suspect: float(next(p))
    )
    assert (point.n, point.mean_p, point.share_rejected) == (4, pytest.approx(0.505), pytest.approx(0.1))
    assert (point.low, point.high) == (pytest.approx(0.0595), pytest.approx(0.9505))


def test_draws_take_n_of_each_side_and_do_not_depend_on_other_sizes() -> None:
    rng = np.random.default_rng(2)
    values, labels = rng.normal(size=(60, 3)), np.arange(60) < 25
    sizes = []

    def record(x: np.ndarray, is_suspect: np.ndarray) -> float:
        assert len(np.unique(x[:, 0])) == len(x)
        sizes.append((int(is_suspect.sum()), int((~is_suspect).sum())))
        return 0.5

    p_against_samples(values, labels, "iar", [5, 25], draws=2, test=record)
    assert sizes == [(5, 5), (5, 5), (25, 25), (25, 25)]
    alone = p_against_samples(values, labels, "iar", [20], draws=20)
    assert p_against_samples(values, labels, "iar", [10, 20], draws=20)[1:] == alone


def test_published_methods_find_a_strong_effect_sooner_than_a_weak_one() -> None:
    rng = np.random.default_rng(3)
    labels = np.arange(800) < 400

    def smallest(shift: float) -> int | None:
        values = rng.normal(size=(800, 4)) + shift * labels[:, None]
        return minimum_samples(p_against_samples(values, labels, "iar", [10, 40, 160], draws=60))

    assert (smallest(1.0), smallest(0.5), smallest(0.0)) == (10, 40, None)


def test_minimum_samples_is_the_smallest_size_whatever_the_order() -> None:
    points = [CurvePoint(n=n, mean_p=p, low=0, high=1, share_rejected=0) for n, p in ((300, 0.001), (30, 0.009))]
    assert minimum_samples(points) == 30


@pytest.mark.slow
def test_iar_keeps_its_level_with_independent_tracks_and_loses_it_with_albums() -> None:
    shape = {"n_suspect": 60, "n_held_out": 40, "features": 5, "runs": 400, "alpha": 0.05}
    _, low, high = measured_level("iar", **shape)
    assert low <= 0.05 <= high
    rate, low, _ = measured_level("iar", **shape, group_size=10, icc=0.3)
    assert low > 0.2
    assert rate == measured_level("iar", **shape, group_size=10, icc=0.3)[0]


@pytest.mark.slow
def test_design_has_the_stated_correlations() -> None:
    # icc 1: all tracks of a group are copies; with two groups per side the test sees 2 + 2 values.
    rate, *_ = measured_level(
        "iar", n_suspect=40, n_held_out=40, features=1, group_size=20, icc=1.0, runs=200, alpha=0.01
    )
    assert rate > 0.5
    # Correlated features or heavy tails alone do not break a test of independent tracks.
    for extra in ({"correlation": 0.8}, {"heavy_tails": True}):
        _, low, high = measured_level("iar", n_suspect=50, n_held_out=50, features=6, runs=400, alpha=0.05, **extra)
        assert low <= 0.05 <= high


def test_a_shift_away_from_membership_fires_the_published_form_only() -> None:
    shape = {"n_suspect": 60, "n_held_out": 60, "features": 10, "runs": 100, "alpha": 0.05, "shift": -0.3}
    assert measured_level("iar", **shape)[0] > 0.8
    assert measured_level("iar", **shape, corrected=True)[0] == 0


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(EarwitnessError, match="11 tracks per side cannot be drawn from 10 suspect"):
        p_against_samples(np.zeros((30, 1)), np.arange(30) < 10, "iar", [11], draws=1)
    with pytest.raises(EarwitnessError, match="must both lie"):
        measured_level("iar", n_suspect=5, n_held_out=5, features=1, icc=2.0, runs=1, alpha=0.05)
    with pytest.raises(EarwitnessError, match="at least 1"):
        measured_level("iar", n_suspect=5, n_held_out=5, features=0, runs=1, alpha=0.05)

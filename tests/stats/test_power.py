"""Power figures against the printed values, their own inverses and simulation."""

import numpy as np
import pytest
from scipy.stats import norm, ttest_ind

from earwitness.errors import EarwitnessError
from earwitness.stats.power import (
    auc_with_windows,
    groups_needed_for_floor,
    minimum_detectable_auc,
    power_at,
    simulate_power,
    tracks_needed,
)


@pytest.mark.parametrize(("auc", "tracks"), [(0.55, 636), (0.60, 157), (0.707, 34)])
def test_known_answers(auc: float, tracks: int) -> None:
    assert tracks_needed(auc) == tracks


def test_half_used_costs_four_times_and_albums_their_design_effect() -> None:
    whole = tracks_needed(0.51)
    assert tracks_needed(0.51, fraction=0.5) / whole == pytest.approx(4, rel=1e-4)
    assert tracks_needed(0.51, group_size=10, icc=0.3) / whole == pytest.approx(1 + 9 * 0.3, rel=1e-4)


def test_a_perfect_score_still_needs_enough_groups_to_permute() -> None:
    assert tracks_needed(1.0) == 5
    assert tracks_needed(1.0, group_size=10) == 50


def test_power_and_smallest_auc_invert_each_other() -> None:
    design = {"alpha": 0.05, "fraction": 0.7, "group_size": 5, "icc": 0.2}
    auc = minimum_detectable_auc(200, 50, power=0.9, **design)
    assert power_at(auc, 200, 50, **design) == pytest.approx(0.9)
    assert power_at(0.5, 200, 50, alpha=0.05) == pytest.approx(0.05)
    assert power_at(0.55, tracks_needed(0.55), tracks_needed(0.55)) == pytest.approx(0.8, abs=1e-3)


def test_floor_is_the_first_group_number_that_reaches_alpha() -> None:
    # C(8,4) = 70, C(10,5) = 252; C(4,2) = 6, C(6,3) = 20 (exactly 1/20).
    assert groups_needed_for_floor(0.01) == 5
    assert groups_needed_for_floor(1 / 70) == 4
    assert groups_needed_for_floor(0.05) == 3


def _t_test(values: np.ndarray, is_suspect: np.ndarray, groups: np.ndarray) -> float:
    del groups
    return float(ttest_ind(values[is_suspect, 0], values[~is_suspect, 0], alternative="greater").pvalue)


@pytest.mark.parametrize(("auc", "expected"), [(0.5, 0.05), (0.6, None)])
def test_simulation_agrees_with_the_formula(auc: float, expected: float | None) -> None:
    rng = np.random.default_rng(0)
    values, groups = rng.normal(size=(1200, 1)), np.arange(1200)
    found = simulate_power(values, groups, shift_auc=auc, n_groups=60, alpha=0.05, runs=1500, test=_t_test)
    expected = expected or power_at(auc, 60, 60, alpha=0.05)
    assert found.low <= expected <= found.high
    assert found.high - found.low < 0.06


def test_planted_share_lowers_power_as_the_formula_says() -> None:
    values = np.random.default_rng(1).normal(size=(1200, 1))
    found = simulate_power(
        values, np.arange(1200), shift_auc=0.62, n_groups=100, alpha=0.05, runs=1500, test=_t_test, fraction=0.5
    )
    assert found.rate == pytest.approx(power_at(0.62, 100, 100, alpha=0.05, fraction=0.5), abs=0.05)


def test_simulation_draws_whole_groups() -> None:
    groups = np.repeat(np.arange(30), 4)
    seen = []

    def record(values: np.ndarray, is_suspect: np.ndarray, codes: np.ndarray) -> float:
        assert set(codes[is_suspect]).isdisjoint(codes[~is_suspect])
        seen.append((is_suspect.sum(), (~is_suspect).sum(), len(values)))
        return 1.0

    simulate_power(np.zeros((120, 2)), groups, shift_auc=0.6, n_groups=7, alpha=0.1, runs=5, test=record)
    assert seen == [(28, 28, 56)] * 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"auc": 0.5}, "above 0.5"),
        ({"auc": 0.6, "alpha": 0.0}, "alpha is 0"),
        ({"auc": 0.6, "power": 1.0}, "power is 1"),
        ({"auc": 0.6, "fraction": 0.0}, "fraction is 0"),
        ({"auc": 0.6, "group_size": 0.5}, "at least one track"),
        ({"auc": 0.6, "icc": 1.5}, "intraclass"),
    ],
)
def test_impossible_plans_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(EarwitnessError, match=message):
        tracks_needed(**settings)


def test_too_few_groups_to_simulate_are_refused() -> None:
    with pytest.raises(EarwitnessError, match="10 groups; 6 per side need 12"):
        simulate_power(np.zeros((10, 1)), np.arange(10), shift_auc=0.6, n_groups=6, alpha=0.1, runs=1, test=_t_test)


def test_more_windows_help_until_what_they_share_is_all_that_is_left() -> None:
    """A simulation of the model that the formula states: a shared and a separate part of the noise."""
    rng = np.random.default_rng(0)
    shared, n = 0.3, 40_000
    for windows in (1, 12):
        noise = np.sqrt(shared) * rng.normal(size=(2, n)) + np.sqrt((1 - shared) / windows) * rng.normal(size=(2, n))
        shift = 0.5  # of one window's standard deviation
        auc = norm.cdf((noise[0].mean() - noise[1].mean() + shift) / np.sqrt(noise.var(axis=1).sum()))
        at_three = norm.cdf(shift / np.sqrt(2 * (shared + (1 - shared) / 3)))
        assert auc_with_windows(at_three, windows, measured_with=3, correlation=shared) == pytest.approx(auc, abs=0.01)
    assert auc_with_windows(0.6, 1e9, correlation=1.0) == pytest.approx(0.6)
    assert auc_with_windows(0.6, 12, measured_with=3, correlation=0.0) == pytest.approx(
        norm.cdf(2 * norm.ppf(0.6)), abs=1e-12
    )
    with pytest.raises(EarwitnessError, match="0 windows"):
        auc_with_windows(0.6, 0)

"""Planted effects: the formula where it holds, each side's own groups where it does not."""

import numpy as np
import pytest
from scipy.stats import norm

from earwitness.stats.planting import Repetition, found_share, smallest_effect
from earwitness.stats.power import minimum_detectable_auc, power_at
from earwitness.types import Bools, Ints


def _z_test(is_suspect: Bools, groups: Ints, alpha: float = 0.05):  # type: ignore[no-untyped-def]
    """A one-sided z-test of group means: what the formula in `earwitness.stats.power` describes."""

    def found(repetition: Repetition, _: int) -> bool:
        codes = repetition.labels(groups)
        sizes = np.bincount(codes)
        means = np.bincount(codes, repetition.values.mean(axis=1)) / sizes
        side = np.bincount(codes, is_suspect[repetition.rows]) / sizes > 0.5
        a, b = means[side], means[~side]
        spread = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        return bool((a.mean() - b.mean()) / spread >= norm.isf(alpha))

    return found


def test_the_formula_is_met_where_it_holds() -> None:
    rng = np.random.default_rng(0)
    values, suspect, groups = rng.normal(size=(200, 1)), np.arange(200) < 100, np.arange(200)
    found = smallest_effect(values, suspect, groups, found=_z_test(suspect, groups), draws=60)
    assert found == pytest.approx(minimum_detectable_auc(100, 100, alpha=0.05), abs=0.025)
    count = found_share(values, suspect, groups, auc=0.6, found=_z_test(suspect, groups), draws=200)
    assert count / 200 == pytest.approx(power_at(0.6, 100, 100, alpha=0.05), abs=0.1)


def test_a_difference_that_is_there_already_does_not_count() -> None:
    rng = np.random.default_rng(1)
    suspect, groups = np.arange(120) < 60, np.arange(120)
    values = rng.normal(size=(120, 2)) + 3 * suspect[:, None]
    count = found_share(values, suspect, groups, auc=0.5, found=_z_test(suspect, groups), draws=300)
    assert count <= 0.09 * 300


def test_albums_on_one_side_cost_what_they_cost() -> None:
    # Ten suspect albums of ten against a hundred singles: ten independent suspects, not a hundred.
    rng = np.random.default_rng(2)
    groups = np.concatenate([np.repeat(np.arange(10), 10), np.arange(10, 110)])
    suspect = np.arange(200) < 100
    values = np.sqrt(0.8) * rng.normal(size=(110, 1))[groups] + np.sqrt(0.2) * rng.normal(size=(200, 1))
    albums = smallest_effect(values, suspect, groups, found=_z_test(suspect, groups), draws=40)
    singles = smallest_effect(values, suspect, np.arange(200), found=_z_test(suspect, np.arange(200)), draws=40)
    assert albums is not None
    assert singles is not None
    assert albums > singles + 0.05


def test_what_can_never_be_found_is_said_to_be_so() -> None:
    suspect = np.arange(20) < 10
    values = np.random.default_rng(3).normal(size=(20, 2))
    assert smallest_effect(values, suspect, np.arange(20), found=lambda _, __: False, draws=5) is None


def test_half_used_needs_twice_the_effect() -> None:
    rng = np.random.default_rng(4)
    values, suspect, groups = rng.normal(size=(300, 1)), np.arange(300) < 150, np.arange(300)
    settings = {"found": _z_test(suspect, groups), "draws": 40}
    whole = smallest_effect(values, suspect, groups, **settings)
    half = smallest_effect(values, suspect, groups, fraction=0.5, **settings)
    assert norm.ppf(half) / norm.ppf(whole) == pytest.approx(2, rel=0.3)


def test_drawn_pairs_stay_whole() -> None:
    pairs = np.repeat(np.arange(8), 2)
    suspect = np.arange(16) % 2 == 0
    seen = []

    def found(repetition: Repetition, _: int) -> bool:
        seen.append((np.bincount(repetition.labels(pairs)), suspect[repetition.rows].mean()))
        return True

    smallest_effect(np.random.default_rng(5).normal(size=(16, 2)), suspect, pairs, found=found, paired=True, draws=2)
    for sizes, share in seen:
        assert sizes.tolist() == [2] * 8
        assert share == 0.5

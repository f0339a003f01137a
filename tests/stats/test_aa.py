"""The A/A control: whole groups, exact limits, and the power to expose a broken test."""

import numpy as np
import pytest
from scipy.stats import binom, ttest_ind

from earwitness.stats.aa import aa_control, pair_control, pseudo_suspect_groups, rejection_rate
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.sides import Sides


@pytest.mark.slow
def test_exact_test_holds_its_level_on_albums() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 5)
    values = rng.standard_normal((20, 4))[groups] + rng.standard_normal((100, 4))
    outcome = aa_control(values, groups, suspect_groups=8, alpha=0.1, runs=150, seed=1, p_value=_exact)
    rejections = sum(p <= 0.1 for p in outcome.p_values)
    assert outcome.runs == len(outcome.p_values) == 150
    assert outcome.rejection_rate == rejections / 150
    assert (outcome.low, outcome.high) == clopper_pearson(rejections, 150)
    assert binom.ppf(0.0005, 150, 0.1) <= rejections <= binom.ppf(0.9995, 150, 0.1)


def _exact(values: np.ndarray, sides: Sides, seed: int) -> float:
    return exact_test(values, sides, settings=ExactSettings(permutations=99), seed=seed).p_value


def test_splits_are_whole_groups_of_the_asked_number_and_seeded() -> None:
    groups = np.repeat(list("abcdefg"), 3)
    seen: list[tuple[bool, ...]] = []

    def note(values: np.ndarray, sides: Sides, seed: int) -> float:
        per_group = sides.is_suspect.reshape(7, 3)
        assert (per_group == per_group[:, :1]).all()
        assert per_group[:, 0].sum() == 3
        seen.append(tuple(sides.is_suspect))
        return 1.0

    outcome = aa_control(np.zeros((21, 1)), groups, suspect_groups=3, alpha=0.05, runs=40, seed=2, p_value=note)
    assert outcome.rejection_rate == 0.0
    assert len(set(seen)) > 15
    first = list(seen)
    seen.clear()
    aa_control(np.zeros((21, 1)), groups, suspect_groups=3, alpha=0.05, runs=40, seed=2, p_value=note)
    assert seen == first


def test_a_test_that_ignores_albums_is_exposed() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(16), 10)
    values = rng.standard_normal((16, 1))[groups] + 0.5 * rng.standard_normal((160, 1))

    def per_track(values: np.ndarray, sides: Sides, seed: int) -> float:
        suspect, held_out = values[sides.is_suspect, 0], values[~sides.is_suspect, 0]
        return float(ttest_ind(suspect, held_out, alternative="greater").pvalue)

    outcome = aa_control(values, groups, suspect_groups=8, alpha=0.05, runs=100, p_value=per_track)
    assert outcome.low > 0.05


@pytest.mark.parametrize(
    ("suspect", "held_out", "expected"), [(10, 10, 5), (50, 200, 40), (200, 50, 40), (1, 40, 2), (99, 6, 4)]
)
def test_pseudo_suspects_keep_the_ratio(suspect: int, held_out: int, expected: int) -> None:
    assert pseudo_suspect_groups(suspect, held_out) == expected


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(ValueError, match="impossible"):
        aa_control(np.zeros((3, 1)), [1, 2, 3], suspect_groups=3, alpha=0.05, p_value=_exact)
    with pytest.raises(ValueError, match="impossible"):
        aa_control(np.zeros((3, 1)), [1, 2, 3], suspect_groups=1, alpha=0.05, runs=0, p_value=_exact)


def test_a_count_that_no_honest_test_gives_is_called_impossible() -> None:
    # P(Bin(200, .01) ≥ 7) = .0043, and ≥ 12 has a chance below one in a million.
    by_chance, never = (rejection_rate([0.001] * k + [0.5] * (200 - k), 0.01) for k in (7, 12))
    assert by_chance.chance == pytest.approx(binom.sf(6, 200, 0.01))
    assert (by_chance.rejections, by_chance.impossible, never.impossible) == (7, False, True)
    assert by_chance.low > 0.01


@pytest.mark.parametrize(("runs", "alpha"), [(200, 0.01), (200, 0.05), (1000, 0.01)])
def test_the_fewest_impossible_rejections_have_a_chance_below_one_in_ten_thousand(runs: int, alpha: float) -> None:
    fewest = next(k for k in range(runs) if rejection_rate([0.0] * k + [1.0] * (runs - k), alpha).impossible)
    assert binom.sf(fewest - 1, runs, alpha) < 1e-4 <= binom.sf(fewest - 2, runs, alpha)


def test_pairs_are_exchanged_whole_and_their_test_holds_its_level() -> None:
    rng = np.random.default_rng(5)
    pairs, suspect = np.tile(np.arange(12), 2), np.arange(24) < 12
    albums = pairs // 2 + 100 * suspect
    values = rng.standard_normal((24, 3)) + 2.0 * suspect[:, None]  # an effect that must not count
    settings = ExactSettings(permutations=99)

    def paired(values: np.ndarray, sides: Sides, seed: int) -> float:
        # Both halves of a pair change sides together, and with them the album's other pair.
        turned = (sides.is_suspect != suspect).reshape(2, 6, 2)
        assert (turned == turned[:1, :, :1]).all()
        return exact_test(values, sides, settings=settings, seed=seed).p_value

    control = pair_control(values, Sides(suspect, albums, pairs=pairs), alpha=0.1, p_value=paired, runs=80)
    rejections = sum(p <= 0.1 for p in control.p_values)
    assert binom.ppf(0.0005, 80, 0.1) <= rejections <= binom.ppf(0.9995, 80, 0.1)

"""The e-process: Ville's bound, power, oddness of the bet, and a past that never changes."""

import numpy as np
import pytest
from scipy.stats import binom

from earwitness.errors import EarwitnessError
from earwitness.stats.eprocess import STAKES, EProcess, _Middle, e_process


def _sets(pairs: int, shift: float, seed: int, d: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=(2 * pairs, d))
    is_suspect = np.arange(2 * pairs) % 2 == 0
    return values + shift * is_suspect[:, None], np.array([f"g{i}" for i in range(2 * pairs)]), is_suspect


def test_wealth_by_hand() -> None:
    # Differences 2 and −1: bets +1 and −(rank 1 of 2) = −1/2.
    process = e_process([2.0, 0.0], ["a", "b"], [True, False]).continue_with([0.0, 1.0], ["c", "d"], [True, False])
    assert [pair.bet for pair in process.pairs] == [1.0, -0.5]
    assert process.wealth == pytest.approx(((1 + STAKES).mean(), ((1 + STAKES) * (1 - STAKES / 2)).mean()))
    assert process.e_value == process.wealth[1]
    assert process.p_any == pytest.approx(1 / process.wealth[0])


@pytest.mark.parametrize("d", [1, 4])
def test_swapping_a_pair_flips_its_bet_and_no_earlier_one(d: int) -> None:
    values, names, is_suspect = _sets(12, 0.3, 1, d)
    process = e_process(values, names, is_suspect)
    last = process.pairs[-1]
    swapped = is_suspect ^ np.isin(names, [last.suspect, last.held_out])
    # Betting in the same order with the last pair's sides exchanged.
    other = EProcess()
    for pair in process.pairs:
        rows = np.isin(names, [pair.suspect, pair.held_out])
        other = other.continue_with(values[rows], names[rows], swapped[rows])
    assert [p.bet for p in other.pairs[:-1]] == [p.bet for p in process.pairs[:-1]]
    assert other.pairs[-1].bet == -last.bet != 0


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 5])
def test_ville_bound_under_the_null(d: int) -> None:
    runs, alpha = 200, 0.1
    count = sum(e_process(*_sets(40, 0.0, seed, d)).rejects(alpha) for seed in range(runs))
    assert count <= binom.ppf(0.999, runs, alpha)
    # The bound is not met by never betting: some paths do get there.
    assert count > 0


def test_wealth_has_mean_one_under_the_null() -> None:
    wealth = np.array([e_process(*_sets(8, 0.0, seed)).e_value for seed in range(600)])
    assert wealth.mean() == pytest.approx(1, abs=4 * wealth.std() / np.sqrt(len(wealth)))


def test_power_in_the_member_direction_only() -> None:
    found = sum(e_process(*_sets(60, 0.9, seed)).rejects(0.01) for seed in range(100))
    assert found >= 85
    assert not any(e_process(*_sets(60, -0.9, seed)).rejects(0.05) for seed in range(50))


def test_several_weak_features_add_up() -> None:
    one = sum(e_process(*_sets(60, 0.35, seed, 1)).rejects(0.01) for seed in range(60))
    many = sum(e_process(*_sets(60, 0.35, seed, 8)).rejects(0.01) for seed in range(60))
    assert many > one + 25


def test_adding_groups_never_changes_the_past() -> None:
    values, names, is_suspect = _sets(30, 0.4, 3, 2)
    first = e_process(values[:33], names[:33], is_suspect[:33], seed=5)
    assert (len(first.pairs), len(first.waiting_suspect), len(first.waiting_held_out)) == (16, 1, 0)
    more = first.continue_with(values[33:], names[33:], is_suspect[33:])
    assert more.pairs[:16] == first.pairs
    assert more.wealth[:16] == first.wealth
    assert len(more.pairs) == 30
    # The group that had been waiting is the first to be paired.
    assert more.pairs[16].suspect == first.waiting_suspect[0][0]


def _skewed(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forty suspect albums of ten tracks against forty held-out singles; skewed scores of one distribution."""
    values = -np.random.default_rng(seed).exponential(size=(440, 3))
    groups = np.concatenate([np.arange(400) // 10, np.arange(40, 80)])
    return values, groups, np.arange(440) < 400


def test_ville_bound_with_albums_on_one_side_and_singles_on_the_other() -> None:
    runs, alpha = 100, 0.05
    count = sum(e_process(*_skewed(seed)).rejects(alpha) for seed in range(runs))
    assert count <= binom.ppf(0.999, runs, alpha)
    # The other way round skewness pulls to the other side.
    turned = sum(e_process(v, g, ~s).rejects(alpha) for v, g, s in map(_skewed, range(runs)))
    assert turned <= binom.ppf(0.999, runs, alpha)


def test_both_sides_of_a_pair_are_means_of_equally_many_tracks() -> None:
    values, names = [4.0, 8.0, 12.0, 1.0, 3.0], ["album"] * 3 + ["two"] * 2
    (pair,) = e_process(values, names, [True] * 3 + [False] * 2, ["a", "b", "c", "d", "e"]).pairs
    assert pair.differences[0] + 2 in {6.0, 8.0, 10.0}


def test_large_groups_meet_large_groups() -> None:
    names = np.array(["S1", *["S2"] * 3, *["H1"] * 3, "H2"])
    process = e_process(np.arange(8.0), names, np.array([True] * 4 + [False] * 4))
    assert {(pair.suspect, pair.held_out) for pair in process.pairs} == {("S2", "H1"), ("S1", "H2")}


def test_order_follows_names_and_seed_and_not_the_rows() -> None:
    values, names, is_suspect = _sets(10, 0.0, 4)
    turned = np.random.default_rng(0).permutation(20)
    process = e_process(values, names, is_suspect, seed=1)
    assert e_process(values[turned], names[turned], is_suspect[turned], seed=1) == process
    assert e_process(values, names, is_suspect, seed=2).pairs != process.pairs


def test_an_increasing_rescaling_by_a_constant_changes_nothing() -> None:
    values, names, is_suspect = _sets(20, 0.2, 5, 3)
    scaled = values * [1.0, 1000.0, 0.001] + 7
    assert e_process(scaled, names, is_suspect).wealth == pytest.approx(e_process(values, names, is_suspect).wealth)


def test_tracks_of_a_group_are_averaged_and_missing_stays_missing() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [0.5, 2.0], [np.nan, np.nan]])
    process = e_process([*values, [0.5, 2.0]], ["a", "a", "b", "c", "b"], [True, True, False, False, False])
    assert process.unscored == ("c",)
    (pair,) = process.pairs
    assert pair.differences[0] == 1.5
    assert np.isnan(pair.differences[1])
    assert pair.bet == 1.0
    nothing_in_common = e_process([[1.0, np.nan], [np.nan, 1.0]], ["a", "b"], [True, False])
    assert (nothing_in_common.pairs[0].bet, nothing_in_common.wealth) == (0.0, (1.0,))


def test_nothing_yet_is_no_evidence() -> None:
    assert (EProcess().e_value, EProcess().p_any, EProcess().rejects(0.5)) == (1.0, 1.0, False)


def test_a_counted_or_spanning_group_is_refused() -> None:
    process = e_process([1.0, 0.0], ["a", "b"], [True, False])
    with pytest.raises(EarwitnessError, match="'a' was counted before"):
        process.continue_with([1.0], ["a"], [True])
    with pytest.raises(EarwitnessError, match="'c' has suspect and held-out tracks"):
        process.continue_with([1.0, 2.0], ["c", "c"], [True, False])
    with pytest.raises(EarwitnessError, match="began with 1 features; 2 are given"):
        process.continue_with([[1.0, 2.0]], ["d"], [True])


def test_the_middle_of_numbers_that_come_one_by_one_is_their_median() -> None:
    sizes = np.random.default_rng(4).integers(0, 30, 200).astype(float).tolist()
    middle = _Middle()
    assert [middle.after(size) for size in sizes] == [float(np.median(sizes[: i + 1])) for i in range(200)]

"""The reference set: complete where enumerated, uniform where drawn, within strata."""

from collections import Counter
from math import comb

import numpy as np
import pytest
from scipy.stats import chisquare

from earwitness.stats.labellings import Flips, Labellings, _smallest
from earwitness.stats.splits import fold_of_groups


def _all(labellings: Labellings, size: int = 1000, seed: int = 0) -> np.ndarray:
    return np.concatenate(list(labellings.chunks(size, seed)), axis=1)


def test_few_groups_are_enumerated_each_once_observed_first() -> None:
    observed = np.array([False, True, True, False, False, False])
    labellings = Labellings(observed=observed, strata=np.zeros(6, int), permutations=99)
    columns = _all(labellings, size=4)
    assert labellings.enumerated
    assert labellings.used == columns.shape[1] == comb(6, 2)
    assert labellings.p_value_floor == 1 / 15
    np.testing.assert_array_equal(columns[:, 0], observed)
    assert len({tuple(column) for column in columns.T}) == 15
    assert (columns.sum(axis=0) == 2).all()


def test_labels_stay_within_strata() -> None:
    observed = np.array([True, False, False, True, True, False, True])
    strata = np.array([0, 0, 0, 1, 1, 1, 2])
    labellings = Labellings(observed=observed, strata=strata, permutations=99)
    assert labellings.possible == 3 * 3 * 1
    drawn = Labellings(observed=observed, strata=strata, permutations=5)
    assert not drawn.enumerated
    for columns in (_all(labellings), _all(drawn)):
        for code, suspects in ((0, 1), (1, 2), (2, 1)):
            assert (columns[strata == code].sum(axis=0) == suspects).all()


def test_draws_do_not_depend_on_block_size_and_follow_the_seed() -> None:
    labellings = Labellings(observed=np.arange(30) < 11, strata=np.zeros(30, int), permutations=100)
    np.testing.assert_array_equal(_all(labellings, size=7), _all(labellings, size=1000))
    assert not np.array_equal(_all(labellings, seed=1), _all(labellings, seed=2))
    assert labellings.p_value_floor == pytest.approx(1 / 101)


def test_equal_keys_still_choose_as_many_as_asked_for() -> None:
    keys = np.array([[0.5, 0.1, 0.5, 0.5], [0.4, 0.3, 0.2, 0.1]])
    chosen = _smallest(keys, 2)
    assert chosen.sum(axis=1).tolist() == [2, 2]
    assert chosen[0, 1]
    assert chosen[1].tolist() == [False, False, True, True]
    assert not _smallest(keys, 0).any()
    assert _smallest(keys, 4).all()


def test_draws_are_uniform() -> None:
    observed = np.array([True, True, False, False, False])
    labellings = Labellings(observed=observed, strata=np.zeros(5, int), permutations=8)
    counts = Counter(tuple(column) for seed in range(500) for column in _all(labellings, seed=seed)[:, 1:].T)
    assert len(counts) == 10
    assert chisquare(list(counts.values())).pvalue > 1e-3


def test_few_units_are_turned_in_every_way_observed_first() -> None:
    flips = Flips(units=4, permutations=15)
    columns = np.concatenate(list(flips.chunks(5, 0)), axis=1)
    assert (flips.enumerated, flips.used, flips.p_value_floor) == (True, 16, 1 / 16)
    assert (columns[:, 0] == 1).all()
    assert len({tuple(column) for column in columns.T}) == columns.shape[1] == 16


def test_many_units_are_turned_at_random() -> None:
    flips = Flips(units=60, permutations=2000)
    columns = np.concatenate(list(flips.chunks(300, 1)), axis=1)
    assert columns.shape == (60, 2001)
    assert set(np.unique(columns)) == {-1.0, 1.0}
    assert np.abs(columns[:, 1:].mean(axis=1)).max() < 0.1


def test_folds_are_even_the_same_each_time_and_never_more_than_groups() -> None:
    fold = fold_of_groups(23, 5)
    assert sorted(np.bincount(fold)) == [4, 4, 5, 5, 5]
    np.testing.assert_array_equal(fold, fold_of_groups(23, 5))
    assert len(np.unique(fold_of_groups(3, 5))) == 3

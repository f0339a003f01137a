"""Pairs: whose sign turns with whose, what is compared, level and power of the paired test."""

import numpy as np
import pytest
from scipy.stats import binom, norm, rankdata

from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.pairing import pair_rows
from earwitness.stats.scorers import Equal
from earwitness.stats.sides import Sides

QUICK = ExactSettings(permutations=199)


def test_pairs_that_share_an_album_turn_together() -> None:
    # Suspects of pairs 0 and 1 share album 0; held-out tracks of pairs 1 and 2 share album 5; pair 3 stands alone.
    pairs = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    groups = np.array([0, 0, 1, 2, 4, 5, 5, 6])
    values = np.array([[1.0], [2], [3], [4], [0.5], [0], [5], [1]])
    rows = pair_rows(values, np.arange(8) < 4, groups, pairs)
    np.testing.assert_allclose(rows.values[:, 0], [0.5, 2, -2, 3])
    assert len(set(rows.unit[:3])) == 1
    assert rows.unit[3] != rows.unit[0]


def test_several_tracks_of_a_half_are_averaged_and_both_halves_are_needed() -> None:
    rows = pair_rows(np.array([[1.0], [3], [0]]), np.array([True, True, False]), np.arange(3), np.zeros(3, int))
    np.testing.assert_allclose(rows.values, [[2.0]])
    with pytest.raises(ValueError, match="both sides"):
        pair_rows(np.zeros((3, 1)), np.array([True, True, False]), np.arange(3), np.array([0, 1, 0]))


def test_the_paired_p_is_a_count_over_signs() -> None:
    rng = np.random.default_rng(0)
    work = rng.standard_normal(6)
    values = np.concatenate([work + 0.4 + 0.3 * rng.standard_normal(6), work])[:, None]
    suspect, pairs = np.arange(12) < 6, np.tile(np.arange(6), 2)
    test = exact_test(values, Sides(suspect, np.arange(12), pairs=pairs), settings=ExactSettings(scorers=(Equal(),)))
    scores = norm.ppf((rankdata(values[:, 0]) - 0.5) / 12)
    apart = scores[:6] - scores[6:]
    signs = np.array(np.meshgrid(*[[1, -1]] * 6)).reshape(6, -1)
    assert test.p_value == (apart @ signs >= apart.sum() - 1e-9).mean()
    assert (test.enumerated, test.labellings_used, test.p_value_floor) == (True, 64, 1 / 64)


def _albums_of_pairs(rng: np.random.Generator, member: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Forty pairs in ten albums; halves share .8 of a track's variance, an album's difference a third of the rest."""
    pairs, suspect = np.tile(np.arange(40), 2), np.arange(80) < 40
    album = pairs // 4
    work = np.sqrt(0.8) * rng.standard_normal((40, 3))[pairs]
    side = np.sqrt(0.07) * rng.standard_normal((2, 10, 3))[suspect.astype(int), album]
    values = work + side + np.sqrt(0.13) * rng.standard_normal((80, 3)) + member * suspect[:, None]
    return values, suspect, album + 10 * suspect, pairs


def test_null_level_with_albums_of_pairs() -> None:
    rng, runs = np.random.default_rng(1), 150
    fired = 0
    for run in range(runs):
        values, suspect, albums, pairs = _albums_of_pairs(rng, 0.0)
        fired += exact_test(values, Sides(suspect, albums, pairs=pairs), settings=QUICK, seed=run).p_value <= 0.05
    assert binom.ppf(0.0005, runs, 0.05) <= fired <= binom.ppf(0.9995, runs, 0.05)


def test_pairs_find_what_sets_cannot() -> None:
    rng = np.random.default_rng(2)
    by_sets, by_pairs = 0, 0
    for run in range(25):
        values, suspect, albums, pairs = _albums_of_pairs(rng, 0.2)
        by_sets += exact_test(values, Sides(suspect, np.arange(80)), settings=QUICK, seed=run).p_value <= 0.05
        by_pairs += exact_test(values, Sides(suspect, albums, pairs=pairs), settings=QUICK, seed=run).p_value <= 0.05
    assert by_pairs >= by_sets + 5

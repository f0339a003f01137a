import numpy as np
import pytest
from scipy.stats import binom, norm

from earwitness.errors import EarwitnessError
from earwitness.stats.blind import _state, blind_gate, harmful_auc, informative
from earwitness.stats.differences import SetDifferences
from earwitness.stats.exact import ExactSettings, unconstrained_test
from earwitness.stats.sides import Sides
from tests.stats.worlds import audit

QUICK = ExactSettings(permutations=199)


@pytest.mark.parametrize(("auc", "units"), [(0.52, 2152), (0.55, 343), (0.60, 85)])
def test_known_harmful_levels(auc: float, units: int) -> None:
    assert harmful_auc(units, units) == pytest.approx(auc, abs=1e-3)


def test_unequal_sets_count_by_their_harmonic_mean() -> None:
    assert harmful_auc(50, 150) == harmful_auc(75, 75)


def test_a_harmful_shift_fires_half_the_time() -> None:
    # Scores whose true AUC is the harmful one: a one-sided z-test of level .01 rejects in half the draws.
    rng, n, runs = np.random.default_rng(0), 80, 400
    d = np.sqrt(2) * norm.ppf(harmful_auc(n, n))
    z = (rng.normal(d, 1, (runs, n)).mean(axis=1) - rng.normal(size=(runs, n)).mean(axis=1)) / np.sqrt(2 / n)
    hits = int((z >= norm.isf(0.01)).sum())
    assert binom.ppf(0.005, runs, 0.5) <= hits <= binom.ppf(0.995, runs, 0.5)


def test_a_clear_difference_fails() -> None:
    one = audit(0, tracks=40, shift=2.0)
    gate = blind_gate(one.blind, Sides(one.is_suspect, one.groups), settings=QUICK)
    assert gate.state == "fail"
    assert not gate.passes
    assert gate.p_value == 0.005
    assert gate.low > 0.8


def test_comparable_sets_fail_no_more_often_than_the_fail_level() -> None:
    runs = 80
    states = []
    for run in range(runs):
        one = audit(run, tracks=30)
        states.append(blind_gate(one.blind, Sides(one.is_suspect, one.groups), settings=QUICK, seed=run).state)
    assert states.count("fail") <= binom.ppf(0.999, runs, 0.05)
    assert states.count("pass") >= 0.4 * runs
    assert states.count("undecided") >= 1


def test_the_gate_is_the_unconstrained_test_on_blind_features() -> None:
    one = audit(1, tracks=30, shift=0.3)
    gate = blind_gate(one.blind, Sides(one.is_suspect, one.groups), settings=QUICK, seed=7)
    test = unconstrained_test(one.blind, Sides(one.is_suspect, one.groups), settings=QUICK, seed=7)
    assert gate.p_value == test.p_value
    suspects, held_out = test.scores[one.is_suspect], test.scores[~one.is_suspect]
    assert gate.auc == pytest.approx((suspects[:, None] > held_out).mean())


def test_no_seed_moves_the_blind_auc() -> None:
    one = audit(3, tracks=20)
    gates = [blind_gate(one.blind, Sides(one.is_suspect, one.groups), settings=QUICK, seed=seed) for seed in range(3)]
    assert len({(gate.auc, gate.low, gate.high) for gate in gates}) <= 2  # two scorers may come first, no folds


def test_copies_constants_and_gaps_are_not_informative() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((2, 40))
    gaps = np.where(np.arange(40) < 21, np.nan, one)
    table = np.column_stack([one, np.ones(40), np.exp(one), -one, two, gaps])
    assert informative(table).tolist() == [True, False, False, False, True, False]


def test_albums_count_once() -> None:
    one = audit(2, tracks=40, album=5)
    gate = blind_gate(one.blind, Sides(one.is_suspect, one.groups), settings=QUICK)
    assert gate.harmful_auc == harmful_auc(8, 8)
    assert (gate.auc * 64) % 1 == pytest.approx(0, abs=1e-9)  # 8 × 8 pairs of albums


def test_nothing_to_compare_is_an_error() -> None:
    one = audit(0, tracks=10)
    with pytest.raises(EarwitnessError, match="None of the 2 blind features varies"):
        blind_gate(np.column_stack([np.ones(20), np.full(20, np.nan)]), Sides(one.is_suspect, one.groups))


def test_pairs_are_compared_with_themselves() -> None:
    rng = np.random.default_rng(0)
    suspect, pairs = np.arange(60) < 30, np.tile(np.arange(30), 2)
    work = rng.normal(size=(30, 3))[pairs]
    shifted = work + 0.2 * rng.normal(size=(60, 3)) + 0.3 * suspect[:, None]
    gate = blind_gate(shifted, Sides(suspect, pairs, pairs=pairs), settings=QUICK)
    assert gate.state == "fail"
    assert gate.auc > 0.9
    assert gate.harmful_auc == pytest.approx(norm.cdf(norm.isf(0.01) / np.sqrt(30)))
    assert (gate.auc * 30) % 1 == pytest.approx(0, abs=1e-9)
    assert blind_gate(shifted, Sides(suspect, np.arange(60)), settings=QUICK).state != "fail"


@pytest.mark.parametrize(
    ("units", "high", "state"),
    [(2, 0.55, "undecided"), (6, 0.331, "undecided"), (29, 0.49, "undecided"), (29, 0.55, "pass"), (30, 0.49, "pass")],
)
def test_a_reversed_score_of_few_groups_shows_no_likeness(units: int, high: float, state: str) -> None:
    assert _state(0.5, high, 0.6, units) == state


def test_two_groups_against_many_never_pass() -> None:
    rng = np.random.default_rng(0)
    suspect = np.arange(72) < 2
    states = [
        blind_gate(rng.normal(size=(72, 6)), Sides(suspect, np.arange(72)), settings=QUICK).state for _ in range(10)
    ]
    assert "pass" not in states


@pytest.mark.parametrize("suspects", [2, 20])
def test_folds_without_a_row_of_one_side_warn_of_nothing(suspects: int) -> None:
    # Warnings are errors here; the smaller side is absent from some folds, and so is its weight.
    tracks = np.arange(10 * suspects + 50)
    suspect = tracks < suspects
    groups = np.where(suspect, tracks // 4, tracks)
    for seed in range(4):
        blind = np.random.default_rng(seed).normal(size=(len(tracks), 6))
        gate = blind_gate(blind, Sides(suspect, groups), settings=QUICK, seed=seed)
        assert 0 <= gate.auc <= 1


def test_a_side_without_weight_is_no_difference_and_no_warning() -> None:
    values = np.random.default_rng(0).normal(size=(6, 2))
    difference = SetDifferences(values, np.array([1.0, 1.0, 2.0, 2.0, 1.0, 1.5]))
    assert (difference(np.array([[False, True]] * 6)) == 0).all()

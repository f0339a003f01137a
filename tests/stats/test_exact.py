"""The exact test against hand counts, a plain loop and its promised level, power and direction."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.stats import binom, norm, rankdata

from earwitness.stats.differences import statistics
from earwitness.stats.exact import (
    UNDIRECTED,
    ExactSettings,
    ExactTest,
    exact_test,
    share_as_large,
    smallest_p,
    unconstrained_test,
)
from earwitness.stats.grouping import group_rows
from earwitness.stats.scorers import Equal, Marginal, NonNegativeRidge, Strongest

IN_SAMPLE = (Equal(), Marginal(), Strongest())


def _quick(values: np.ndarray, side: int, groups: np.ndarray | None = None, **kwargs: int) -> ExactTest:
    labels = np.arange(len(values)) < side
    groups = np.arange(len(values)) if groups is None else groups
    return exact_test(values, labels, groups, settings=ExactSettings(permutations=199), **kwargs)


# ---------------------------------------------------------------- hand counts


def test_complete_separation_of_three_and_three() -> None:
    test = exact_test(np.array([[4.0], [5.0], [6.0], [1.0], [2.0], [3.0]]), np.arange(6) < 3, list("abcdef"))
    assert test.enumerated
    assert test.labellings_used == 20
    assert test.scorer_p_values["equal"] == 1 / 20
    assert test.p_value == test.p_value_floor == 1 / 20


def test_second_best_labelling_of_three_and_three() -> None:
    # Suspects hold ranks 6, 5, 3: only 6, 5, 4 has a larger sum of normal scores.
    values = np.array([[6.0], [5.0], [3.0], [1.0], [2.0], [4.0]])
    settings = ExactSettings(scorers=(Equal(),))
    test = exact_test(values, np.arange(6) < 3, np.arange(6), settings=settings)
    assert test.p_value == 2 / 20
    assert exact_test(-values, np.arange(6) < 3, np.arange(6), settings=settings).p_value == 19 / 20


def test_ties_count_against_the_suspects() -> None:
    # Two values only: every labelling with both suspects at the top ties with the observed one.
    values = np.array([[1.0], [1.0], [1.0], [0.0], [0.0]])
    test = exact_test(values, np.arange(5) < 2, np.arange(5), settings=ExactSettings(scorers=(Equal(),)))
    assert test.p_value == 3 / 10


def test_share_as_large_absorbs_rounding() -> None:
    np.testing.assert_allclose(share_as_large(np.array([3.0, 3.0 - 1e-13, 1.0, 5.0])), [0.75, 0.75, 1.0, 0.25])


def test_smallest_p_breaks_ties_by_the_other_scorers() -> None:
    # Both first labellings are some scorer's best; the first is also second best for the other.
    p_values = np.array([[1, 3, 2, 4], [2, 1, 3, 4]]) / 4
    assert smallest_p(p_values) == 1 / 4
    assert smallest_p(p_values[:, [1, 0, 2, 3]]) == 2 / 4
    assert smallest_p(p_values[:, [2, 0, 1, 3]]) == 3 / 4
    assert smallest_p(np.array([[2, 2, 3], [2, 2, 3]]) / 3) == 2 / 3


# ------------------------------------------- an independent, plain re-implementation


def _plain_rows(values: np.ndarray, groups: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, group rows and weights by the text of the docstrings, with loops."""
    scores = np.zeros_like(values)
    for j in range(values.shape[1]):
        have = ~np.isnan(values[:, j])
        scores[have, j] = norm.ppf((rankdata(values[have, j]) - 0.5) / have.sum())
    names = sorted(set(groups))
    sizes = np.array([(groups == name).sum() for name in names])
    means = np.array([scores[groups == name].mean(axis=0) for name in names])
    n, g = len(values), len(names)
    between = sum(m * ((row - scores.mean(axis=0)) ** 2).sum() for m, row in zip(sizes, means, strict=True)) / (g - 1)
    within = sum(((scores[groups == name] - row) ** 2).sum() for name, row in zip(names, means, strict=True)) / (n - g)
    m0 = (n - (sizes**2).sum() / n) / (g - 1)
    icc = min(max((between - within) / (between + (m0 - 1) * within), 0), 1)
    weights = sizes / (1 + (sizes - 1) * icc)
    centre = np.average(means, axis=0, weights=weights)
    return names, (means - centre) / np.sqrt(np.average((means - centre) ** 2, axis=0, weights=weights)), weights


def _plain_difference(rows: np.ndarray, weights: np.ndarray, chosen: np.ndarray, typical: float) -> np.ndarray:
    s, h = weights * chosen, weights * ~chosen
    if not s.sum() or not h.sum():
        return np.zeros(rows.shape[1])
    return (s @ rows / s.sum() - h @ rows / h.sum()) / np.sqrt(typical * (1 / s.sum() + 1 / h.sum()))


def _plain_statistics(rows: np.ndarray, weights: np.ndarray, chosen: np.ndarray, fold: np.ndarray) -> list[float]:
    correlation = sum(w * np.outer(row, row) for w, row in zip(weights, rows, strict=True)) / weights.sum()
    typical = weights.mean()
    t = _plain_difference(rows, weights, chosen, typical)

    def scaled(w: np.ndarray) -> np.ndarray:
        return w / np.sqrt(w @ correlation @ w) if w.any() else w

    found = [scaled(w) @ t for w in (np.ones(len(t)), np.maximum(t, 0), ((t == t.max()) & (t > 0)).astype(float))]
    factor = np.linalg.cholesky(0.7 * correlation + 0.3 * np.eye(len(t)))
    s, h = weights * chosen, weights * ~chosen
    contrast = (s / s.sum() - h / h.sum()) / np.sqrt(typical * (1 / s.sum() + 1 / h.sum()))
    ridge = 0.0
    for k in set(fold):
        train, test = fold != k, fold == k
        d = _plain_difference(rows[train], weights[train], chosen[train], typical)
        ridge += contrast[test] @ rows[test] @ scaled(nnls(factor.T, np.linalg.solve(factor, d))[0])
    return [*found, ridge]


@pytest.fixture
def messy() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eight groups of unlike sizes, correlated features with gaps, four groups on each side."""
    rng = np.random.default_rng(11)
    groups = np.repeat(list("abcdefgh"), [1, 3, 2, 1, 4, 1, 2, 2])
    values = (
        rng.standard_normal((16, 5))
        + rng.standard_normal((16, 1))
        + 0.5 * rng.standard_normal((8, 5))[np.repeat(np.arange(8), [1, 3, 2, 1, 4, 1, 2, 2])]
    )
    values[[2, 7], [0, 3]] = np.nan
    is_suspect = np.isin(groups, list("abeg"))
    values[is_suspect, :2] += 1.0
    return values, is_suspect, groups


def test_statistics_equal_the_plain_loop(messy: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    values, _, groups = messy
    names, plain_rows, plain_weights = _plain_rows(values, groups)
    rows = group_rows(values, groups)
    place = np.array([rows.track_group[np.flatnonzero(groups == name)[0]] for name in names])
    np.testing.assert_allclose(rows.values[place], plain_rows, atol=1e-12)
    np.testing.assert_allclose(rows.weights[place], plain_weights)
    fold = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    scorers = (*IN_SAMPLE, NonNegativeRidge(steps=3000))
    labels = np.array([[i in chosen for chosen in combinations(range(8), 4)] for i in range(8)])
    found = statistics(rows, labels, fold, scorers)
    for column in range(0, 70, 3):
        expected = _plain_statistics(rows.values, rows.weights, labels[:, column], fold)
        np.testing.assert_allclose(found[:, column], expected, atol=1e-5)


def test_minimum_p_equals_the_plain_count(messy: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    values, is_suspect, groups = messy
    names, rows, weights = _plain_rows(values, groups)
    observed = np.array([is_suspect[groups == name][0] for name in names])
    every = [np.isin(np.arange(8), chosen) for chosen in combinations(range(8), 4)]
    table = np.array([_plain_statistics(rows, weights, chosen, np.zeros(8))[:3] for chosen in every])
    p = np.array([[(table[:, k] >= value - 1e-9).mean() for k, value in enumerate(line)] for line in table])
    here = next(i for i, chosen in enumerate(every) if (chosen == observed).all())
    test = exact_test(values, is_suspect, groups, settings=ExactSettings(scorers=IN_SAMPLE))
    assert list(test.scorer_p_values.values()) == pytest.approx(p[here])
    keys = [(round(line.min(), 9), round(line.sum(), 9)) for line in p]
    assert test.p_value == pytest.approx(np.mean([key <= keys[here] for key in keys]))
    assert test.p_value >= min(test.scorer_p_values.values())


# ---------------------------------------------------------------- invariances


def test_row_order_group_names_and_units_change_nothing() -> None:
    rng = np.random.default_rng(5)
    values, groups = rng.standard_normal((60, 4)), np.repeat(np.arange(30), 2)
    values[:30] += 0.3
    values[4, 2] = np.nan
    shuffle, labels = rng.permutation(60), np.arange(60) < 30
    names = np.array([f"album {(17 * group) % 30:02d}" for group in groups])
    changed = np.stack([values[:, 0] * 100 - 5, np.exp(values[:, 1]), values[:, 2] ** 3, np.arctan(values[:, 3])], 1)
    settings = ExactSettings(permutations=300)
    one = exact_test(values, labels, groups, settings=settings, seed=3)
    other = exact_test(changed[shuffle], labels[shuffle], names[shuffle], settings=settings, seed=3)
    assert other.p_value == one.p_value
    assert other.scorer_p_values == one.scorer_p_values
    np.testing.assert_allclose(other.scores, one.scores[shuffle], atol=1e-9)
    np.testing.assert_allclose(other.weights, one.weights, atol=1e-9)


def test_same_seed_same_result_and_another_seed_only_redraws() -> None:
    values = np.random.default_rng(6).standard_normal((40, 3)) + (np.arange(40) < 20)[:, None] * 0.4
    assert _quick(values, 20, seed=1).p_value == _quick(values, 20, seed=1).p_value
    assert _quick(values, 20, seed=1).statistics["equal"] == pytest.approx(
        _quick(values, 20, seed=2).statistics["equal"]
    )


def test_one_stratum_changes_nothing_and_full_strata_leave_no_choice() -> None:
    values, labels = np.random.default_rng(7).standard_normal((20, 3)), np.arange(20) < 10
    plain = exact_test(values, labels, np.arange(20), settings=ExactSettings(permutations=99))
    single = exact_test(values, labels, np.arange(20), settings=ExactSettings(permutations=99), strata=["x"] * 20)
    assert single.p_value == plain.p_value
    assert exact_test(values, labels, np.arange(20), strata=labels).p_value == 1.0
    paired = exact_test(values, labels, np.arange(20), strata=np.arange(20) % 10)
    assert paired.enumerated
    assert paired.p_value_floor == 2.0**-10


def test_missing_features_are_reported_and_dropped() -> None:
    values = np.random.default_rng(8).standard_normal((40, 3))
    values[:, 0] = 1.0
    values[:25, 1] = np.nan
    values[7] = np.nan
    test = _quick(values, 20)
    assert test.missing.tolist() == [1, 25, 1]
    assert np.isnan(test.weights).tolist() == [True, True, False]
    assert np.flatnonzero(np.isnan(test.scores)).tolist() == [7]


def test_wrong_input_is_refused() -> None:
    values, labels = np.random.default_rng(9).standard_normal((6, 2)), np.arange(6) < 3
    with pytest.raises(ValueError, match="more than one side"):
        exact_test(values, labels, [0, 1, 2, 2, 3, 4])
    with pytest.raises(ValueError, match="more than one stratum"):
        exact_test(values, labels, [0, 0, 1, 2, 3, 4], strata=[0, 1, 0, 0, 0, 0])
    with pytest.raises(ValueError, match="both sides"):
        exact_test(values, np.ones(6, bool), np.arange(6))
    with pytest.raises(ValueError, match="is_suspect and groups"):
        exact_test(values, labels[:5], np.arange(6))


# ------------------------------------------------------- level, direction and power


@pytest.mark.parametrize("case", ["independent", "albums", "heavy tails, 10 albums against 60 single tracks"])
def test_null_level(case: str) -> None:
    rng = np.random.default_rng(20)
    runs, fired = 300, 0
    sizes = {"independent": [1] * 60, "albums": [10] * 16}.get(case, [10] * 10 + [1] * 60)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    suspect_groups = {"independent": 30, "albums": 8}.get(case, 10)
    for run in range(runs):
        noise = rng.standard_cauchy if "heavy" in case else rng.standard_normal
        values = np.sqrt(0.3) * noise((len(sizes), 6))[groups] + np.sqrt(0.7) * noise((len(groups), 6))
        values += 0.7 * noise((len(groups), 1))
        labels = groups < suspect_groups
        fired += exact_test(values, labels, groups, settings=ExactSettings(permutations=99), seed=run).p_value <= 0.05
    # The size-by-role case is exact only up to the weights' model, so it is held to the same two-sided bound.
    assert binom.ppf(0.0005, runs, 0.05) <= fired <= binom.ppf(0.9995, runs, 0.05)


def test_suspects_shifted_away_from_membership_do_not_fire() -> None:
    rng = np.random.default_rng(21)
    all_away, few_away = 0, 0
    for run in range(60):
        values = rng.standard_normal((200, 26))
        values[:100] -= 0.2
        all_away += _quick(values, 100, seed=run).p_value <= 0.05
        shared = np.sqrt(0.5) * (rng.standard_normal((200, 26)) + rng.standard_normal((200, 1)))
        shared[:100, :5] -= 0.3
        few_away += _quick(shared, 100, seed=run).p_value <= 0.05
    assert all_away == 0
    assert few_away <= binom.ppf(0.999, 60, 0.05)


@pytest.mark.parametrize(
    ("shifted", "shift", "correlation", "best"),
    [(26, 0.15, 0.0, "equal"), (1, 0.8, 0.0, "strongest"), (5, 0.5, 0.7, "ridge")],
)
def test_finds_each_kind_of_effect(shifted: int, shift: float, correlation: float, best: str) -> None:
    rng = np.random.default_rng(22)
    statistics_of: list[dict[str, float]] = []
    fired = 0
    for run in range(15):
        values = rng.standard_normal((200, 26)) * np.sqrt(1 - correlation)
        values += rng.standard_normal((200, 1)) * np.sqrt(correlation)
        values[:100, :shifted] += shift
        test = _quick(values, 100, seed=run)
        fired += test.p_value <= 0.05
        statistics_of.append(test.scorer_p_values)
    assert fired >= 13
    means = {name: np.mean([p[name] for p in statistics_of]) for name in statistics_of[0]}
    assert means[best] <= min(means.values()) + 0.01


def test_scores_and_weights_describe_the_effect() -> None:
    rng = np.random.default_rng(23)
    values = rng.standard_normal((200, 10))
    values[:100, 3] += 1.5
    test = _quick(values, 100)
    assert int(np.argmax(test.weights)) == 3
    assert (test.weights >= 0).all()
    assert test.scores[:100].mean() - test.scores[100:].mean() > 0.8
    assert (test.n_groups_suspect, test.n_groups_held_out) == (100, 100)


def test_companion_sees_what_the_directed_test_must_not() -> None:
    rng = np.random.default_rng(24)
    values = rng.standard_normal((120, 8))
    values[:60] -= 0.5
    assert _quick(values, 60).p_value > 0.5
    companion = unconstrained_test(values, np.arange(120) < 60, np.arange(120))
    assert companion.p_value < 0.001
    assert set(companion.scorer_p_values) == {"free marginal", "free ridge"}


def test_companion_keeps_its_level() -> None:
    rng = np.random.default_rng(25)
    settings = ExactSettings(permutations=99, scorers=UNDIRECTED)
    labels, groups = np.arange(40) < 15, np.arange(40)
    fired = sum(
        unconstrained_test(rng.standard_normal((40, 5)), labels, groups, settings=settings, seed=run).p_value <= 0.05
        for run in range(300)
    )
    assert binom.ppf(0.0005, 300, 0.05) <= fired <= binom.ppf(0.9995, 300, 0.05)

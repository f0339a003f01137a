"""The exact test against hand counts, a plain loop and its promised level, power and direction."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.stats import binom, norm, rankdata

from earwitness.stats import differences
from earwitness.stats.comparison import columns_of, compare, label_free_fit
from earwitness.stats.differences import SetDifferences
from earwitness.stats.exact import (
    ExactSettings,
    ExactTest,
    exact_test,
    p_value_of,
    prepared,
    share_as_large,
    smallest_p,
    unconstrained_test,
)
from earwitness.stats.scorers import Equal, Headline, NonNegativeRidge, Strongest, Tail, statistics
from earwitness.stats.sides import Sides

EVERY = (Headline(share=0.6), Equal(), Tail(), Strongest(), NonNegativeRidge(steps=3000))


def _quick(values: np.ndarray, side: int, groups: np.ndarray | None = None, **kwargs: int) -> ExactTest:
    labels = np.arange(len(values)) < side
    groups = np.arange(len(values)) if groups is None else groups
    return exact_test(values, Sides(labels, groups), settings=ExactSettings(permutations=199), **kwargs)


# ---------------------------------------------------------------- hand counts


def test_complete_separation_of_three_and_three() -> None:
    test = exact_test(np.array([[4.0], [5.0], [6.0], [1.0], [2.0], [3.0]]), Sides(np.arange(6) < 3, list("abcdef")))
    assert test.enumerated
    assert test.labellings_used == 20
    assert test.scorer_p_values["mean"] == 1 / 20
    assert test.p_value == test.p_value_floor == 1 / 20


def test_second_best_labelling_of_three_and_three() -> None:
    # Suspects hold ranks 6, 5, 3: only 6, 5, 4 has a larger sum of normal scores.
    values = np.array([[6.0], [5.0], [3.0], [1.0], [2.0], [4.0]])
    settings = ExactSettings(scorers=(Equal(),))
    test = exact_test(values, Sides(np.arange(6) < 3, np.arange(6)), settings=settings)
    assert test.p_value == 2 / 20
    assert exact_test(-values, Sides(np.arange(6) < 3, np.arange(6)), settings=settings).p_value == 19 / 20


def test_ties_count_against_the_suspects() -> None:
    # Two values only: every labelling with both suspects at the top ties with the observed one.
    values = np.array([[1.0], [1.0], [1.0], [0.0], [0.0]])
    test = exact_test(values, Sides(np.arange(5) < 2, np.arange(5)), settings=ExactSettings(scorers=(Equal(),)))
    assert test.p_value == 3 / 10


def test_share_as_large_absorbs_rounding() -> None:
    np.testing.assert_allclose(share_as_large(np.array([3.0, 3.0 - 1e-13, 1.0, 5.0])), [0.75, 0.75, 1.0, 0.25])


def test_smallest_p_breaks_ties_by_the_other_scorers() -> None:
    # Both first labellings are some scorer's best; the first is also second best for the other.
    p_values, even = np.array([[1, 3, 2, 4], [2, 1, 3, 4]]) / 4, np.ones(2)
    assert smallest_p(p_values, even) == 1 / 4
    assert smallest_p(p_values[:, [1, 0, 2, 3]], even) == 2 / 4
    assert smallest_p(p_values[:, [2, 0, 1, 3]], even) == 3 / 4
    assert smallest_p(np.array([[2, 2, 3], [2, 2, 3]]) / 3, even) == 2 / 3


def test_smallest_p_takes_a_larger_share_the_more_seriously() -> None:
    # By shares 3 and 1 the labellings' smallest are 1/6, 1/4, 1/3 and 1/4; the second has the larger sum.
    p_values = np.array([[2, 3, 4, 4], [4, 3, 2, 1]]) / 4
    assert smallest_p(p_values, np.array([3.0, 1.0])) == 1 / 4
    assert smallest_p(p_values[:, [3, 0, 1, 2]], np.array([3.0, 1.0])) == 2 / 4
    assert smallest_p(p_values[:, [3, 0, 1, 2]], np.array([1.0, 3.0])) == 1 / 4


# ------------------------------------------- an independent, plain re-implementation


def _plain_rows(values: np.ndarray, groups: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, group rows of features then fixed scores, and weights by the text of the docstrings, with loops."""

    def normal(column: np.ndarray) -> np.ndarray:
        scores = np.zeros(len(column))
        have = ~np.isnan(column)
        scores[have] = norm.ppf((rankdata(column[have]) - 0.5) / have.sum())
        return scores

    scores = np.array([normal(column) for column in values.T]).T
    scores = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    headline, equal = scores[:, 1], scores.sum(axis=1)
    fixed = [headline, equal, np.exp(normal(headline) - 0.5), normal(headline)]
    scores = np.column_stack([scores, *[(score - score.mean()) / score.std() for score in fixed]])
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


def _plain_difference(rows: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    means, variances = [], []
    for side in (chosen, ~chosen):
        w, z = weights[side], rows[side]
        means.append(np.average(z, axis=0, weights=w))
        spread = sum(wi**2 * (zi - means[-1]) ** 2 for wi, zi in zip(w, z, strict=True)) / w.sum() ** 2
        variances.append(spread / (1 - (w**2).sum() / w.sum() ** 2))
    return (means[0] - means[1]) / np.sqrt(variances[0] + variances[1])


def _plain_statistics(rows: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> list[float]:
    features = rows[:, :5]
    correlation = sum(w * np.outer(row, row) for w, row in zip(weights, features, strict=True)) / weights.sum()
    differences = _plain_difference(rows, weights, chosen)
    t = differences[:5]

    def scaled(w: np.ndarray) -> np.ndarray:
        return w / np.sqrt(w @ correlation @ w) if w.any() else w

    factor = np.linalg.cholesky(0.7 * correlation + 0.3 * np.eye(len(t)))
    ridge = nnls(factor.T, np.linalg.solve(factor, t))[0]
    tail = min(differences[7], 1.5 * differences[8])
    return [*differences[5:7], tail, *(scaled(w) @ t for w in (((t == t.max()) & (t > 0)).astype(float), ridge))]


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
    values, is_suspect, groups = messy
    names, plain_rows, plain_weights = _plain_rows(values, groups)
    columns = columns_of(values, Sides(is_suspect, groups), scorers=EVERY, max_missing=0.5, headline=np.arange(5) == 1)
    comparison = compare(columns, permutations=99)
    place = np.array([columns.sides.groups[np.flatnonzero(groups == name)[0]] for name in names])
    np.testing.assert_allclose(comparison.rows.values[place], plain_rows, atol=1e-12)
    np.testing.assert_allclose(comparison.rows.weights[place], plain_weights)
    labels = np.array([[i in chosen for chosen in combinations(range(8), 4)] for i in range(8)])
    found = statistics(comparison.differences(labels), comparison.rows.correlation[:5, :5], EVERY, columns.counts)
    for column in range(0, 70, 3):
        expected = _plain_statistics(comparison.rows.values, comparison.rows.weights, labels[:, column])
        np.testing.assert_allclose(found[:, column], expected, atol=1e-5)


def test_minimum_p_equals_the_plain_count(messy: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    values, is_suspect, groups = messy
    names, rows, weights = _plain_rows(values, groups)
    observed = np.array([is_suspect[groups == name][0] for name in names])
    every = [np.isin(np.arange(8), chosen) for chosen in combinations(range(8), 4)]
    table = np.array([_plain_statistics(rows, weights, chosen) for chosen in every])
    p = np.array([[(table[:, k] >= value - 1e-7).mean() for k, value in enumerate(line)] for line in table])
    here = next(i for i, chosen in enumerate(every) if (chosen == observed).all())
    test = exact_test(
        values, Sides(is_suspect, groups), settings=ExactSettings(scorers=EVERY), headline=np.arange(5) == 1
    )
    assert list(test.scorer_p_values.values()) == pytest.approx(p[here])
    shares = np.array([scorer.share for scorer in EVERY])
    keys = [(round((line / shares).min(), 9), round((line / shares).sum(), 9)) for line in p]
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
    one = exact_test(values, Sides(labels, groups), settings=settings, seed=3)
    other = exact_test(changed[shuffle], Sides(labels[shuffle], names[shuffle]), settings=settings, seed=3)
    assert other.p_value == one.p_value
    assert other.scorer_p_values == one.scorer_p_values
    np.testing.assert_allclose(other.scores, one.scores[shuffle], atol=1e-9)
    np.testing.assert_allclose(other.weights, one.weights, atol=1e-9)


def test_same_seed_same_result_and_another_seed_only_redraws() -> None:
    values = np.random.default_rng(6).standard_normal((40, 3)) + (np.arange(40) < 20)[:, None] * 0.4
    assert _quick(values, 20, seed=1).p_value == _quick(values, 20, seed=1).p_value
    one, other = _quick(values, 20, seed=1), _quick(values, 20, seed=2)
    assert one.statistics == other.statistics
    np.testing.assert_array_equal(one.scores, other.scores)


def test_one_stratum_changes_nothing_and_full_strata_leave_no_choice() -> None:
    values, labels = np.random.default_rng(7).standard_normal((20, 3)), np.arange(20) < 10
    plain = exact_test(values, Sides(labels, np.arange(20)), settings=ExactSettings(permutations=99))
    single = exact_test(
        values, Sides(labels, np.arange(20), strata=["x"] * 20), settings=ExactSettings(permutations=99)
    )
    assert single.p_value == plain.p_value
    assert exact_test(values, Sides(labels, np.arange(20), strata=labels)).p_value == 1.0
    paired = exact_test(values, Sides(labels, np.arange(20), strata=np.arange(20) % 10))
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
        exact_test(values, Sides(labels, [0, 1, 2, 2, 3, 4]))
    with pytest.raises(ValueError, match="more than one stratum"):
        exact_test(values, Sides(labels, [0, 0, 1, 2, 3, 4], strata=[0, 1, 0, 0, 0, 0]))
    with pytest.raises(ValueError, match="exclude each other"):
        exact_test(values, Sides(labels, np.arange(6), strata=np.zeros(6), pairs=[0, 1, 2, 0, 1, 2]))
    with pytest.raises(ValueError, match="headline must be"):
        exact_test(values, Sides(labels, np.arange(6)), headline=[1.0, -1.0])
    with pytest.raises(ValueError, match="both sides"):
        exact_test(values, Sides(np.ones(6, bool), np.arange(6)))
    with pytest.raises(ValueError, match="and pairs must be"):
        exact_test(values, Sides(labels[:5], np.arange(6)))


# ------------------------------------------------------- level, direction and power


@pytest.mark.parametrize("case", ["independent", "albums", "heavy tails, 10 albums against 60 single tracks"])
def test_null_level(case: str) -> None:
    rng = np.random.default_rng(20)
    runs, fired = 200, 0
    sizes = {"independent": [1] * 60, "albums": [10] * 16}.get(case, [10] * 10 + [1] * 60)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    suspect_groups = {"independent": 30, "albums": 8}.get(case, 10)
    for run in range(runs):
        noise = rng.standard_cauchy if "heavy" in case else rng.standard_normal
        values = np.sqrt(0.3) * noise((len(sizes), 6))[groups] + np.sqrt(0.7) * noise((len(groups), 6))
        values += 0.7 * noise((len(groups), 1))
        labels = groups < suspect_groups
        fired += (
            exact_test(values, Sides(labels, groups), settings=ExactSettings(permutations=99), seed=run).p_value <= 0.05
        )
    # The size-by-role case is exact only up to the weights' model, so it is held to the same two-sided bound.
    assert binom.ppf(0.0005, runs, 0.05) <= fired <= binom.ppf(0.9995, runs, 0.05)


def test_suspects_shifted_away_from_membership_do_not_fire() -> None:
    rng = np.random.default_rng(21)
    all_away, few_away = 0, 0
    for run in range(30):
        values = rng.standard_normal((200, 26))
        values[:100] -= 0.2
        all_away += _quick(values, 100, seed=run).p_value <= 0.05
        shared = np.sqrt(0.5) * (rng.standard_normal((200, 26)) + rng.standard_normal((200, 1)))
        shared[:100, :5] -= 0.3
        few_away += _quick(shared, 100, seed=run).p_value <= 0.05
    assert all_away == 0
    assert few_away <= binom.ppf(0.999, 30, 0.05)


def test_unequal_size_and_spread_keep_the_level() -> None:
    # 20 against 200 tracks, the suspects' spread doubled, same mean: one common standard error fires on 11 % at 1 %.
    rng, runs, fired = np.random.default_rng(26), 120, 0
    for run in range(runs):
        values = rng.standard_normal((220, 4))
        values[:20] *= 2
        fired += _quick(values, 20, seed=run).p_value <= 0.05
    assert fired <= binom.ppf(0.999, runs, 0.06)  # level as numbers grow


def test_covariates_leave_the_level_and_add_power() -> None:
    rng = np.random.default_rng(27)
    labels, groups, settings = np.arange(40) < 20, np.arange(40), ExactSettings(permutations=99)
    null, plain, adjusted = 0, 0, 0
    for run in range(120):
        blind = rng.standard_normal((40, 4))
        values = rng.standard_normal((40, 3)) + 1.5 * blind[:, :1]
        null += exact_test(values, Sides(labels, groups), settings=settings, seed=run, covariates=blind).p_value <= 0.05
        if run < 40:
            moved = values + 0.9 * labels[:, None]
            plain += exact_test(moved, Sides(labels, groups), settings=settings, seed=run).p_value <= 0.05
            adjusted += (
                exact_test(moved, Sides(labels, groups), settings=settings, seed=run, covariates=blind).p_value <= 0.05
            )
    assert binom.ppf(0.0005, 120, 0.05) <= null <= binom.ppf(0.9995, 120, 0.05)
    assert adjusted >= plain + 8


@pytest.mark.parametrize(("seen", "sign"), [(0.5, 1), (1.0, 1), (1.0, -1)])
def test_a_shift_of_which_blind_features_catch_half_is_no_evidence(seen: float, sign: int) -> None:
    # Also where all of it is caught and points away from membership: taken out twice, it would point towards it.
    rng, fired, plain = np.random.default_rng(30), 0, 0
    labels, groups, settings = np.arange(80) < 40, np.arange(80), ExactSettings(permutations=99)
    for run in range(40):
        cause = rng.standard_normal(80) + labels
        blind = np.sqrt(seen) * cause[:, None] + np.sqrt(1 - seen) * rng.standard_normal((80, 1))
        values = sign * np.sqrt(0.4) * cause[:, None] + np.sqrt(0.6) * rng.standard_normal((80, 4))
        fired += (
            exact_test(values, Sides(labels, groups), settings=settings, seed=run, covariates=blind).p_value <= 0.05
        )
        plain += exact_test(values, Sides(labels, groups), settings=settings, seed=run).p_value <= 0.05
    assert fired <= binom.ppf(0.999, 40, 0.05)
    assert plain >= 35 or sign < 0


@pytest.mark.parametrize(
    ("shifted", "shift", "correlation", "best"),
    [(26, 0.15, 0.0, "mean"), (1, 0.8, 0.0, "strongest"), (5, 0.5, 0.7, "ridge")],
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


def test_a_part_of_the_set_is_found_by_its_tail() -> None:
    rng = np.random.default_rng(28)
    lean, tail = [], []
    for run in range(20):
        values = rng.standard_normal((120, 1))
        values[:9] += 3.0  # of sixty suspects
        test = _quick(values, 60, seed=run)
        lean.append(test.scorer_p_values["mean"])
        tail.append(test.scorer_p_values["tail"])
    assert np.median(tail) < np.median(lean)


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_dead_columns_do_not_drown_the_headline(correlation: float) -> None:
    # One feature of AUC .68 alone, and as the headline among 80 dead ones: at least .85 of the power is left.
    rng = np.random.default_rng(29)
    moved = np.sqrt(2) * norm.ppf(0.68)
    labels, groups, settings = np.arange(60) < 30, np.arange(60), ExactSettings(permutations=199)
    alone, among = 0, 0
    for run in range(50):
        live = rng.standard_normal((60, 1)) + moved * labels[:, None]
        dead = rng.standard_normal((60, 80)) * np.sqrt(1 - correlation)
        dead += rng.standard_normal((60, 1)) * np.sqrt(correlation)
        alone += exact_test(live, Sides(labels, groups), settings=settings, seed=run).p_value <= 0.05
        among += exact_test(
            np.hstack([live, dead]), Sides(labels, groups), settings=settings, seed=run, headline=np.arange(81) == 0
        ).p_value <= 0.05  # fmt: skip
    assert among >= 0.85 * alone
    assert alone >= 30


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
    companion = unconstrained_test(values, Sides(np.arange(120) < 60, np.arange(120)))
    assert companion.p_value < 0.001
    assert set(companion.scorer_p_values) == {"free marginal", "free ridge"}


def test_companion_keeps_its_level() -> None:
    rng = np.random.default_rng(25)
    settings = ExactSettings(permutations=99)
    labels, groups = np.arange(40) < 15, np.arange(40)
    fired = sum(
        unconstrained_test(rng.standard_normal((40, 5)), Sides(labels, groups), settings=settings, seed=run).p_value
        <= 0.05
        for run in range(300)
    )
    assert binom.ppf(0.0005, 300, 0.05) <= fired <= binom.ppf(0.9995, 300, 0.05)


def test_a_fit_made_once_changes_nothing() -> None:
    rng = np.random.default_rng(12)
    described = rng.standard_normal((60, 4))
    values = described[:, :2] + rng.standard_normal((60, 2))
    sides = Sides(np.arange(60) < 30, np.arange(60) // 2)
    settings = ExactSettings(permutations=99)
    whole = exact_test(values, sides, settings=settings, covariates=described)
    again = exact_test(values, sides, settings=settings, covariates=label_free_fit(described, 30))
    assert again.p_value == whole.p_value
    assert again.statistics == whole.statistics
    assert again.statistics != exact_test(values, sides, settings=settings).statistics


def test_one_preparation_serves_every_labelling() -> None:
    rng = np.random.default_rng(21)
    values, groups = rng.normal(size=(90, 6)), np.arange(90) // 3
    described = rng.normal(size=(90, 4))
    settings = ExactSettings(permutations=199)
    once = prepared(values, Sides(groups < 15, groups), settings=settings, covariates=described)
    for seed in range(3):
        labels = (rng.permutation(30) < 12)[groups]
        whole = exact_test(values, Sides(labels, groups), settings=settings, seed=seed, covariates=described)
        assert p_value_of(once.relabelled(labels), settings.rules(None), seed) == whole.p_value
    pairs = Sides(np.arange(90) % 2 == 0, np.arange(90), pairs=np.arange(90) // 2)
    with pytest.raises(ValueError, match="within pairs"):
        prepared(values, pairs, settings=settings).relabelled(np.arange(90) % 2 == 1)


def test_sums_of_many_rows_in_single_precision_differ_by_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(22)
    rows, labels = rng.normal(size=(3000, 4)), rng.random((3000, 50)) < 0.3
    sides, settings = Sides(np.arange(3000) < 900, np.arange(3000)), ExactSettings(permutations=199)
    weights = (np.ones(3000), rng.uniform(1, 3, 3000))
    double = [SetDifferences(rows, given)(labels) for given in weights]
    whole = exact_test(rows, sides, settings=settings)
    monkeypatch.setattr(differences, "_MANY_ROWS", 1000)
    for given, expected in zip(weights, double, strict=True):
        single = SetDifferences(rows, given)
        assert single.precision == np.float32
        np.testing.assert_allclose(single(labels), expected, atol=1e-4)
    assert exact_test(rows, sides, settings=settings).p_value == pytest.approx(whole.p_value, abs=0.011)

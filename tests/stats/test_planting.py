"""Planted effects: the formula where it holds, the audit's own groups where it does not."""

import numpy as np
import pytest
from scipy.stats import norm

from earwitness.stats.planting import Found, Original, _first, repetitions, smallest_effect, step_of_auc
from earwitness.stats.power import minimum_detectable_auc, power_at
from earwitness.types import Floats, Ints


def found_share(original: Original, *, auc: float, found: Found, draws: int) -> int:
    """In how many repetitions an effect of this AUC is found."""
    step = step_of_auc(auc)
    return sum(found(repetition, repetition.planted(step)) for repetition in repetitions(original, draws=draws))


def _z_test(audit: Original, alpha: float = 0.05) -> Found:
    """A one-sided z-test of group means: what the formula in `earwitness.stats.power` describes."""
    sizes = np.bincount(audit.units)
    side = np.bincount(audit.units, audit.is_suspect) / sizes > 0.5

    def found(_: object, values: Floats) -> bool:
        means = np.bincount(audit.units, values.mean(axis=1)) / sizes
        a, b = means[side], means[~side]
        spread = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        return bool((a.mean() - b.mean()) / spread >= norm.isf(alpha))

    return found


def _audit(values: Floats, suspects: int, units: Ints | None = None, **more: object) -> Original:
    units = np.arange(len(values)) if units is None else units
    suspect = np.arange(len(values)) < suspects
    return Original(values=values, is_suspect=suspect, units=units, headline=np.ones(values.shape[1]), **more)  # type: ignore[arg-type]


def test_the_formula_is_met_where_it_holds() -> None:
    audit = _audit(np.random.default_rng(0).normal(size=(200, 1)), 100)
    found = smallest_effect(audit, found=_z_test(audit), draws=60)
    assert found.auc == pytest.approx(minimum_detectable_auc(100, 100, alpha=0.05), abs=0.025)
    count = found_share(audit, auc=0.6, found=_z_test(audit), draws=200)
    assert count / 200 == pytest.approx(power_at(0.6, 100, 100, alpha=0.05), abs=0.1)


def test_an_effect_is_stated_in_the_headline_score_and_planted_nowhere_else() -> None:
    values = np.random.default_rng(8).normal(size=(4000, 5))
    audit = Original(
        values=values, is_suspect=np.arange(4000) < 2000, units=np.arange(4000), headline=np.array([1, 1, 0, 0, 0.0])
    )
    repetition = next(repetitions(audit, draws=1))
    raised = repetition.planted(step_of_auc(0.7))
    assert np.array_equal(raised[:, 2:], repetition.scores[:, 2:])
    score = raised[:, :2].sum(axis=1)
    higher = score[audit.is_suspect][:, None] > score[~audit.is_suspect]
    assert higher.mean() == pytest.approx(0.7, abs=0.03)


def test_a_difference_that_is_there_already_does_not_count() -> None:
    rng = np.random.default_rng(1)
    audit = _audit(rng.normal(size=(120, 2)) + 3 * (np.arange(120) < 60)[:, None], 60)
    assert found_share(audit, auc=0.5, found=_z_test(audit), draws=300) <= 0.09 * 300


def test_what_blind_features_say_stays_and_the_rest_has_its_size() -> None:
    # A cause that the suspects have more of: its part in the features is the sets' own difference, not the model's.
    rng = np.random.default_rng(9)
    suspect = np.arange(400) < 200
    cause = rng.normal(size=400) + suspect
    values = cause[:, None] + rng.normal(size=(400, 2)) + 2 * suspect[:, None]
    audit = _audit(values, 200, covariates=np.column_stack([cause, rng.normal(size=400)]))
    repeated = [repetition.scores.mean(axis=1) for repetition in repetitions(audit, draws=200)]
    gaps = [score[suspect].mean() - score[~suspect].mean() for score in repeated]
    along = np.polyfit(cause[suspect], repeated[0][suspect], 1)[0]
    assert np.mean(gaps) == pytest.approx(along * (cause[suspect].mean() - cause[~suspect].mean()), rel=0.15)
    rest = [score - along * cause for score in repeated]
    spread = np.mean([rest[0][side].std() ** 2 for side in (suspect, ~suspect)])
    assert np.std(gaps) == pytest.approx(np.sqrt(2 * spread / 200), rel=0.2)


def test_albums_on_one_side_cost_what_they_cost() -> None:
    # Ten suspect albums of ten against a hundred singles: ten independent suspects, not a hundred.
    rng = np.random.default_rng(2)
    units = np.concatenate([np.repeat(np.arange(10), 10), np.arange(10, 110)])
    values = np.sqrt(0.8) * rng.normal(size=(110, 1))[units] + np.sqrt(0.2) * rng.normal(size=(200, 1))
    grouped, loose = _audit(values, 100, units), _audit(values, 100)
    albums = smallest_effect(grouped, found=_z_test(grouped), draws=40).auc
    singles = smallest_effect(loose, found=_z_test(loose), draws=40).auc
    assert albums is not None
    assert singles is not None
    assert albums > singles + 0.05


def test_what_can_never_be_found_is_said_to_be_so() -> None:
    audit = _audit(np.random.default_rng(3).normal(size=(20, 2)), 10)
    assert smallest_effect(audit, found=lambda _, __: False, draws=5).auc is None


def test_what_does_not_vary_or_is_missing_gets_no_effect() -> None:
    values = np.random.default_rng(3).normal(size=(20, 3))
    values[:, 1], values[4, 2] = 1.0, np.nan
    raised = next(repetitions(_audit(values, 10), draws=1)).planted(1.0)
    assert np.isnan(raised[:, 1]).all()
    assert np.argwhere(np.isnan(raised[:, [0, 2]])).tolist() == [[4, 1]]


def test_half_used_needs_twice_the_effect() -> None:
    audit = _audit(np.random.default_rng(4).normal(size=(300, 1)), 150)
    whole = smallest_effect(audit, found=_z_test(audit), draws=40)
    half = smallest_effect(audit, found=_z_test(audit), draws=40, fraction=0.5)
    assert norm.ppf(half.auc) / norm.ppf(whole.auc) == pytest.approx(2, rel=0.3)


def test_units_turn_whole() -> None:
    pairs = np.repeat(np.arange(8), 2)
    values = np.random.default_rng(5).normal(size=(16, 1))
    audit = Original(values=values, is_suspect=np.arange(16) % 2 == 0, units=pairs, headline=np.ones(1))
    apart = [repetition.scores[::2, 0] - repetition.scores[1::2, 0] for repetition in repetitions(audit, draws=6)]
    assert np.allclose(np.abs(apart), np.abs(apart[0]))
    assert len({tuple(np.sign(row)) for row in apart}) > 1


@pytest.mark.parametrize("guess", [0, 3, 30, 60, 61])
def test_the_first_level_that_is_enough_is_found_from_any_guess(guess: int) -> None:
    for first in range(62):
        assert _first(lambda level, first=first: level >= first, guess=guess) == first

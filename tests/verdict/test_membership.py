"""The membership evaluation against known answers, planted slips and its own file."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.roc import auc_delong
from earwitness.verdict.membership import MembershipResult, membership_evaluation, true_positive_rates


def _table(columns: dict[str, np.ndarray], member: np.ndarray, groups: list[str] | None = None) -> FeatureTable:
    n = len(member)
    frame = pl.DataFrame(
        {
            "track_id": [f"t{i:04d}" for i in range(n)],
            "role": np.where(member, "member", "non_member").tolist(),
            "group": groups or [f"t{i:04d}" for i in range(n)],
            **columns,
        }
    )
    starts = {"up*": "up", "fam*": "fam"}
    higher = [glob for glob, start in starts.items() if any(name.startswith(start) for name in columns)]
    return FeatureTable.from_frame(frame, higher=higher, lower=["down*"] if "down" in columns else [])


@pytest.fixture
def half_and_half() -> tuple[np.ndarray, np.random.Generator]:
    return np.arange(400) < 200, np.random.default_rng(0)


def test_true_positive_rates_are_those_of_the_roc_curve() -> None:
    rng = np.random.default_rng(1)
    member = rng.random(300) < 0.4
    scores = rng.integers(0, 25, 300) + 6.0 * member
    fpr, tpr, _ = roc_curve(member, scores, drop_intermediate=False)
    rates = [0.0, 0.01, 0.1, 0.5, 1.0]
    expected = [tpr[fpr <= rate].max() for rate in rates]
    np.testing.assert_allclose(true_positive_rates(scores, member, rates)[0], expected)


def test_weights_are_repetitions() -> None:
    rng = np.random.default_rng(2)
    member, scores = np.arange(30) < 12, rng.normal(size=30)
    weights = rng.integers(0, 4, (2, 30)).astype(float)
    rows = np.repeat(np.arange(30), weights[1].astype(int))
    found = true_positive_rates(scores, member, [0.1, 0.3], weights)[1]
    np.testing.assert_allclose(found, true_positive_rates(scores[rows], member[rows], [0.1, 0.3])[0])
    assert np.isnan(true_positive_rates(scores, member, [0.1], np.zeros((1, 30)))).all()


def test_figures_of_a_feature(half_and_half: tuple[np.ndarray, np.random.Generator]) -> None:
    member, rng = half_and_half
    scores = rng.normal(size=400) + 1.5 * member
    (feature,) = membership_evaluation(_table({"down": -scores}, member)).features
    delong = auc_delong(scores[member], scores[~member])
    assert feature.auc.estimate == pytest.approx(roc_auc_score(member, scores))
    assert (feature.auc.low, feature.auc.high) == pytest.approx((delong.low, delong.high))
    one, tenth = feature.true_positive_rates
    found = int((scores[member] > np.sort(scores[~member])[-3]).sum())
    assert one.estimate == pytest.approx(found / 200)
    assert (one.low, one.high) == pytest.approx(clopper_pearson(found, 200))
    assert (one.resolved, tenth.resolved, one.by_groups) == (True, False, False)
    # The best threshold of two normals 1.5 apart gives Φ(.75) = .773.
    assert feature.balanced_accuracy == pytest.approx(0.773, abs=0.04)
    assert feature.roc[0][0] == 0
    assert feature.roc[-1] == (1.0, 1.0)
    assert len(feature.roc) < 70


def test_nothing_there_gives_chance_and_no_optimism() -> None:
    member = np.arange(200) < 100
    accuracies, families = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        columns = {f"fam/k={k}": rng.normal(size=200) for k in range(8)}
        result = membership_evaluation(_table(columns, member), seed=seed)
        accuracies += [feature.balanced_accuracy for feature in result.features]
        families += [(family.selection_auc, family.auc.estimate) for family in result.families]
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.015)
    # Chosen as the best of eight it looks better than chance; on the other half it does not.
    selected, reported = np.mean(families, axis=0)
    assert selected > 0.56
    assert reported == pytest.approx(0.5, abs=0.03)


def test_families_take_the_variant_that_works(half_and_half: tuple[np.ndarray, np.random.Generator]) -> None:
    member, rng = half_and_half
    columns = {f"fam/k={k}": rng.normal(size=400) + (1.2 if k == 3 else 0) * member for k in range(5)}
    (family,) = membership_evaluation(_table({**columns, "up": rng.normal(size=400)}, member)).families
    assert (family.family, family.chosen, family.variants) == ("fam", "fam/k=3", 5)
    assert family.auc.estimate == pytest.approx(0.80, abs=0.06)


def test_combination_beats_its_weak_parts_and_leaves_unknown_ones_out(
    half_and_half: tuple[np.ndarray, np.random.Generator],
) -> None:
    member, rng = half_and_half
    parts = {f"up{j}": rng.normal(size=400) * 10**j + 0.4 * 10**j * member for j in range(5)}
    result = membership_evaluation(_table({**parts, "what": -100.0 * member + rng.normal(size=400)}, member))
    assert result.combined is not None
    best = max(f.auc.estimate for f in result.features if f.name != "what")
    assert result.combined.auc.estimate > best
    assert result.features[-1].name == "what"
    assert any("1 features have no known direction" in warning for warning in result.warnings)


def test_albums_widen_every_interval() -> None:
    rng = np.random.default_rng(4)
    groups = np.arange(400) // 20
    member = groups < 10
    scores = rng.normal(size=20)[groups] + rng.normal(size=400) + member
    single = membership_evaluation(_table({"up": scores}, member)).features[0]
    albums = membership_evaluation(_table({"up": scores}, member, [f"a{g}" for g in groups])).features[0]

    def width(interval: object) -> float:
        return interval.high - interval.low

    assert albums.auc.estimate == single.auc.estimate
    assert width(albums.auc) > 1.5 * width(single.auc)
    assert albums.true_positive_rates[0].by_groups
    assert width(albums.true_positive_rates[0]) > 1.5 * width(single.true_positive_rates[0])


def test_missing_and_constant_features_stay_undefined(
    half_and_half: tuple[np.ndarray, np.random.Generator],
) -> None:
    member, rng = half_and_half
    some = rng.normal(size=400) + member
    some[:50] = np.nan
    result = membership_evaluation(
        _table({"up_none": np.full(400, np.nan), "up_same": np.ones(400), "up_some": some}, member)
    )
    by_name = {feature.name: feature for feature in result.features}
    assert by_name["up_none"].auc.estimate is None
    assert (by_name["up_none"].missing, by_name["up_none"].balanced_accuracy) == (400, None)
    assert by_name["up_same"].auc.estimate == 0.5
    assert by_name["up_some"].missing == 50
    assert result.combined is not None
    assert result.combined.auc.estimate == pytest.approx(by_name["up_some"].auc.estimate)
    assert result.combined.missing == 50


def test_a_difference_without_the_model_is_said(half_and_half: tuple[np.ndarray, np.random.Generator]) -> None:
    member, rng = half_and_half
    columns = {
        "up": rng.normal(size=400),
        "blind/level": rng.normal(size=400) + member,
        "blind/x": rng.normal(size=400),
    }
    warnings = membership_evaluation(_table(columns, member)).warnings
    assert [w.split()[0] for w in warnings if "without the model" in w] == ["blind/level"]


def test_the_record_survives_its_file(tmp_path: Path, half_and_half: tuple[np.ndarray, np.random.Generator]) -> None:
    member, rng = half_and_half
    result = membership_evaluation(_table({"up": rng.normal(size=400)}, member))
    result.write(tmp_path / "mia.json")
    assert MembershipResult.read(tmp_path / "mia.json") == result
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(EarwitnessError, match="not a membership result"):
        MembershipResult.read(tmp_path / "other.json")
    with pytest.raises(EarwitnessError, match="does not exist"):
        MembershipResult.read(tmp_path / "absent.json")


def test_only_blind_features_are_refused(half_and_half: tuple[np.ndarray, np.random.Generator]) -> None:
    member, rng = half_and_half
    frame = _table({"up": rng.normal(size=400), "blind/x": rng.normal(size=400)}, member).frame.drop("up")
    with pytest.raises(EarwitnessError, match="only blind ones"):
        membership_evaluation(FeatureTable.from_frame(frame))

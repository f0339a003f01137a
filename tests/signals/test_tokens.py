"""Token signals against an independent NumPy reading of the formulas, and by hand."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from earwitness.errors import EarwitnessError
from earwitness.signals import token_features
from earwitness.signals.registry import spec_for
from earwitness.signals.tokens.excess_loss import ExcessLoss
from earwitness.signals.tokens.min_k import mean_of_smallest
from earwitness.signals.tokens.presets import PRESETS, token_preset
from earwitness.signals.tokens.reduction import ScoreBuffer
from earwitness.signals.tokens.scores import token_scores
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction

K, T, V = 4, 120, 64


@pytest.fixture(scope="module")
def window() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.normal(scale=2, size=(K, T, V)), rng.integers(V, size=(K, T)), rng.normal(scale=2, size=(K, T, V))


def log_softmax(u: np.ndarray) -> np.ndarray:
    shifted = u - u.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def independent(u: np.ndarray, z: np.ndarray) -> dict[str, float]:
    """The eighteen published features of logits [T, V] and tokens [T], written from the formulas."""
    logp = log_softmax(u)
    p = np.exp(logp)
    n = len(z)
    l = logp[np.arange(n), z]  # noqa: E741
    mu = (p * logp).sum(-1)
    sd = np.sqrt((p * logp**2).sum(-1) - mu**2 + 1e-6)
    s = (l - mu) / sd
    others = u.copy()
    others[np.arange(n), z] = -np.inf
    out = {"loss": -l.mean(), "hinge": (u[np.arange(n), z] - others.max(-1)).mean()}
    out["zlib/coding=list"] = -l.mean() / len(zlib.compress(str([int(c) for c in z]).encode()))
    for k in (0.1, 0.2, 0.3, 0.4, 0.5):
        count = int(np.floor(k * n + 1e-9))
        out[f"min_k/k={k}"] = np.sort(l)[:count].mean()
        out[f"min_k_pp/k={k}"] = np.sort(s)[:count].mean()
    for name, series in (("log_prob", l), ("z_score", s)):
        out[f"camia/below_mean/of={name}"] = np.mean(series < series.mean())
        running = [series[: t + 1].mean() for t in range(n)]
        out[f"camia/below_running_mean/of={name}"] = np.mean(series < running)
    out["camia/slope"] = np.polyfit(np.arange(n), l, 1)[0]
    return out


@pytest.mark.parametrize("as_torch", [False, True])
def test_iar_codebooks_agree_with_the_formulas(window: tuple[np.ndarray, ...], as_torch: bool) -> None:
    u, z, _ = window
    arguments = (torch.from_numpy(u), torch.from_numpy(z)) if as_torch else (u, z)
    features = token_features(*arguments, preset="iar-codebooks")
    assert len(features) == 72
    for k in range(K):
        for name, value in independent(u[k], z[k]).items():
            assert features[f"{name}/codebook={k}"] == pytest.approx(value, abs=1e-9), name


def test_float32_logits_agree_to_a_millionth(window: tuple[np.ndarray, ...]) -> None:
    u, z, _ = window
    features = token_features(u.astype(np.float32), z, preset="iar")
    for name, value in independent(u[0].astype(np.float32).astype(np.float64), z[0]).items():
        assert features[f"{name}/codebook=0"] == pytest.approx(value, rel=0, abs=1e-6), name


def test_the_contrast_is_the_softmax_of_the_difference(window: tuple[np.ndarray, ...]) -> None:
    u, z, null = window
    features = token_features(u, z, null_logits=null, preset="iar")
    assert set(features) == {f"{name}/codebook=0/contrast" for name in independent(u[0], z[0])}
    for name, value in independent(u[0] - null[0], z[0]).items():
        assert features[f"{name}/codebook=0/contrast"] == pytest.approx(value, abs=1e-9), name


def test_the_contrast_ratio_is_the_mean_gain_in_likelihood(window: tuple[np.ndarray, ...]) -> None:
    u, z, null = window
    features = token_features(u, z, null_logits=null, preset="full")
    index = np.arange(T)
    for k in range(K):
        gain = (log_softmax(u[k])[index, z[k]] - log_softmax(null[k])[index, z[k]]).mean()
        assert features[f"contrast_ratio/codebook={k}"] == pytest.approx(gain)


def test_pooled_features_use_all_codebooks(window: tuple[np.ndarray, ...]) -> None:
    u, z, _ = window
    features = token_features(u, z, preset="full")
    l = np.take_along_axis(log_softmax(u), z[..., None], -1)[..., 0]  # noqa: E741
    assert features["loss/codebook=all"] == pytest.approx(-l.mean())
    assert features["min_k/k=0.1/codebook=all"] == pytest.approx(np.sort(l.ravel())[: K * T // 10].mean())
    assert features["camia/slope/codebook=all"] == pytest.approx(np.polyfit(np.arange(T), l.mean(0), 1)[0])


def test_excess_loss_is_what_surprises_beyond_the_models_own_expectation(window: tuple[np.ndarray, ...]) -> None:
    u, z, _ = window
    valid = np.ones((K, T), dtype=bool)
    valid[3, 20:] = False  # a codebook with fewer tokens has the same weight
    features = token_features(u, z, valid=valid, preset="default")
    logp = log_softmax(u)
    entropy = -(np.exp(logp) * logp).sum(-1)
    excess = -np.take_along_axis(logp, z[..., None], -1)[..., 0] - entropy
    by_codebook = [excess[k][valid[k]].mean() for k in range(K)]
    for k in range(K):
        assert features[f"excess_loss/codebook={k}"] == pytest.approx(by_codebook[k])
    assert features["excess_loss/codebook=all"] == pytest.approx(np.mean(by_codebook))


def test_min_k_pp_as_one_number_gives_every_codebook_the_same_weight(window: tuple[np.ndarray, ...]) -> None:
    u, z, _ = window
    valid = np.ones((K, T), dtype=bool)
    valid[3, 20:] = False  # a codebook with fewer tokens has the same weight
    features = token_features(u, z, valid=valid, preset="default")
    by_codebook = []
    for k in range(K):
        own = independent(u[k][valid[k]], z[k][valid[k]])
        by_codebook.append(np.mean([own[f"min_k_pp/k=0.{share}"] for share in (1, 2, 3, 4, 5)]))
        assert features[f"min_k_pp_mean/codebook={k}"] == pytest.approx(by_codebook[k])
    assert features["min_k_pp_mean/codebook=all"] == pytest.approx(np.mean(by_codebook))


def test_a_score_is_not_asked_what_is_for_codec_tokens() -> None:
    """No noise is added to a score, and Min-K %++ beside excess loss costs power there."""
    asked = {spec.name for spec in token_preset("full").specs(1, guided=True)}
    of_scores = {spec.name for spec in token_preset("full").for_scores().specs(1, guided=True)}
    gone = {name.split("/")[0] for name in asked - of_scores}
    assert gone == {"min_k_pp_mean", "neighbour"}
    assert of_scores < asked


def test_a_calibrated_model_has_no_excess_loss() -> None:
    """Two codes, 3/4 and 1/4, which come as often as the model says."""
    u = np.log(np.array([[[0.75, 0.25]] * 8]))
    features = token_features(u, np.array([[0, 0, 1, 0, 0, 0, 1, 0]]), preset="default")
    assert features["excess_loss/codebook=0"] == pytest.approx(0, abs=1e-12)


def test_tokens_of_each_kind_are_measured_in_their_own_deviations() -> None:
    """Two kinds of tokens, one of two equal codes and one of four: by hand."""
    log_prob = np.log([[0.5, 0.25, 0.5, 0.25]])
    hard, easy = np.array([[0.0, 2.0, 0.0, 4.0]]), np.array([[0.0, 0.3, 0.0, 0.5]])
    quantities = {
        "log_prob": log_prob - hard,
        "mean_log_prob": log_prob,
        "var_log_prob": hard**2 + easy,
        "margin": np.zeros((1, 4)),
    }
    scores = token_scores(np.zeros((1, 4), dtype=np.int64), quantities)
    assert ExcessLoss().measure(Passes(condition=scores)) == [pytest.approx(6 / 4)]
    of_kinds = replace(scores, kind=np.array([[0, 1, 0, 1]]))
    deviation = np.sqrt((2**2 + 0.3 + 4**2 + 0.5) / 2 + 0.01)
    assert ExcessLoss().measure(Passes(condition=of_kinds)) == [pytest.approx(6 / deviation / 4)]
    assert of_kinds.frames(1, 2).kind.tolist() == [[1]]  # type: ignore[union-attr]


def test_only_a_whole_signal_is_a_headline() -> None:
    for preset in map(token_preset, ("default", "full")):
        headline = [spec.name for spec in preset.specs(K, guided=True) if spec.headline]
        assert headline == ["excess_loss/codebook=all", "min_k_pp_mean/codebook=all"]
        of_scores = [spec.name for spec in preset.for_scores().specs(1, guided=True) if spec.headline]
        assert of_scores == ["excess_loss/codebook=0"]
    assert not any(spec.headline for spec in token_preset("iar").specs(K, guided=True))
    assert spec_for("excess_loss/codebook=all").headline  # type: ignore[union-attr]
    assert not spec_for("excess_loss/codebook=0").headline  # type: ignore[union-attr]


def test_positions_that_are_not_valid_do_not_count(window: tuple[np.ndarray, ...]) -> None:
    u, z, _ = window
    valid = np.ones((K, T), dtype=bool)
    valid[:, 100:] = False
    masked = token_features(u, z, valid=valid, preset="iar-codebooks")
    short = token_features(u[:, :100], z[:, :100], preset="iar-codebooks")
    assert masked == pytest.approx(short)


def test_nothing_to_score_is_missing_not_zero(window: tuple[np.ndarray, ...]) -> None:
    u, z, _ = window
    features = token_features(u, z, valid=np.zeros((K, T), dtype=bool), preset="full")
    assert all(np.isnan(value) for value in features.values())


def test_a_certain_model_by_hand() -> None:
    """Two codes, the true one with probability 3/4: every number can be worked out."""
    u = np.log(np.array([[[0.75, 0.25]] * 8]))
    features = token_features(u, np.zeros((1, 8), dtype=int), preset="iar")
    assert features["loss/codebook=0"] == pytest.approx(-np.log(0.75))
    assert features["hinge/codebook=0"] == pytest.approx(np.log(3))
    mean = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    sd = np.sqrt(0.75 * np.log(0.75) ** 2 + 0.25 * np.log(0.25) ** 2 - mean**2 + 1e-6)
    assert features["min_k_pp/k=0.1/codebook=0"] == pytest.approx((np.log(0.75) - mean) / sd)
    assert features["camia/slope/codebook=0"] == pytest.approx(0)


def test_the_floor_of_kn_survives_binary_fractions() -> None:
    assert mean_of_smallest(np.arange(10.0), [0.3]) == [1.0]  # 0.3 * 10 is 2.9999999999999996
    assert mean_of_smallest(np.arange(10.0), [0.01]) == [0.0]  # at least one


def test_chunks_of_any_size_give_the_same_scores(window: tuple[np.ndarray, ...]) -> None:
    u, z, _ = window
    codes, logits = torch.from_numpy(z)[None], torch.from_numpy(u)[None]
    whole, pieces = ScoreBuffer(codes), ScoreBuffer(codes)
    whole.add(logits)
    for start in range(0, T, 7):
        pieces.add(logits[:, :, start : start + 7])
    np.testing.assert_array_equal(whole.windows()[0].log_prob, pieces.windows()[0].log_prob)
    with pytest.raises(ValueError, match="0 of 120 frames"):
        ScoreBuffer(codes).windows()


def test_every_feature_of_every_preset_has_a_registered_direction() -> None:
    for preset in PRESETS.values():
        for guided in (False, True):
            for spec in preset.specs(K, guided=guided):
                found = spec_for(spec.name)
                assert found is not None
                assert found.member_is == spec.member_is
                assert spec.source.startswith("arXiv ")
    assert spec_for("loss/codebook=3") is not None
    assert spec_for("loss/codebook=3").member_is is Direction.LOWER  # type: ignore[union-attr]
    assert spec_for("stranger") is None


def test_wrong_arguments_are_named(window: tuple[np.ndarray, ...]) -> None:
    u, z, _ = window
    with pytest.raises(ValueError, match="do not fit"):
        token_features(u[:, :10], z)
    with pytest.raises(ValueError, match="0 … 63"):
        token_features(u, z + V)
    with pytest.raises(EarwitnessError, match="no preset 'all'"):
        token_preset("all")

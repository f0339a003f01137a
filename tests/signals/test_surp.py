"""SURP against the definition, token by token, and by hand."""

import numpy as np
import pytest

from earwitness.signals.tokens.scores import TokenScores, token_scores
from earwitness.signals.tokens.signal import Passes
from earwitness.signals.tokens.surp import Surp
from earwitness.spec import Direction


def scores(log_prob: np.ndarray, entropy: np.ndarray, valid: np.ndarray | None = None) -> TokenScores:
    still = np.zeros_like(log_prob)
    quantities = {"log_prob": log_prob, "mean_log_prob": -entropy, "var_log_prob": still, "margin": still}
    return token_scores(np.zeros(log_prob.shape, dtype=np.int64), quantities, valid)


def measured(signal: Surp, of: TokenScores) -> dict[str, float]:
    return dict(zip((spec.name for spec in signal.specs), signal.measure(Passes(condition=of)), strict=True))


def surprise(log_prob: np.ndarray, entropy: np.ndarray, k: float, *, h: float = np.inf, share: float = 1.0) -> float:
    """The mean over an explicit intersection of two sets of token numbers."""
    n = len(log_prob)
    unlikely = set(sorted(range(n), key=lambda i: log_prob[i])[: int(k * n)])
    sure = set(sorted(range(n), key=lambda i: entropy[i])[: int(share * n)])
    chosen = [log_prob[i] for i in unlikely & sure if entropy[i] < h]
    return float(np.mean(chosen)) if chosen else np.nan


def test_features_follow_the_definition() -> None:
    rng = np.random.default_rng(5)
    entropy = rng.gamma(4, 0.8, size=(2, 100))
    log_prob = -rng.gamma(2, 1.5, size=(2, 100))
    found = measured(Surp(), scores(log_prob, entropy))
    expected = {}
    for k in (0.2, 0.4):
        for h in (2, 4):
            expected[f"surp/k={k}/h={h}"] = surprise(log_prob.ravel(), entropy.ravel(), k, h=h)
        for q in (0.25, 0.5):
            expected[f"surp/k={k}/entropy_share={q}"] = surprise(log_prob.ravel(), entropy.ravel(), k, share=q)
    assert found == pytest.approx(expected)
    assert {spec.member_is for spec in Surp().specs} == {Direction.HIGHER}


def test_sure_and_wrong_by_hand() -> None:
    log_prob = np.array([[-9.0, -8.0, -7.0, -1.0, -1.0]])
    entropy = np.array([[5.0, 1.0, 2.0, 0.5, 0.1]])
    found = measured(Surp(shares=(0.6,), entropy_bounds=(2.0, 6.0), entropy_shares=(0.8,)), scores(log_prob, entropy))
    assert found["surp/k=0.6/h=2"] == -8.0  # the bound itself is not below it
    assert found["surp/k=0.6/h=6"] == -8.0
    assert found["surp/k=0.6/entropy_share=0.8"] == -7.5


def test_no_surprise_is_missing_not_zero() -> None:
    uncertain = scores(np.full((1, 20), -6.0), np.full((1, 20), 6.0))
    found = measured(Surp(entropy_shares=(0.5,)), uncertain)
    assert np.isnan(found["surp/k=0.2/h=2"])
    assert found["surp/k=0.2/entropy_share=0.5"] == -6.0
    assert np.isnan(list(measured(Surp(), uncertain.frames(0, 0)).values())).all()


def test_positions_that_are_not_valid_do_not_count() -> None:
    rng = np.random.default_rng(6)
    log_prob, entropy = -rng.gamma(2, size=(1, 80)), rng.gamma(2, size=(1, 80))
    valid = np.arange(80)[None] < 50
    masked = measured(Surp(), scores(log_prob, entropy, valid))
    assert masked == pytest.approx(measured(Surp(), scores(log_prob[:, :50], entropy[:, :50])))

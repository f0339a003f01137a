"""The reduction of logits, its optional entropies, and the Rényi features, against plain formulas."""

from math import inf

import numpy as np
import pytest
import torch

from earwitness.signals.tokens.reduction import ScoreBuffer, reduce_logits
from earwitness.signals.tokens.renyi import Renyi
from earwitness.signals.tokens.scores import ENTROPY_QUANTITIES, QUANTITIES, TokenScores
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction

ALL = tuple(ENTROPY_QUANTITIES.values())


def probabilities(u: np.ndarray) -> np.ndarray:
    e = np.exp(u - u.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def entropy(p: np.ndarray, order: float) -> np.ndarray:
    """Rényi's definition, with its two limits."""
    if order == 1:
        return -(p * np.log(p)).sum(-1)
    return -np.log(p.max(-1)) if order == inf else np.log((p**order).sum(-1)) / (1 - order)


@pytest.fixture(scope="module")
def window() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(scale=2, size=(2, 50, 32)), rng.integers(32, size=(2, 50))


def scored(u: np.ndarray, z: np.ndarray, quantities: tuple[str, ...] = ALL) -> TokenScores:
    buffer = ScoreBuffer(torch.from_numpy(z)[None], quantities)
    buffer.add(torch.from_numpy(u)[None])
    return buffer.windows()[0]


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0, inf])
def test_entropies_follow_renyis_definition(window: tuple[np.ndarray, np.ndarray], order: float) -> None:
    u, z = window
    np.testing.assert_allclose(scored(u, z).entropy(order), entropy(probabilities(u), order), atol=1e-12)
    single = scored(u.astype(np.float32), z)
    np.testing.assert_allclose(single.entropy(order), entropy(probabilities(u), order), atol=5e-6)


def test_a_fair_choice_has_one_entropy_and_an_unfair_one_by_hand() -> None:
    z = np.zeros((1, 1), dtype=np.int64)
    fair = scored(np.zeros((1, 1, 8)), z)
    assert [fair.entropy(order).item() for order in (0.5, 1, 2, inf)] == pytest.approx([np.log(8)] * 4)
    unfair = scored(np.log([[[0.75, 0.25]]]), z)
    assert unfair.entropy(inf).item() == pytest.approx(np.log(4 / 3))
    assert unfair.entropy(2).item() == pytest.approx(np.log(8 / 5))
    assert unfair.entropy(0.5).item() == pytest.approx(2 * np.log((np.sqrt(3) + 1) / 2))


def test_only_what_was_asked_for_is_computed(window: tuple[np.ndarray, np.ndarray]) -> None:
    u, z = torch.from_numpy(window[0]), torch.from_numpy(window[1])
    assert set(reduce_logits(u, z)) == set(QUANTITIES)
    assert set(reduce_logits(u, z, ["min_entropy"])) == {*QUANTITIES, "min_entropy"}
    scores = scored(*window, ("min_entropy",))
    with pytest.raises(ValueError, match="no entropy of order 2; ask the reduction"):
        scores.entropy(2)
    with pytest.raises(ValueError, match="no entropy of order 3"):
        scores.entropy(3)
    with pytest.raises(ValueError, match="no quantity max_entropy"):
        reduce_logits(u, z, ["max_entropy"])


def test_parts_of_scores_keep_every_quantity(window: tuple[np.ndarray, np.ndarray]) -> None:
    whole = scored(*window)
    part = whole.codebook(1).frames(10, 30)
    for name in ("codes", "valid", *QUANTITIES, *ALL):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[1:2, 10:30])
    assert scored(*window, ()).codebook(0).half_entropy is None


def test_blocks_and_strides_change_nothing() -> None:
    """More tokens than a block holds, laid out as a target's heads leave them."""
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(2, 60, 3, 2048, generator=generator).transpose(1, 2)
    z = torch.randint(2048, (2, 3, 60), generator=generator)
    whole = reduce_logits(u, z, ALL)
    log_prob = u.double().log_softmax(-1)
    prob = log_prob.exp()
    mean = (prob * log_prob).sum(-1)
    chosen = u.gather(-1, z[..., None])[..., 0]
    others = u.scatter(-1, z[..., None], -torch.inf).amax(-1)
    expected = {
        "log_prob": log_prob.gather(-1, z[..., None])[..., 0],
        "mean_log_prob": mean,
        "var_log_prob": (prob * log_prob.square()).sum(-1) - mean.square(),
        "margin": chosen - others,
        "half_entropy": 2 * prob.sqrt().sum(-1).log(),
        "collision_entropy": -prob.square().sum(-1).log(),
        "min_entropy": -log_prob.amax(-1),
    }
    for name, values in expected.items():
        torch.testing.assert_close(whole[name].double(), values.double(), atol=4e-6, rtol=0)
    assert reduce_logits(u[:, :, :0], z[:, :, :0])["margin"].shape == (2, 3, 0)


def test_the_margin_looks_past_the_token_itself() -> None:
    u = torch.tensor([[1.0, 4.0, 3.0], [1.0, 4.0, 3.0], [5.0, 5.0, 2.0]])
    assert reduce_logits(u, torch.tensor([1, 2, 0]))["margin"].tolist() == [1.0, -1.0, 0.0]


def test_features_are_means_of_the_extremes(window: tuple[np.ndarray, np.ndarray]) -> None:
    u, z = window
    values = Renyi().measure(Passes(condition=scored(u, z)))
    found = dict(zip((spec.name for spec in Renyi().specs), values, strict=True))
    assert len(found) == 20
    for order in (0.5, 1.0, 2.0, inf):
        ranked = np.sort(entropy(probabilities(u), order).ravel())
        name = f"renyi/alpha={order:g}"
        assert found[f"{name}/largest=0"] == pytest.approx(ranked[-1])
        assert found[f"{name}/largest=0.1"] == pytest.approx(ranked[-10:].mean())
        assert found[f"{name}/smallest=0"] == pytest.approx(ranked[0])
        assert found[f"{name}/smallest=0.1"] == pytest.approx(ranked[:10].mean())
        assert found[f"{name}/mean"] == pytest.approx(ranked.mean())
    assert {spec.member_is for spec in Renyi().specs} == {Direction.UNKNOWN}


def test_a_signal_asks_for_what_its_orders_need(window: tuple[np.ndarray, np.ndarray]) -> None:
    assert list(Renyi().quantities) == list(ALL)
    shannon = Renyi(orders=(1.0,))
    assert not shannon.quantities
    plain = Passes(condition=scored(*window, ()))
    assert len(shannon.measure(plain)) == 5
    with pytest.raises(ValueError, match=r"no entropy of order 0\.5"):
        Renyi().measure(plain)


def test_nothing_to_score_is_missing(window: tuple[np.ndarray, np.ndarray]) -> None:
    nothing = scored(*window).frames(0, 0)
    assert np.isnan(Renyi().measure(Passes(condition=nothing))).all()

"""Further passes on a real tiny model: what is asked is what the formula says, window by window."""

import numpy as np
import pytest
import torch

from earwitness.errors import EarwitnessError
from earwitness.measure.passes.audio_neighbour import CHANGES, AudioNeighbourPass
from earwitness.measure.passes.batch import Batch, Window, encode, frame_limit, rng_for, scores
from earwitness.measure.passes.camia_full import CamiaFullPass
from earwitness.measure.passes.grad_norm import GradNormPass
from earwitness.measure.passes.neighbour import NeighbourPass
from earwitness.measure.passes.recall import RecallPass
from earwitness.measure.passes.reference import ReferencePass
from earwitness.measure.passes.sdm import SdmPass
from earwitness.measure.tokens import TokenInstrument, target_passes
from earwitness.signals.tokens.loss import Loss
from earwitness.signals.tokens.neighbour import Neighbour
from earwitness.signals.tokens.presets import token_preset
from earwitness.signals.tokens.recall import Recall
from earwitness.signals.tokens.reference import Reference
from earwitness.signals.tokens.requests import (
    AudioNeighbourRequest,
    CamiaFullRequest,
    GradNormRequest,
    NeighbourRequest,
    RecallRequest,
    ReferenceRequest,
    SdmRequest,
)
from earwitness.signals.tokens.scores import TokenScores
from earwitness.targets import load_target
from earwitness.targets.protocols import TokenTarget
from tests.tiny import SAMPLE_RATE, save_tiny_musicgen

SECONDS = 1.0


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> TokenTarget:
    return load_target(str(save_tiny_musicgen(tmp_path_factory.mktemp("target"))), device="cpu")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> TokenTarget:
    return load_target(str(save_tiny_musicgen(tmp_path_factory.mktemp("other"), seed=1)), device="cpu")


def window(i: int, seconds: float = SECONDS) -> Window:
    wave = np.random.default_rng(i).normal(scale=0.3, size=round(seconds * SAMPLE_RATE)).astype(np.float32)
    return Window(content=wave, prompt="a reel in d major", key=f"track {i}/0")


@pytest.fixture(scope="module")
def batch(target: TokenTarget) -> Batch:
    return encode(target, [window(0), window(1)])


def log_probs(target: TokenTarget, codes: torch.Tensor, prompts: list[str]) -> np.ndarray:
    """log p of every code [batch, K, T], from all logits at once."""
    with torch.no_grad():
        logits = torch.cat([chunk.condition for chunk in target.logits(codes, prompts, null=False)], dim=2)
    return logits.double().log_softmax(-1).gather(-1, codes[..., None])[..., 0].numpy()


def test_a_repetition_scores_the_last_copy_within_the_models_window(target: TokenTarget, batch: Batch) -> None:
    assert frame_limit(target) == 100
    codes = batch.codes.repeat(1, 1, 2)
    wanted = log_probs(target, codes, list(batch.conditions))[:, :, 50:]
    found = CamiaFullPass().ask(target, batch, CamiaFullRequest(2))
    for got, want in zip(found, wanted, strict=True):
        assert isinstance(got, TokenScores)
        np.testing.assert_allclose(got.log_prob, want, atol=1e-5)
    thirds = CamiaFullPass().ask(target, batch, CamiaFullRequest(3))
    assert isinstance(thirds[0], TokenScores)
    assert thirds[0].codes.shape == (3, 33)  # three copies of 33 frames are all that 100 hold


def test_a_prefix_is_the_beginning_of_an_anchor(target: TokenTarget, batch: Batch) -> None:
    asked = RecallPass.of(target, [window(7)])
    prefix = target.encode(window(7).content[None])[:, :, :20]
    codes = torch.cat([prefix.expand(2, -1, -1), batch.codes], dim=2)
    wanted = log_probs(target, codes, list(batch.conditions))[:, :, 20:]
    found = asked.ask(target, batch, RecallRequest(0.4))
    assert isinstance(found[1], TokenScores)
    np.testing.assert_allclose(found[1].log_prob, wanted[1], atol=1e-5)
    longer = encode(target, [window(0, seconds=1.8)])
    cut = asked.ask(target, longer, RecallRequest(0.4))
    assert isinstance(cut[0], TokenScores)
    assert cut[0].codes.shape == (3, 80)  # 100 frames hold a prefix of 20 and 80 of the window's 90
    with pytest.raises(EarwitnessError, match="leave recall out"):
        RecallPass.of(target, [window(7, seconds=2.0)]).ask(target, batch, RecallRequest(2.0))


def test_recall_is_the_ratio_over_the_same_tokens(target: TokenTarget) -> None:
    preset = token_preset("default").with_signals({"recall": Recall(RecallRequest(0.4))})
    instrument = TokenInstrument(
        target=target, preset=preset, guided=False, further=(RecallPass.of(target, [window(7)]), *target_passes(0))
    )
    measured = instrument.measure([window(0, seconds=1.8)])[0]
    codes = target.encode(window(0, seconds=1.8).content[None])
    prefix = target.encode(window(7).content[None])[:, :, :20]
    prompts = [window(0).prompt]
    behind = log_probs(target, torch.cat([prefix, codes[:, :, :80]], dim=2), prompts)[0, :, 20:]
    alone = log_probs(target, codes, prompts)[0, :, :80]
    assert measured["recall/codebook=1"] == pytest.approx(behind[1].mean() / alone[1].mean(), abs=1e-6)
    assert measured["recall/codebook=all"] == pytest.approx(behind.mean() / alone.mean(), abs=1e-6)


def test_resampled_tokens_come_from_their_own_codebook_and_depend_on_the_key_alone(
    target: TokenTarget, batch: Batch
) -> None:
    first = NeighbourPass(seed=3).ask(target, batch, NeighbourRequest(0.1, 0))[1]
    alone = NeighbourPass(seed=3).ask(target, encode(target, [window(1)]), NeighbourRequest(0.1, 0))[0]
    other_draw = NeighbourPass(seed=3).ask(target, batch, NeighbourRequest(0.1, 1))[1]
    assert isinstance(first, TokenScores)
    assert isinstance(alone, TokenScores)
    assert isinstance(other_draw, TokenScores)
    np.testing.assert_array_equal(first.codes, alone.codes)
    assert (first.codes != other_draw.codes).any()
    own = batch.codes[1].numpy()
    changed = first.codes != own
    assert (changed.sum(axis=1) <= 5).all()  # a tenth of 50 places, some by their like
    assert changed.any()
    for k in range(3):
        assert set(first.codes[k]) <= set(own[k])


def test_neighbour_is_the_mean_drop_over_the_draws(target: TokenTarget) -> None:
    preset = token_preset("default").with_signals({"neighbour": Neighbour(share=0.2, draws=2)})
    instrument = TokenInstrument(target=target, preset=preset, guided=False, further=target_passes(0))
    measured = instrument.measure([window(0)])[0]
    batch = encode(target, [window(0)])
    copies = [NeighbourPass(seed=0).ask(target, batch, NeighbourRequest(0.2, draw))[0] for draw in range(2)]
    means = [
        log_probs(target, torch.from_numpy(copy.codes)[None], [window(0).prompt]).mean()
        for copy in copies
        if isinstance(copy, TokenScores)
    ]
    own = log_probs(target, batch.codes, [window(0).prompt]).mean()
    assert measured["neighbour/by=tokens/codebook=all"] == pytest.approx(own - np.mean(means), abs=1e-6)


@pytest.mark.parametrize("change", CHANGES)
def test_audio_changes_are_slight_and_keep_the_length(change: str) -> None:
    if change.startswith(("pitch", "stretch")):
        pytest.importorskip("librosa", reason="needs pip install 'earwitness[perturb]'")
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    wave = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    changed = CHANGES[change](wave, SAMPLE_RATE, np.random.default_rng(0))
    assert changed.shape == wave.shape
    assert changed.dtype == np.float32
    assert np.abs(changed - wave).max() > 0
    spectrum = np.abs(np.fft.rfft(changed[: SAMPLE_RATE // 2] * np.hanning(SAMPLE_RATE // 2)))
    peak = 2.0 * int(spectrum.argmax())  # bins of 2 Hz
    assert peak == pytest.approx(440 * {"pitch=+10cents": 1.0058, "pitch=-10cents": 0.9942}.get(change, 1), abs=2)


def test_a_gain_is_three_decibels() -> None:
    wave = np.ones(10, dtype=np.float32)
    assert CHANGES["gain=-3dB"](wave, SAMPLE_RATE, np.random.default_rng(0))[0] == pytest.approx(0.70795, abs=1e-5)


def test_changed_audio_is_encoded_again(target: TokenTarget, batch: Batch) -> None:
    found = AudioNeighbourPass(seed=0).ask(target, batch, AudioNeighbourRequest("noise=-40dB"))
    noisy = CHANGES["noise=-40dB"](window(1).content, SAMPLE_RATE, rng_for(0, "track 1/0", "noise=-40dB"))
    assert isinstance(found[1], TokenScores)
    np.testing.assert_array_equal(found[1].codes, target.encode(noisy[None])[0].numpy())


def test_a_reference_is_asked_in_its_own_codes(target: TokenTarget, other: TokenTarget) -> None:
    preset = token_preset("default").with_signals({"loss": Loss(), "reference": Reference("other")})
    instrument = TokenInstrument(
        target=target,
        preset=preset,
        guided=False,
        further=(ReferencePass(name="other", model=other), *target_passes(0)),
    )
    measured = instrument.measure([window(0)])[0]
    theirs = encode(other, [window(0)])
    loss = -log_probs(other, theirs.codes, [window(0).prompt])[0]
    name = "reference/of=loss/model=other/codebook=all"
    assert measured[name] == pytest.approx(measured["loss/codebook=all"] - loss.mean(), abs=1e-6)
    spec = next(spec for spec in instrument.specs if spec.name == name)
    assert spec.member_is == Loss().specs[0].member_is
    assert spec.headline
    assert not any(spec.headline for spec in instrument.specs if spec.name.startswith("reference/of=min_k_pp"))


def test_a_reference_of_another_sample_rate_hears_the_window_resampled(
    target: TokenTarget, other: TokenTarget, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other, "sample_rate", SAMPLE_RATE // 2)
    found = ReferencePass(name="o", model=other).ask(target, batch, ReferenceRequest("o"))
    assert isinstance(found[0], TokenScores)
    assert found[0].codes.shape == (3, 25)


def test_the_gradient_norm_is_that_of_finite_differences(target: TokenTarget, batch: Batch) -> None:
    norms = GradNormPass().ask(target, batch, GradNormRequest())
    assert isinstance(norms[0], float)
    parameters = list(target.parameters())  # type: ignore[attr-defined]
    # Along its own direction, a gradient's slope is its norm.
    with torch.enable_grad():
        logits = torch.cat(
            [c.condition for c in target.logits(batch.codes[:1].clone(), [window(0).prompt], null=False)], dim=2
        )
        loss = -logits.log_softmax(-1).gather(-1, batch.codes[:1].clone()[..., None]).mean()
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    step = 1e-3 / norms[0]
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    parameter.add_(sign * step * gradient)
        values.append(-log_probs(target, batch.codes[:1], [window(0).prompt]).mean())
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    parameter.sub_(sign * step * gradient)
    assert (values[0] - values[1]) / 2e-3 == pytest.approx(norms[0], rel=0.02)


def test_the_distance_to_the_anchors_is_the_mean_over_all_pairs(target: TokenTarget) -> None:
    anchors = [window(7), window(8)]
    request = SdmRequest(frames=20)
    asked = SdmPass.of(target, anchors, request)

    def chunks(windows: list[Window]) -> np.ndarray:
        rows = []
        for one in windows:
            codes = target.encode(one.content[None])
            with torch.no_grad():
                logits = torch.cat([c.condition for c in target.logits(codes, [one.prompt], null=False)], dim=2)[0]
            rows += [logits[:, start : start + 20].mean(1).numpy() for start in (0, 20, 40)]
        return np.stack(rows)

    own, cloud = chunks([window(0)]), chunks(anchors)
    cosine = np.einsum("nkv,mkv->nmk", own, cloud) / (
        np.linalg.norm(own, axis=-1)[:, None] * np.linalg.norm(cloud, axis=-1)[None]
    )
    batch = encode(target, [window(0)])
    watch = asked.watch(target, batch, request)
    with torch.no_grad():
        for chunk in target.logits(batch.codes, [window(0).prompt], null=False):
            watch.add(chunk.condition)
    assert watch.finish()[0] == pytest.approx(1 - cosine.mean(), abs=1e-5)


def test_an_unanswered_request_is_named(target: TokenTarget) -> None:
    preset = token_preset("default").with_signals({"recall": Recall()})
    instrument = TokenInstrument(target=target, preset=preset, guided=False, further=target_passes(0))
    with pytest.raises(EarwitnessError, match="RecallRequest"):
        instrument.measure([window(0)])


def test_the_plain_scores_of_a_batch_are_those_of_its_windows(target: TokenTarget, batch: Batch) -> None:
    together = scores(target, batch)
    alone = scores(target, encode(target, [window(1)]))
    np.testing.assert_allclose(together[1].log_prob, alone[0].log_prob, atol=1e-5)

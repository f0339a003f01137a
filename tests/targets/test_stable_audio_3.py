"""Stable Audio 3 beside its pipeline: what the transformer is given, the contract, the layout on disk."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderSAME, FlowMatchEulerDiscreteScheduler, StableAudio3DiTModel, StableAudio3Pipeline
from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast, T5GemmaConfig, T5GemmaEncoderModel

from earwitness.targets import load_target
from earwitness.targets.protocols import DenoiserTarget, Flows, WhiteBox
from earwitness.targets.stable_audio_3 import StableAudio3
from earwitness.testing import check_target

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
WIDTH, LATENT, RATE, HOP = 16, 8, 400, 16
WORDS = ["<pad>", "<unk>", "slow", "piano", "fast", "drums", "and", "a", "flute"]


def save_tiny(folder: Path, *, distilled: bool = False) -> Path:
    torch.manual_seed(0)
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    sizes = {
        "hidden_size": WIDTH, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 16, "query_pre_attn_scalar": 8,
        "layer_types": ["full_attention"],
    }  # fmt: skip
    text_encoder = T5GemmaEncoderModel(T5GemmaConfig(encoder=sizes, decoder=sizes, is_encoder_decoder=False))
    parts: dict[str, Any] = {
        "vae": AutoencoderSAME(
            patch_size=4, encoder_channels=16, encoder_c_mults=[1], encoder_strides=[4], encoder_transformer_depths=[1],
            latent_dim=LATENT, dim_heads=8, sampling_rate=RATE,
        ),
        "text_encoder": text_encoder,
        "duration_embedder": StableAudio3DurationEmbedder(output_dim=WIDTH, fourier_dim=8, max_val=60.0),
        "transformer": StableAudio3DiTModel(
            io_channels=LATENT, embed_dim=32, depth=2, num_heads=2, cond_token_dim=WIDTH, global_cond_dim=WIDTH,
            num_memory_tokens=2,
        ),
    }  # fmt: skip
    for part in parts.values():
        for parameter in part.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.3)
    parts["tokenizer"] = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", model_max_length=8
    )
    parts["scheduler"] = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, stochastic_sampling=distilled)
    StableAudio3Pipeline(**parts).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("sa3"))


@pytest.fixture(scope="module")
def target(folder: Path) -> StableAudio3:
    found = load_target(str(folder), device="cpu")
    assert isinstance(found, StableAudio3)
    return found


def heard(network: torch.nn.Module) -> tuple[list[dict[str, Any]], Any]:
    given: list[dict[str, Any]] = []

    def note(_: object, positional: tuple[Tensor, ...], named: dict[str, Any], answer: tuple[Tensor]) -> None:
        given.append({"state": positional[0], "time": positional[1], "u": answer[0]} | named)

    return given, network.register_forward_hook(note, with_kwargs=True)


def test_it_keeps_the_contract(target: StableAudio3) -> None:
    assert isinstance(target, DenoiserTarget)
    assert isinstance(target, Flows)
    assert isinstance(target, WhiteBox)
    assert (target.sample_rate, target.channels, target.hop_length, target.max_seconds) == (RATE, 2, HOP, 60.0)
    assert target.identity.family == "stable-audio-3"
    assert "two prompts differ, and both from no prompt" in list(check_target(target))


def test_the_transformer_is_given_what_the_pipeline_gives_it(target: StableAudio3, folder: Path) -> None:
    pipeline = StableAudio3Pipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    steps, hook = heard(pipeline.transformer)
    pipeline("slow piano", duration=2.0, num_inference_steps=3, output_type="latent", guidance_scale=2.0)
    hook.remove()
    assert len(steps) >= 2
    for step in steps:
        sigma = float(step["time"][0])
        t = min(int(sigma * 1000), 999)
        at = target.alphas_cumprod[t]
        given, hook = heard(target._transformer)
        # The pipeline's guidance asks without a prompt in the first row, with it in the second.
        noisy = step["state"] * float(at.sqrt() + (1 - at).sqrt())
        answer = target.predict_noise(noisy, torch.tensor([t, t]), ["", "slow piano"])
        hook.remove()
        (ours,) = given
        for name in ("state", "encoder_hidden_states", "global_hidden_states", "encoder_attention_mask"):
            torch.testing.assert_close(ours[name], step[name], rtol=1e-4, atol=1e-5)
        assert float(ours["time"][0]) == pytest.approx((t + 0.5) / 1000)
        torch.testing.assert_close(answer, ours["state"] + (1 - (t + 0.5) / 1000) * ours["u"], rtol=1e-4, atol=1e-5)


def test_latents_are_the_autoencoders(target: StableAudio3, folder: Path) -> None:
    waves = np.random.default_rng(0).normal(scale=0.2, size=(2, 2, 10 * HOP)).astype(np.float32)
    vae = AutoencoderSAME.from_pretrained(folder / "vae")
    with torch.no_grad():
        theirs = vae.encode(torch.from_numpy(waves)).latents
    torch.testing.assert_close(target.encode(waves), theirs, rtol=1e-4, atol=1e-5)
    assert target.encode(waves[..., : 3 * HOP + 1]).shape[2] == 4


def test_a_distilled_one_is_never_asked_without_a_prompt(tmp_path: Path) -> None:
    target = load_target(str(save_tiny(tmp_path, distilled=True)), device="cpu", dtype="bfloat16")
    assert not target.has_null_condition
    noisy = torch.randn(1, LATENT, 6)
    with torch.no_grad(), warnings.catch_warnings():
        assert torch.isfinite(target.predict_noise(noisy, torch.tensor([300]), ["piano"])).all()

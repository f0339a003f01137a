"""Tiny ACE-Step checkpoints with random weights: as the library saves them, and as the release has them."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AceStepConditionEncoder,
    AceStepPipeline,
    AceStepTransformer1DModel,
    AutoencoderOobleck,
    FlowMatchEulerDiscreteScheduler,
)
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from earwitness.targets.ace_step import AceStepFamily
from earwitness.targets.ace_step.model import AceStep

RATE, HOP, CHANNELS, FRAMES = 40, 8, 4, 15_000  # five frames per second, fifty minutes of silence
SIZES = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "intermediate_size": 32}


def _strong(model: torch.nn.Module) -> None:
    """Random weights large enough that every input is heard."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)


def _tokenizer() -> PreTrainedTokenizerFast:
    words = ["<pad>", "<unk>", "Instruction", "Caption", "Metas", "bpm", "duration", "seconds", "1", "5", "N", "A"]
    words += ["a", "reel", "slow", "jig", "in", "d", "Lyric", "Languages", "en", "endoftext"]
    words_of = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    words_of.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words_of, pad_token="<pad>", unk_token="<unk>", padding_side="left", model_max_length=512
    )


def _components(*, turbo: bool = False) -> dict[str, Any]:
    torch.manual_seed(0)
    parts: dict[str, Any] = {
        "vae": AutoencoderOobleck(
            encoder_hidden_size=8, downsampling_ratios=[2, 4], channel_multiples=[1, 2], decoder_channels=4,
            decoder_input_channels=CHANNELS, sampling_rate=RATE,
        ),
        "text_encoder": Qwen3Model(
            Qwen3Config(hidden_size=16, num_hidden_layers=1, vocab_size=32, max_position_embeddings=512, **SIZES)
        ),
        "transformer": AceStepTransformer1DModel(
            hidden_size=24, num_hidden_layers=2, in_channels=3 * CHANNELS, audio_acoustic_hidden_dim=CHANNELS,
            sliding_window=4, encoder_hidden_size=16, is_turbo=turbo, **SIZES,
        ),
        "condition_encoder": AceStepConditionEncoder(
            hidden_size=16, text_hidden_dim=16, timbre_hidden_dim=CHANNELS, num_lyric_encoder_hidden_layers=1,
            num_timbre_encoder_hidden_layers=1, sliding_window=4, **SIZES,
        ),
    }  # fmt: skip
    for model in parts.values():
        _strong(model)
    parts["condition_encoder"].silence_latent = torch.randn(1, FRAMES, CHANNELS)
    parts["tokenizer"] = _tokenizer()
    parts["scheduler"] = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0)
    return parts


def save_tiny_ace_step(folder: Path, *, turbo: bool = False) -> Path:
    """Save an ACE-Step as the library's pipeline saves it."""
    AceStepPipeline(**_components(turbo=turbo)).save_pretrained(folder)
    return folder


def load(folder: Path, dtype: str = "float32") -> AceStep:
    return AceStepFamily.load(folder, name="tiny", device="cpu", dtype=dtype)


def save_release(diffusers_folder: Path, folder: Path) -> Path:
    """The same weights under the names and in the layout of the release."""
    model, names = folder / "acestep-v15-base", {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj"}
    names |= {"to_out.0": "o_proj", "norm_q": "q_norm", "norm_k": "k_norm"}
    names |= {"proj_in_conv": "proj_in.1", "proj_out_conv": "proj_out.1"}
    weights, model_config = {"tokenizer.unused": torch.zeros(1)}, {}
    for part, prefix in (("transformer", "decoder."), ("condition_encoder", "encoder.")):
        for name, value in load_file(diffusers_folder / part / "diffusion_pytorch_model.safetensors").items():
            for ours, theirs in names.items():
                name = (
                    name.replace(f".{ours}.", f".{theirs}.")
                    if ".self_attn." in name or ".cross_attn." in name
                    else name
                )
                name = name.replace(f"{ours}.", f"{theirs}.") if ours.startswith("proj_") else name
            weights["null_condition_emb" if name == "null_condition_emb" else prefix + name] = value
        config = json.loads((diffusers_folder / part / "config.json").read_text())
        own = {k: v for k, v in config.items() if not k.startswith("_")}
        model_config |= own if prefix == "decoder." else {k: v for k, v in own.items() if k not in model_config}
    model_config |= {"model_type": "acestep", "num_timbre_encoder_hidden_layers": 1, "timestep_mu": -0.4}
    model_config |= {f"encoder_{size}": value for size, value in SIZES.items() if size != "head_dim"}
    model.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps(model_config))
    torch.save(weights.pop("encoder.silence_latent").transpose(1, 2), model / "silence_latent.pt")
    half = len(weights) // 2
    for i, shard in enumerate([sorted(weights)[:half], sorted(weights)[half:]]):
        save_file({name: weights[name].contiguous() for name in shard}, model / f"model-0000{i}-of-00002.safetensors")
    shutil.copytree(diffusers_folder / "vae", folder / "vae")
    shutil.copytree(diffusers_folder / "text_encoder", folder / "Qwen3-Embedding-0.6B")
    shutil.copytree(diffusers_folder / "tokenizer", folder / "Qwen3-Embedding-0.6B", dirs_exist_ok=True)
    return model

"""A tiny Mustango in the release's folders: the tensors that the original saved, by its names."""

import json
from pathlib import Path

import torch
from torch import Tensor
from transformers import T5Config

from earwitness.targets.mel_diffusion import MelDiffusion
from earwitness.targets.tango.family import MustangoFamily
from earwitness_bench.recipes.musicgen import caption_tokenizer
from tests.targets.goldens import golden
from tests.targets.goldens.seeded import all_seeded, seeded
from tests.targets.tango_original import stft_tensors

ABOUT, ARRAYS = golden.read("mustango")


def save_release(folder: Path, **main: object) -> Path:
    """``configs``, ``ldm``, ``vae``, ``stft``, the folders of the programs that read music, and what is named."""
    for part in ("configs", "ldm", "vae", "stft", "beats", "chords", "scheduler"):
        (folder / part).mkdir(parents=True)
    named = {"text_encoder_name": "google/flan-t5-large", "scheduler_name": "stabilityai/stable-diffusion-2-1"}
    configs = {"main": named | main, "vae": ABOUT["vae"], "stft": ABOUT["stft"], "music_diffusion_model": ABOUT["unet"]}
    for name, config in configs.items():
        (folder / "configs" / f"{name}_config.json").write_text(json.dumps(config))
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(ABOUT["scheduler"]))
    tensors = all_seeded(ABOUT["tensors"]["ldm"])
    # Two names of one tensor each, which the original saved.
    tensors["chord_embedding_layer.FME.translation_bias"] = tensors["FME.translation_bias"]
    tensors["text_encoder.encoder.embed_tokens.weight"] = tensors["text_encoder.shared.weight"]
    torch.save(tensors, folder / "ldm" / "pytorch_model_ldm.bin")
    vae = {name: seeded(f"vae.{name}", shape) for name, shape in ABOUT["tensors"]["vae"].items()}
    torch.save(vae, folder / "vae" / "pytorch_model_vae.bin")
    torch.save(stft_tensors(), folder / "stft" / "pytorch_model_stft.bin")
    caption_tokenizer(ABOUT["prompts"]).save_pretrained(folder / "flan-t5-large")
    T5Config(**ABOUT["t5"]).save_pretrained(folder / "flan-t5-large")
    return folder


def load(folder: Path, dtype: str = "float32") -> MelDiffusion:
    return MustangoFamily.load(folder, name="tiny", device="cpu", dtype=dtype)


def asked(target: MelDiffusion) -> tuple[Tensor, Tensor]:
    """ε here, and ε from the original's answers in v, under all its captions and at all its levels."""
    levels = torch.tensor(ABOUT["levels"] * len(ABOUT["prompts"]))
    kept = target.alphas_cumprod[levels].float()[:, None, None, None]
    theirs = kept.sqrt() * ARRAYS["answer"] + (1 - kept).sqrt() * ARRAYS["noisy"]
    told = [prompt for prompt in ABOUT["prompts"] for _ in ABOUT["levels"]]
    return target.predict_noise(ARRAYS["noisy"], levels, told), theirs

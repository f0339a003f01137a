"""A tiny Tango in the release's six files, by the names and shapes that the original gave its tensors."""

import json
from pathlib import Path

import torch
from torch import Tensor
from transformers import T5Config

from earwitness.targets.mel_diffusion import MelDiffusion
from earwitness.targets.tango import TangoFamily
from earwitness_bench.recipes.musicgen import caption_tokenizer
from tests.targets.goldens import golden
from tests.targets.goldens.seeded import all_seeded, seeded
from tests.targets.tango_original import stft_tensors

ABOUT, ARRAYS = golden.read("tango")


def save_release(folder: Path) -> Path:
    """Its files, trained with conditions dropped, and what they name in folders beside them."""
    named = {
        "text_encoder_name": "google/flan-t5-large", "scheduler_name": "stabilityai/stable-diffusion-2-1",
        "unet_model_config_path": "configs/unet.json", "uncondition": True,
    }  # fmt: skip
    for name, content in {
        "main_config.json": named, "vae_config.json": ABOUT["vae"], "stft_config.json": ABOUT["stft"],
        "configs/unet.json": ABOUT["unet"], "scheduler/scheduler_config.json": ABOUT["scheduler"],
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    tensors = all_seeded(ABOUT["tensors"]["main"])
    tensors["text_encoder.encoder.embed_tokens.weight"] = tensors["text_encoder.shared.weight"]
    torch.save(tensors, folder / "pytorch_model_main.bin")
    vae = {name: seeded(f"vae.{name}", shape) for name, shape in ABOUT["tensors"]["vae"].items()}
    torch.save(vae, folder / "pytorch_model_vae.bin")
    torch.save(stft_tensors(), folder / "pytorch_model_stft.bin")
    caption_tokenizer(ABOUT["prompts"]).save_pretrained(folder / "flan-t5-large")
    T5Config(**ABOUT["t5"]).save_pretrained(folder / "flan-t5-large")
    return folder


def load(folder: Path) -> MelDiffusion:
    return TangoFamily.load(folder, name="tiny", device="cpu", dtype="float32")


def asked(target: MelDiffusion, *, dropped: bool) -> tuple[Tensor, Tensor]:
    """ε here, and ε from the original's answers in v, under its captions or under those captions zeroed."""
    levels = torch.tensor(ABOUT["levels"] * len(ABOUT["prompts"]))
    kept = target.alphas_cumprod[levels].float()[:, None, None, None]
    answer = ARRAYS["dropped" if dropped else "answer"]
    told = ["" if dropped else prompt for prompt in ABOUT["prompts"] for _ in ABOUT["levels"]]
    theirs = kept.sqrt() * answer + (1 - kept).sqrt() * ARRAYS["noisy"]
    return target.predict_noise(ARRAYS["noisy"], levels, told), theirs

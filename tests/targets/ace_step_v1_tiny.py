"""A tiny ACE-Step v1 in the release's folders: the tensors that the original saved, by its names."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import UMT5Config, UMT5EncoderModel

from earwitness.targets.ace_step_v1 import AceStepV1Family
from earwitness.targets.ace_step_v1.target import AceStepV1, Heard
from earwitness_bench.recipes.musicgen import caption_tokenizer
from tests.targets.goldens import golden
from tests.targets.goldens.seeded import fill, seeded

ABOUT, ARRAYS = golden.read("ace_step_v1")
WEIGHTS = "diffusion_pytorch_model.safetensors"


def save_release(folder: Path) -> Path:
    """Its four folders."""
    for part, prefix, config in (
        ("ace_step_transformer", "", {"_class_name": "Transformer2DModel", **ABOUT["transformer"]}),
        ("music_dcae_f8c8", "dcae.", {"_class_name": "AutoencoderDC", **ABOUT["dcae"]}),
        ("music_vocoder", None, {"_class_name": "ADaMoSHiFiGANV1", **ABOUT["vocoder"]}),
    ):
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text(json.dumps(config))
        if prefix is not None:
            tensors = {name: seeded(prefix + name, shape) for name, shape in ABOUT["tensors"][part].items()}
            save_file(tensors, folder / part / WEIGHTS, metadata={"format": "pt"})
    text = UMT5EncoderModel(UMT5Config(**ABOUT["t5"]))
    fill(text, "text.")
    text.save_pretrained(folder / "umt5-base")
    caption_tokenizer(ABOUT["prompts"]).save_pretrained(folder / "umt5-base")
    return folder


def load(folder: Path, dtype: str = "float32") -> AceStepV1:
    return AceStepV1Family.load(folder, name="tiny", device="cpu", dtype=dtype)


def asked(target: AceStepV1, i: int, *, dropped: bool) -> tuple[Tensor, Tensor]:
    """ε here, and ε from the original's answers, under its i-th caption or under that caption dropped."""
    levels, state = torch.tensor(ABOUT["levels"]), ARRAYS[f"noisy/{i}"]
    velocity = ARRAYS[f"{'dropped' if dropped else 'answer'}/{i}"]
    sigma = ((levels + 0.5) / 1000)[:, None, None, None]
    noisy = state / torch.sqrt((1 - sigma) ** 2 + sigma**2)
    told = [Heard(ABOUT["prompts"][i], dropped)] * len(levels)
    return target.predict_noise(noisy, levels, told), state + (1 - sigma) * velocity

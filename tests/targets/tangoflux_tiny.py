"""A tiny TangoFlux in the release's layout: the tensors that the original saved, by its names."""

import json
from pathlib import Path

from safetensors.torch import save_file
from transformers import T5Config

from earwitness.targets.tangoflux import TangoFluxFamily
from earwitness.targets.tangoflux.target import TangoFlux
from earwitness_bench.recipes.musicgen import caption_tokenizer
from tests.targets.goldens import golden
from tests.targets.goldens.seeded import all_seeded, seeded

ABOUT, ARRAYS = golden.read("tangoflux")


def save_release(folder: Path, **changed: object) -> Path:
    """Its three files, and the T5's configuration and tokenizer beside them."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(ABOUT["config"] | changed))
    save_file(all_seeded(ABOUT["tensors"]["tangoflux.safetensors"]), folder / "tangoflux.safetensors")
    vae = {name: seeded(f"vae.{name}", shape) for name, shape in ABOUT["tensors"]["vae.safetensors"].items()}
    save_file(vae, folder / "vae.safetensors")
    caption_tokenizer(ABOUT["prompts"]).save_pretrained(folder / "text_encoder")
    T5Config(**ABOUT["t5"]).save_pretrained(folder / "text_encoder")
    return folder


def load(folder: Path, dtype: str = "float32") -> TangoFlux:
    return TangoFluxFamily.load(folder, name="tiny", device="cpu", dtype=dtype)

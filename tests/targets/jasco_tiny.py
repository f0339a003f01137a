"""A tiny JASCO in audiocraft's files, and the question that the original was asked."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.targets.audiocraft_codec import COMPRESSION, Codec, Tensors, Tree
from tests.targets.audiocraft_original import LANGUAGE_MODEL, changed, save_file, save_text_encoder

FRAMES, TEXT_WIDTH, WIDTH, LATENT, CHORDS, MELODY = 14, 12, 24, 4, 9, 5
JASCO: Tree = changed(
    LANGUAGE_MODEL,
    solver="jasco",
    lm_model="flow_matching",
    compression_model_latent_mean=-0.05,
    compression_model_latent_std=1.5,
    compression_model_framerate=50,
    compression_model_latent_dim=LATENT,
    attribute_dropout={"symbolic": {"chords": 0.5, "melody": 0.5}, "wav": {"self_wav": 0.5}},
    transformer_lm__num_layers=4,
    transformer_lm__causal=False,
    transformer_lm__skip_connections=True,
    transformer_lm__flow_dim="${compression_model_latent_dim}",
    transformer_lm__chords_dim="${conditioners.chords.chords_emb.out_dim}",
    transformer_lm__drums_dim="${conditioners.self_wav.drum_latents.out_dim}",
    transformer_lm__melody_dim="${conditioners.melody.melody.out_dim}",
    fuser__ignore=["chords", "self_wav", "melody"],
    conditioners__chords={"model": "chords_emb", "chords_emb": {"card": CHORDS, "out_dim": 3}},
    conditioners__self_wav={"model": "drum_latents", "drum_latents": {"out_dim": 2, "blurring_factor": 3}},
    conditioners__melody={"model": "melody", "melody": {"card": MELODY, "out_dim": 3}},
)


def golden_tensors(beside: bool = True, skips: bool = True) -> Tensors:
    """Weights that a generator gives in the order of their names, which are the original's."""
    inner = 4 * WIDTH
    shapes: dict[str, tuple[int, ...]] = {
        "emb.weight": (WIDTH, LATENT + (8 if beside else 0)), "linear.weight": (LATENT, WIDTH),
        "temb.dense.0.weight": (512, 128), "temb.dense.0.bias": (512,),
        "temb.dense.1.weight": (512, 512), "temb.dense.1.bias": (512,),
        "temb_proj.weight": (WIDTH, 512), "temb_proj.bias": (WIDTH,),
        "out_norm.weight": (WIDTH,), "out_norm.bias": (WIDTH,),
        "condition_provider.conditioners.description.output_proj.weight": (WIDTH, TEXT_WIDTH),
        "condition_provider.conditioners.description.output_proj.bias": (WIDTH,),
    }  # fmt: skip
    if beside:
        shapes |= {
            "condition_provider.conditioners.chords.emb.weight": (CHORDS + 1, 3),
            "condition_provider.conditioners.self_wav.output_proj.weight": (2, LATENT),
            "condition_provider.conditioners.self_wav.output_proj.bias": (2,),
            "condition_provider.conditioners.melody.output_proj.weight": (3, MELODY),
            "condition_provider.conditioners.melody.output_proj.bias": (3,),
        }
    for i in range(2 if skips else 0):
        shapes[f"transformer.skip_projections.{i}.weight"] = (WIDTH, 2 * WIDTH)
        shapes[f"transformer.skip_projections.{i}.bias"] = (WIDTH,)
    for i in range(4):
        layer = f"transformer.layers.{i}"
        for attention in ("self_attn", "cross_attention"):
            shapes[f"{layer}.{attention}.in_proj_weight"] = (3 * WIDTH, WIDTH)
            shapes[f"{layer}.{attention}.out_proj.weight"] = (WIDTH, WIDTH)
        shapes |= {f"{layer}.linear1.weight": (inner, WIDTH), f"{layer}.linear2.weight": (WIDTH, inner)}
        for norm in ("norm1", "norm2", "norm_cross"):
            shapes |= {f"{layer}.{norm}.weight": (WIDTH,), f"{layer}.{norm}.bias": (WIDTH,)}
    rng = np.random.default_rng(0)
    return {
        name: torch.from_numpy(rng.normal(scale=0.2, size=shapes[name]).astype(np.float32)) for name in sorted(shapes)
    }


def golden_question() -> tuple[Tensor, Tensor, Tensor]:
    """Noisy latents [2, 14, 4], their times, and states of two texts [2, 5, 12]."""
    rng = np.random.default_rng(1)
    latents, states = (
        torch.from_numpy(rng.normal(size=size).astype(np.float32)) for size in ((2, FRAMES, LATENT), (2, 5, TEXT_WIDTH))
    )
    return latents, torch.tensor([0.3, 0.85]), states


def save_tiny_jasco(folder: Path, settings: Tree = JASCO, tensors: Tensors | None = None) -> Codec:
    """Write a release, its codec in both files as a model that hears drums keeps it."""
    folder.mkdir(parents=True, exist_ok=True)
    codec = Codec.random(COMPRESSION, seed=0)
    heard = {
        f"condition_provider.conditioners.self_wav.compression_model.model.{name}": one
        for name, one in codec.tensors.items()
    }
    save_file(folder / "state_dict.bin", settings, golden_tensors() | heard if tensors is None else tensors)
    save_file(folder / "compression_state_dict.bin", codec.settings, codec.tensors)
    save_text_encoder(folder / "t5-large", width=TEXT_WIDTH)
    return codec

"""A tiny Aria in the hub's layout: the names that the original's ``TransformerLM`` gives its tensors."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from earwitness.targets.aria.vocabulary import TOKENS

WIDTH, HEADS, LAYERS, FED, LENGTH = 8, 2, 2, 2, 60
CONFIG = {
    "architectures": ["AriaForCausalLM"], "model_type": "aria", "embedding_size": None, "eos_token_id": 1,
    "hidden_size": WIDTH, "intermediate_size": FED * WIDTH, "max_seq_len": LENGTH, "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS, "pad_token_id": 2, "tie_word_embeddings": False, "vocab_size": TOKENS,
    "auto_map": {"AutoModelForCausalLM": "modeling_aria.AriaForCausalLM"},
}  # fmt: skip
SHAPES: dict[str, tuple[int, ...]] = {
    "lm_head.weight": (TOKENS, WIDTH),
    "model.out_layer_norm.bias": (WIDTH,),
    "model.out_layer_norm.weight": (WIDTH,),
    "model.tok_embeddings.weight": (TOKENS, WIDTH),
} | {
    f"model.encode_layers.{layer}.{name}": shape
    for layer in range(LAYERS)
    for name, shape in {
        "att_proj_linear.weight": (WIDTH, WIDTH), "ff_down_proj.weight": (WIDTH, FED * WIDTH),
        "ff_gate_proj.weight": (FED * WIDTH, WIDTH), "ff_up_proj.weight": (FED * WIDTH, WIDTH),
        "mixed_qkv.weight": (3 * WIDTH, WIDTH), "norm1.bias": (WIDTH,), "norm1.weight": (WIDTH,),
        "norm2.bias": (WIDTH,), "norm2.weight": (WIDTH,),
    }.items()
}  # fmt: skip


def tensors(seed: int = 0) -> dict[str, Tensor]:
    """Weights that a generator gives in the order of their names."""
    rng = np.random.default_rng(seed)
    return {
        name: torch.from_numpy(rng.normal(scale=0.5, size=SHAPES[name]).astype(np.float32)) for name in sorted(SHAPES)
    }


def save_tiny_aria(folder: Path, **changed: object) -> Path:
    """Write the folder; ``changed`` entries of its configuration, ``None`` leaving one out."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({k: v for k, v in (CONFIG | changed).items() if v is not None}))
    save_file(tensors(), folder / "model.safetensors")
    return folder

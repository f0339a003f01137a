"""Aria's network as the transformers class that computes the same.

Both are pre-norm transformers with layer norms that have biases (ε = 10⁻⁵), one query, key and value head each,
rotary positions over the whole head (halves, base 500,000), a SiLU-gated feed-forward net, no other biases, and an
output head of its own: ``StableLmForCausalLM`` with all of its head rotated. The query, key and value of a layer are
one tensor in the release. Source: ``aria/model.py`` of EleutherAI/aria (at b0486c8) and the hub's ``config.json``.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import StableLmConfig, StableLmForCausalLM

from earwitness.errors import TargetError
from earwitness.targets.aria.vocabulary import TOKENS
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.renamed import Origin, gather
from earwitness.targets.weight_files import TRANSFORMERS, read_tensors
from earwitness.targets.weights import loading_dtype

_IN_LAYER = {
    "self_attn.o_proj": "att_proj_linear", "mlp.gate_proj": "ff_gate_proj", "mlp.up_proj": "ff_up_proj",
    "mlp.down_proj": "ff_down_proj", "input_layernorm": "norm1", "post_attention_layernorm": "norm2",
}  # fmt: skip
_OUTSIDE = {
    "model.embed_tokens.weight": "model.tok_embeddings.weight",
    "model.norm.weight": "model.out_layer_norm.weight",
    "model.norm.bias": "model.out_layer_norm.bias",
    "lm_head.weight": "lm_head.weight",
}
_SIZES = ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "max_seq_len", "vocab_size")


def is_aria(config: Mapping[str, Any]) -> bool:
    """Whether a configuration is of this Aria, not of the model of pictures that goes by the same name."""
    return config.get("model_type") == "aria" and "max_seq_len" in config


def load_network(folder: Path, dtype: torch.dtype) -> StableLmForCausalLM:
    """Load the network of a release, whole and not rounded below ``dtype`` or what its file has.

    Raises
    ------
    TargetError
        Where it is another of Aria's models, or tensors and configuration do not belong together.
    """
    what = f"The Aria checkpoint in {folder}"
    config, tensors = _config(folder), read_tensors(what, folder, TRANSFORMERS)
    if "lm_head.weight" not in tensors:
        raise TargetError(f"{what} has no output head over its tokens (lm_head): it is one that embeds or classifies.")
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in StableLmForCausalLM(config).state_dict().items()}
    found: dict[str, Tensor] = gather(shapes, _origin, tensors, folder)
    network: StableLmForCausalLM = load_safely(
        what,
        lambda: StableLmForCausalLM.from_pretrained(
            None, config=config, state_dict=found, dtype=loading_dtype(folder, dtype)
        ),
    )
    return network.eval()


def _config(folder: Path) -> StableLmConfig:
    said = read_config(folder)
    sizes = {name: said.get(name) for name in _SIZES}
    wrong = [name for name, size in sizes.items() if not isinstance(size, int) or size < 1]
    if wrong:
        raise TargetError(f"{folder / 'config.json'} says {wrong[0]}: {sizes[wrong[0]]!r}, a whole number is needed.")
    if sizes["vocab_size"] != TOKENS:
        raise TargetError(
            f"{folder} holds an Aria of {sizes['vocab_size']} tokens; only the published {TOKENS} are known (the model "
            "of the demonstration, which plays the pedal, too, has others)."
        )
    return StableLmConfig(
        vocab_size=TOKENS, hidden_size=sizes["hidden_size"], intermediate_size=sizes["intermediate_size"],
        num_hidden_layers=sizes["num_hidden_layers"], num_attention_heads=sizes["num_attention_heads"],
        num_key_value_heads=sizes["num_attention_heads"], max_position_embeddings=sizes["max_seq_len"],
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0, "partial_rotary_factor": 1.0},
        layer_norm_eps=1e-5, use_qkv_bias=False, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip


def _origin(parameter: str) -> Origin:
    """Where a parameter of the transformers class stands in the release."""
    if match := re.fullmatch(r"model\.layers\.(\d+)\.self_attn\.([qkv])_proj\.weight", parameter):
        return Origin(f"model.encode_layers.{match[1]}.mixed_qkv.weight", "qkv".index(match[2]))
    if match := re.fullmatch(r"model\.layers\.(\d+)\.(.+)\.(weight|bias)", parameter):
        return Origin(f"model.encode_layers.{match[1]}.{_IN_LAYER[match[2]]}.{match[3]}")
    return Origin(_OUTSIDE[parameter])

"""What the release calls the parameters of diffusers' classes.

Goal: from each parameter that a class needs to the tensor, or the part of its rows, that holds it.
The release keeps queries, keys and values of an attention in one tensor and everything under the
places they have in stable-audio-tools.
"""

from typing import NamedTuple

DENOISER, CONDITIONER, AUTOENCODER = "model.model.", "conditioner.conditioners.", "pretransform.model."
FREQUENCIES = f"{DENOISER}transformer.rotary_pos_emb.inv_freq"

_DENOISER_NAMES = (
    ("transformer_blocks.", "transformer.layers."),
    ("norm1.weight", "pre_norm.gamma"),
    ("norm1.bias", "pre_norm.beta"),
    ("norm2.weight", "cross_attend_norm.gamma"),
    ("norm2.bias", "cross_attend_norm.beta"),
    ("norm3.weight", "ff_norm.gamma"),
    ("norm3.bias", "ff_norm.beta"),
    ("attn1.", "self_attn."),
    ("attn2.", "cross_attn."),
    ("to_out.0.", "to_out."),
    ("ff.net.", "ff.ff."),
    ("proj_in.", "transformer.project_in."),
    ("proj_out.", "transformer.project_out."),
    ("timestep_proj.", "to_timestep_embed."),
    ("time_proj.", "timestep_features."),
    ("global_proj.", "to_global_embed."),
    ("cross_attention_proj.", "to_cond_embed."),
)
_CONDITIONER_NAMES = (
    ("start_number_conditioner.", "seconds_start."),
    ("end_number_conditioner.", "seconds_total."),
    ("time_positional_embedding.", "embedder.embedding."),
    ("text_projection.", "prompt.proj_out."),
)
# Where heads are normed, the norm stands behind the projection.
_NORMED = (
    (".to_q.0.", ".to_q."), (".to_k.0.", ".to_k."), (".to_q.1.", ".q_norm."), (".to_k.1.", ".k_norm."),
)  # fmt: skip
_FUSED = {
    "self_attn.to_q.": ("self_attn.to_qkv.", 0, 3),
    "self_attn.to_k.": ("self_attn.to_qkv.", 1, 3),
    "self_attn.to_v.": ("self_attn.to_qkv.", 2, 3),
    "cross_attn.to_k.": ("cross_attn.to_kv.", 0, 2),
    "cross_attn.to_v.": ("cross_attn.to_kv.", 1, 2),
}
_UNIT = {"snake1": 0, "conv1": 1, "snake2": 2, "conv2": 3}
_BLOCK = {"res_unit1": 0, "res_unit2": 1, "res_unit3": 2, "snake1": 3, "conv1": 4}


class Origin(NamedTuple):
    """A tensor of the file, or the ``part``-th of the ``parts`` equal parts of its rows."""

    name: str
    part: int = 0
    parts: int = 1


def denoiser_origin(name: str) -> Origin:
    """Origin of a parameter of ``StableAudioDiTModel``."""
    name = _renamed(name, (*_NORMED, *_DENOISER_NAMES))
    for alone, (fused, part, parts) in _FUSED.items():
        if alone in name:
            return Origin(DENOISER + name.replace(alone, fused), part, parts)
    return Origin(DENOISER + name)


def conditioner_origin(name: str) -> Origin:
    """Origin of a parameter of ``StableAudioProjectionModel``."""
    return Origin(CONDITIONER + _renamed(name, _CONDITIONER_NAMES))


def encoder_origin(name: str, blocks: int) -> Origin:
    """Origin of a parameter of ``OobleckEncoder``, all of whose layers stand in numbered rows."""
    first, *rest = name.split(".")
    if first == "block":
        number, layer, *rest = rest
        place = [int(number) + 1, _BLOCK[layer]]
        if layer.startswith("res_unit"):
            inner, *rest = rest
            place.append(_UNIT[inner])
    else:
        place = [{"conv1": 0, "snake1": blocks + 1, "conv2": blocks + 2}[first]]
    return Origin(f"{AUTOENCODER}encoder." + ".".join([f"layers.{i}" for i in place] + rest))


def _renamed(name: str, names: tuple[tuple[str, str], ...]) -> str:
    for ours, theirs in names:
        name = name.replace(ours, theirs)
    return name

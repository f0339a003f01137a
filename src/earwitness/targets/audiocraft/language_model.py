"""audiocraft's language model as the transformers MusicGen decoder.

Both are pre-norm transformers over the sum of the codebooks' embeddings and a sinusoidal
position (cosines first), with exact GELU, attention without biases scaled by 1/√(head width),
projected T5 states as the condition, and one bias-free head per codebook. The start token is the
number of codes. Settings that change any of this are refused.

Source of the models: Copet et al., arXiv 2306.05284; Kreuk et al., arXiv 2209.15352.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.files import Release
from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.renamed import Origin, gather

TEXT_ENCODER = "conditioners.description.t5.name"
_CONDITIONERS = "condition_provider.conditioners"
_CHROMA_WINDOW = f"{_CONDITIONERS}.self_wav.chroma.spec.window"  # of the short-time Fourier transform, not learnt
TRANSFORMER = (
    Needed("transformer_lm.norm_first", True, False),
    Needed("transformer_lm.norm", "layer_norm", "layer_norm"),
    Needed("transformer_lm.activation", "gelu", "relu"),
    Needed("transformer_lm.past_context", None, None),
    Needed("transformer_lm.positional_embedding", "sin", "sin"),
    Needed("transformer_lm.positional_scale", 1, 1),
    Needed("transformer_lm.max_period", 10_000, 10_000),
    Needed("transformer_lm.bias_attn", False, True),
    Needed("transformer_lm.bias_ff", False, True),
    Needed("transformer_lm.bias_proj", False, True),
    Needed("transformer_lm.layer_scale", None, None),
    Needed("transformer_lm.qk_layer_norm", False, False),
    Needed("transformer_lm.qk_layer_norm_cross", False, False),
    Needed("transformer_lm.kv_repeat", 1, 1),
    Needed("interleave_stereo_codebooks.per_timestep", False, False),
    Needed("fuser.sum", [], []),
    Needed("fuser.input_interpolate", [], []),
    Needed("fuser.cross_attention_pos_emb", False, False),
    Needed("conditioners.description.model", "t5", None),
    Needed("conditioners.description.t5.finetune", False, False),
    Needed("conditioners.description.t5.normalize_text", False, False),
)
"""What every transformer of audiocraft that can be asked has in common."""
_DELAYED = (
    Needed("transformer_lm.causal", True, False),
    Needed("codebooks_pattern.delay.flatten_first", 0, 0),
    Needed("codebooks_pattern.delay.empty_initial", 0, 0),
)
_IN_LAYER = {
    "self_attn_layer_norm": "norm1", "encoder_attn_layer_norm": "norm_cross", "final_layer_norm": "norm2",
    "fc1": "linear1", "fc2": "linear2",
    "self_attn.out_proj": "self_attn.out_proj", "encoder_attn.out_proj": "cross_attention.out_proj",
}  # fmt: skip
_ATTENTION = {"self_attn": "self_attn", "encoder_attn": "cross_attention"}


def decoder_sizes(settings: Settings, frame_rate: float, *, prefix: int) -> dict[str, object]:
    """Build the decoder's configuration from the settings.

    The longest input is the segment length that it was trained on, behind ``prefix`` positions.

    Raises
    ------
    TargetError
        Where a setting is missing or the model computes something else than these classes.
    """
    settings.require(TRANSFORMER)
    codebooks, codes, width = (settings.integer(f"transformer_lm.{name}") for name in ("n_q", "card", "dim"))
    channels = _channels(settings)
    frames = round(settings.number("dataset.segment_duration") * frame_rate)
    return {
        "vocab_size": codes, "pad_token_id": codes, "bos_token_id": codes,
        "num_codebooks": codebooks, "audio_channels": channels, "hidden_size": width,
        "num_hidden_layers": settings.integer("transformer_lm.num_layers"),
        "num_attention_heads": settings.integer("transformer_lm.num_heads"),
        "ffn_dim": int(settings.number("transformer_lm.hidden_scale") * width),
        "max_position_embeddings": prefix + frames + codebooks // channels,
        "dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0,
    }  # fmt: skip


def codebooks_a_channel(settings: Settings) -> int:
    """Codebooks that the codec must give; a stereo model interleaves those of left and right."""
    return settings.integer("transformer_lm.n_q") // _channels(settings)


def decoder_tensors(release: Release, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Tensors of the parameters in ``shapes``: the decoder's and the projections' of its conditions."""
    # PyTorch's own attention, which audiocraft can use too, keeps its tensors one level deeper.
    tensors = {name.replace(".mha.", "."): tensor for name, tensor in release.tensors.items() if name != _CHROMA_WINDOW}
    return gather(shapes, origin, tensors, release.path)


def origin(parameter: str) -> Origin:
    """Where a parameter of the transformers classes stands in audiocraft's file."""
    name = parameter.removeprefix("decoder.").removeprefix("model.decoder.")
    if match := re.fullmatch(r"layers\.(\d+)\.(\w+)\.([qkv])_proj\.weight", name):
        layer, attention, projection = match.groups()
        return Origin(f"transformer.layers.{layer}.{_ATTENTION[attention]}.in_proj_weight", "qkv".index(projection))
    if match := re.fullmatch(r"layers\.(\d+)\.(.+)\.(weight|bias)", name):
        layer, module, kind = match.groups()
        return Origin(f"transformer.layers.{layer}.{_IN_LAYER[module]}.{kind}")
    for ours, theirs in (
        ("embed_tokens.", "emb."), ("lm_heads.", "linears."), ("layer_norm.", "out_norm."),
        ("enc_to_dec_proj.", f"{_CONDITIONERS}.description.output_proj."),
        ("audio_enc_to_dec_proj.", f"{_CONDITIONERS}.self_wav.output_proj."),
    ):  # fmt: skip
        if name.startswith(ours):
            return Origin(theirs + name.removeprefix(ours))
    raise KeyError(parameter)


def _channels(settings: Settings) -> int:
    return 2 if settings.flag("interleave_stereo_codebooks.use", if_absent=False) else 1


def require_delays(settings: Settings) -> None:
    """Raise ``TargetError`` where a model does not delay each codebook of a channel by a frame more than the last."""
    settings.require(_DELAYED)
    modeling = settings.get("codebooks_pattern.modeling") or settings.get("transformer_lm.q_modeling")
    if modeling != "delay":
        raise TargetError(
            f"{settings.where}: its codebook pattern is {modeling!r}; only the delay pattern can be asked so far."
        )
    named = settings.get("codebooks_pattern.delay.delays")
    codebooks, channels = settings.integer("transformer_lm.n_q"), _channels(settings)
    needed = [k // channels for k in range(codebooks)]
    delays = list(range(codebooks)) if named is None else settings.integers("codebooks_pattern.delay.delays")
    if delays != needed:
        raise TargetError(
            f"{settings.where}: its codebooks are delayed by {delays}; only {needed} can be asked so far."
        )

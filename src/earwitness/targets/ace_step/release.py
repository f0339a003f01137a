"""The release's own checkpoints of ACE-Step 1.5: one set of weights, named as its authors named them.

Facts: ``config.json`` (model type ``acestep``), ``model*.safetensors`` (one file or shards) with the
transformer under ``decoder.``, the condition encoder under ``encoder.`` and the null condition beside
them, and ``silence_latent.pt`` [1, channels, frames]. The autoencoder ``vae`` and the text encoder
``Qwen3-Embedding-0.6B`` lie in the same folder or beside it. The release's Python files are not run.
"""

from collections.abc import Mapping
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.ace_step.parts import Parts, component, needed, text_parts
from earwitness.targets.adapters import has_adapter, merged
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.weights import loading_dtype

_MODEL_TYPE = "acestep"
_COMPANIONS = ("vae", "Qwen3-Embedding-0.6B")
_RENAMED = {
    "proj_in.1.": "proj_in_conv.",
    "proj_out.1.": "proj_out_conv.",
    "_attn.q_proj.": "_attn.to_q.",
    "_attn.k_proj.": "_attn.to_k.",
    "_attn.v_proj.": "_attn.to_v.",
    "_attn.o_proj.": "_attn.to_out.0.",
    "_attn.q_norm.": "_attn.norm_q.",
    "_attn.k_norm.": "_attn.norm_k.",
}
# Adapters are trained on the transformer alone, or on the model that holds it.
_OF_ADAPTERS = {"base_model.model.decoder.": "base_model.model."} | _RENAMED
# Where the condition encoder is narrower than the transformer, its sizes have names of their own.
_ENCODER_SIZES = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")


def model_folders(folder: Path) -> list[Path]:
    """The models of a release that a folder is or holds."""
    if _is_model(folder):
        return [folder]
    return [path.parent for path in sorted(folder.glob("*/config.json")) if _is_model(path.parent)]


def _is_model(folder: Path) -> bool:
    return read_config(folder).get("model_type") == _MODEL_TYPE


def release_folders(folder: Path) -> list[Path]:
    """Folders of the autoencoder and of the text encoder, in ``folder`` or beside it."""
    found = []
    for name in _COMPANIONS:
        places = [place / name for place in (folder, folder.resolve().parent) if (place / name).is_dir()]
        if not places:
            raise TargetError(
                f"{folder} needs {name} in it or beside it, as huggingface.co/ACE-Step/Ace-Step1.5 has it; "
                f"put it into {folder / name}."
            )
        found.append(places[0])
    return found


def release_parts(folder: Path, *, dtype: torch.dtype) -> Parts:
    """Load the components of a release; the autoencoder in float32 whatever ``dtype`` is."""
    vae, text = release_folders(folder)
    what = f"The ACE-Step checkpoint in {folder}"
    config = read_config(folder)
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise TargetError(f"{what} has no model.safetensors; get it again.")
    weights = {name: value for file in files for name, value in load_safely(what, partial(load_file, file)).items()}
    silence = load_safely(
        what, lambda: torch.load(folder / "silence_latent.pt", map_location="cpu", weights_only=True).transpose(1, 2)
    )
    encoder = _renamed(weights, "encoder.") | {"silence_latent": silence}
    encoder |= {name: value for name, value in weights.items() if name == "null_condition_emb"}
    sizes = {size: config[f"encoder_{size}"] for size in _ENCODER_SIZES if config.get(f"encoder_{size}")}
    encoder_config = config | sizes | {"layer_types": None}  # those listed are the transformer's
    text_encoder, tokenizer = text_parts(text, text, dtype)
    adapted = has_adapter(folder)
    loading = torch.float32 if adapted else loading_dtype(folder, dtype)
    transformer = _filled("AceStepTransformer1DModel", config, _renamed(weights, "decoder."), loading, what)
    if adapted:
        transformer = merged(what, transformer, folder, renamed=_OF_ADAPTERS)
    return Parts(
        vae=component("AutoencoderOobleck", vae, torch.float32),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        transformer=transformer,
        condition_encoder=_filled("AceStepConditionEncoder", encoder_config, encoder, loading, what),
        scheduler=needed("FlowMatchEulerDiscreteScheduler")(num_train_timesteps=1),
    )


def _renamed(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The weights under a prefix, by the names that diffusers' classes give them."""
    found = {}
    for name, value in weights.items():
        if name.startswith(prefix):
            short = name.removeprefix(prefix)
            for old, new in _RENAMED.items():
                short = short.replace(old, new)
            found[short] = value
    return found


def _filled(
    name: str, config: Mapping[str, Any], weights: Mapping[str, Tensor], loading: torch.dtype, what: str
) -> Any:
    """A model of diffusers with the settings and weights of the release, every one of them."""
    kind = needed(name)
    settings = {key: value for key, value in config.items() if key in signature(kind).parameters}

    def fill() -> Any:
        with torch.device("meta"):
            model = kind(**settings)
        own = {key: value.to(loading) for key, value in weights.items()}
        return model, model.load_state_dict(own, strict=False, assign=True)

    model, (missing, unexpected) = load_safely(what, fill)
    if missing or unexpected:
        raise TargetError(
            f"{what} does not fit its config.json (for instance {min(missing or unexpected)} is "
            f"{'missing' if missing else 'too many'}); get it again."
        )
    return model

"""Read the original release: ``model.safetensors`` (or ``model.ckpt``) and ``model_config.json`` of stable-audio-tools.

Goal: the same parts as of a diffusers directory, from the settings and tensors in the two files. The
T5 text encoder is only named there and is looked for beside them, in the hub cache and on the hub.
"""

import zipfile
from collections.abc import Mapping
from functools import partial
from math import prod
from pathlib import Path

import torch
from diffusers import StableAudioDiTModel
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckEncoder
from diffusers.pipelines.stable_audio import StableAudioProjectionModel
from safetensors.torch import load_file
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.companions import find
from earwitness.targets.audiocraft.settings import Needed, Settings
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.stable_audio import names
from earwitness.targets.stable_audio.directory import load_text_encoder, load_tokenizer
from earwitness.targets.stable_audio.latents import ClipEncoder, building_oobleck
from earwitness.targets.stable_audio.parametrisation import Parametrisation
from earwitness.targets.stable_audio.small import OBJECTIVES, LengthOnly, with_normed_heads
from earwitness.targets.stable_audio.target import Parts
from earwitness.targets.stable_audio.tensors import Tensors
from earwitness.targets.stable_audio.times import Law, law_of_times
from earwitness.targets.weights import loading_dtype

SETTINGS, WEIGHTS, CHECKPOINT = "model_config.json", "model.safetensors", "model.ckpt"
INPAINTING = "diffusion_cond_inpaint"
MODEL_TYPES = ("diffusion_cond", INPAINTING)

_DIT, _ENCODER, _PROMPT = "model.diffusion.config", "model.pretransform.config.encoder", "conditioners.prompt"
_TIMES = ["seconds_start", "seconds_total"]
_GIVEN = ["inpaint_mask", "inpaint_masked_input"]
_SIZES = {"io_channels", "input_concat_dim", "embed_dim", "depth", "num_heads", "cond_token_dim", "global_cond_dim"}
_NEEDED = (
    Needed("model.diffusion.type", "dit", None),
    Needed("model.diffusion.prepend_cond_ids", [], []),
    Needed(f"{_DIT}.project_cond_tokens", False, True),
    Needed(f"{_DIT}.project_global_cond", True, True),
    Needed(f"{_DIT}.global_cond_type", "prepend", "prepend"),
    Needed(f"{_DIT}.timestep_cond_type", "global", "global"),
    Needed(f"{_DIT}.transformer_type", "continuous_transformer", "continuous_transformer"),
    Needed(f"{_DIT}.patch_size", 1, 1),
    Needed("model.pretransform.type", "autoencoder", None),
    Needed("model.pretransform.config.bottleneck.type", "vae", None),
    Needed(f"{_ENCODER}.type", "oobleck", None),
    Needed(f"{_ENCODER}.config.use_snake", True, False),
    Needed(f"{_ENCODER}.config.antialias_activation", False, False),
    Needed(f"{_PROMPT}.type", "t5", None),
)
_OBJECTIVE, _NORMS = "model.diffusion.diffusion_objective", f"{_DIT}.attn_kwargs"
_SCALE = "model.pretransform.scale"
_TIME_FEATURES = 256
_DEFAULT_TOKENS = 128
_DEFAULT_DROPOUT = 0.1


def read_release(folder: Path, dtype: torch.dtype) -> tuple[Parts, Path]:
    """Load all parts, and say where the text encoder was found.

    Raises
    ------
    TargetError
        Where a file is missing or damaged, tensors and settings do not fit, or the variant cannot be mapped.
    """
    settings, path = _settings(folder), folder / WEIGHTS
    path = path if path.is_file() else folder / CHECKPOINT
    if not path.is_file():
        raise TargetError(f"{folder} holds {SETTINGS} but no {WEIGHTS} (or {CHECKPOINT}); download that file, too.")
    text = find(folder, settings.text(f"{_PROMPT}.config.t5_model_name"), "text_encoder")
    text_encoder = load_text_encoder(text)
    with torch.device("meta"), building_oobleck():
        transformer = StableAudioDiTModel(**_denoiser_sizes(settings))
        if settings.get(_NORMS):
            transformer = with_normed_heads(transformer)
        projection = (StableAudioProjectionModel if len(_times(settings)) == 2 else LengthOnly)(
            text_encoder_dim=text_encoder.config.d_model,
            conditioning_dim=settings.integer("model.conditioning.cond_dim"),
            **_time_range(settings),
        )
        encoder = _encoder(settings)
    tensors = Tensors(path, load_safely(f"The weights {path}", lambda: _read(path)))
    loading = loading_dtype(folder, dtype)
    tensors.fill(transformer, names.denoiser_origin, loading)
    tensors.fill(projection, names.conditioner_origin, loading)
    tensors.fill(encoder.network, partial(names.encoder_origin, blocks=len(encoder.strides)), torch.float32)
    _check_rotation(tensors, transformer.config.attention_head_dim // 2)
    tensors.require_all_placed(unused=(f"{names.AUTOENCODER}decoder.", names.FREQUENCIES))
    parts = Parts(
        transformer=transformer, projection=projection, text_encoder=text_encoder, tokenizer=load_tokenizer(text),
        tokens=_tokens(settings), encoder=encoder, parametrisation=Parametrisation(),
        has_null_condition=_dropout(settings) > 0, flow=_flow(settings),
    )  # fmt: skip
    return parts, text


def _read(path: Path) -> Mapping[str, Tensor]:
    """The tensors of either kind of file; a checkpoint keeps them under ``state_dict``."""
    if path.suffix == ".safetensors":
        tensors: Mapping[str, Tensor] = load_file(path)
        return tensors
    content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    found = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise ValueError("it has no state_dict of tensors")
    return dict(found)


def _check_rotation(tensors: Tensors, turned: int) -> None:
    """Make sure that the file's rotary frequencies, which the class here computes itself, are the same."""
    usual = 10_000 ** (-torch.arange(0, turned, 2) / turned)
    found = tensors.tensors.get(names.FREQUENCIES, usual).float()
    if found.shape != usual.shape or not torch.allclose(found, usual, rtol=1e-2, atol=1e-4):
        raise TargetError(f"{tensors.path}: its {names.FREQUENCIES} are not those of the class that runs it here.")


def _settings(folder: Path) -> Settings:
    """Read the settings, with the conditioners, a list in the file, under their names."""
    tree = read_config(folder, SETTINGS)
    settings = Settings(tree, str(folder / SETTINGS))
    listed = settings.get("model.conditioning.configs")
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise settings.wrong("model.conditioning.configs", listed, "a list of conditioners")
    settings = Settings(tree | {"conditioners": {str(item.get("id")): item for item in listed}}, settings.where)
    settings.require(_NEEDED)
    times = _times(settings)
    settings.require([
        Needed("model.diffusion.cross_attention_cond_ids", ["prompt", *times], []),
        Needed("model.diffusion.global_cond_ids", times, []),
        *(Needed(f"conditioners.{name}.type", "number", None) for name in times),
    ])  # fmt: skip
    _require_that_all_may_be_hidden(settings)
    if settings.get(_OBJECTIVE) not in (None, "v", *OBJECTIVES):
        raise settings.wrong(_OBJECTIVE, settings.get(_OBJECTIVE), f"v, {' or '.join(OBJECTIVES)}")
    if settings.get(_NORMS) not in (None, {}, {"qk_norm": "ln"}):
        raise settings.wrong(_NORMS, settings.get(_NORMS), '{"qk_norm": "ln"} or nothing')
    known = _SIZES | {"attn_kwargs"} | {need.name.rsplit(".", 1)[1] for need in _NEEDED if need.name.startswith(_DIT)}
    unknown = sorted(set(settings.names(_DIT)) - known)
    if unknown:
        raise TargetError(f"{settings.where}: its denoiser has {unknown[0]}, which the classes that run it here lack.")
    return settings


def _require_that_all_may_be_hidden(settings: Settings) -> None:
    """Refuse inputs beside the noise other than inpainting's, and inpainting that always gave a part of the clip."""
    kind, ids = settings.get("model_type"), settings.get("model.diffusion.input_concat_ids") or []
    if kind not in MODEL_TYPES:
        raise settings.wrong("model_type", kind, " or ".join(MODEL_TYPES))
    given = sorted(ids) if isinstance(ids, list) else ids
    if given != (_GIVEN if kind == INPAINTING else []):
        raise settings.wrong("model.diffusion.input_concat_ids", ids, f"{_GIVEN if kind == INPAINTING else []}")
    if kind == INPAINTING:
        settings.require([Needed(f"{_DIT}.input_concat_dim", settings.integer(f"{_DIT}.io_channels") + 1, None)])
        shares = settings.get("training.inpainting.mask_kwargs.mask_type_probabilities")
        if isinstance(shares, list) and len(shares) > 1 and not shares[1]:
            raise settings.wrong(
                "training.inpainting.mask_kwargs.mask_type_probabilities", shares, "a second share above 0 (all hidden)"
            )


def _times(settings: Settings) -> list[str]:
    """Which numbers are told: begin and length, or the length alone."""
    told = settings.get("model.diffusion.global_cond_ids")
    return _TIMES[1:] if told == _TIMES[1:] else _TIMES


def _flow(settings: Settings) -> Law | None:
    """Whether velocities were learned, and at times of which law."""
    if settings.get(_OBJECTIVE) not in OBJECTIVES:
        return None
    return law_of_times(settings, settings.integer("sample_size") // _hop_length(settings))


def _denoiser_sizes(settings: Settings) -> dict[str, int]:
    channels, width, heads = (settings.integer(f"{_DIT}.{name}") for name in ("io_channels", "embed_dim", "num_heads"))
    attended = settings.integer(f"{_DIT}.cond_token_dim")
    head = width // heads
    if head % 4 or width % heads or attended % head or head < 64:
        raise TargetError(
            f"{settings.where}: its denoiser is {width} wide with {heads} heads and attends to {attended}; heads of at "
            "least 64 that divide both are needed."
        )
    return {
        "sample_size": settings.integer("sample_size") // _hop_length(settings),
        "in_channels": channels + _concatenated(settings),
        "out_channels": channels,
        "num_layers": settings.integer(f"{_DIT}.depth"),
        "attention_head_dim": head,
        "num_attention_heads": heads,
        "num_key_value_attention_heads": attended // head,
        "cross_attention_dim": attended,
        "cross_attention_input_dim": attended,
        "time_proj_dim": _TIME_FEATURES,
        "global_states_input_dim": settings.integer(f"{_DIT}.global_cond_dim"),
    }


def _concatenated(settings: Settings) -> int:
    """How many channels stand beside the noisy ones: a mask and what it leaves of the clip, in inpainting."""
    return settings.integer(f"{_DIT}.input_concat_dim") if settings.get("model_type") == INPAINTING else 0


def _time_range(settings: Settings) -> dict[str, float]:
    """The seconds between which both conditions of time are scaled."""
    names = _times(settings)
    ranges = [[settings.get(f"conditioners.{name}.config.{end}") for end in ("min_val", "max_val")] for name in names]
    low, high = ranges[0]
    if ranges[0] != ranges[-1] or not isinstance(low, int | float) or not isinstance(high, int | float) or low >= high:
        raise settings.wrong(" and ".join(_TIMES), ranges, "one range of seconds for both")
    return {"min_value": low, "max_value": high}


def _encoder(settings: Settings) -> ClipEncoder:
    config = f"{_ENCODER}.config"
    channels, outputs = settings.integer(f"{config}.channels"), settings.integer(f"{config}.latent_dim")
    audio, latent = settings.integer("model.pretransform.config.io_channels"), settings.integer(f"{_DIT}.io_channels")
    if channels != outputs or outputs != 2 * latent:
        raise TargetError(
            f"{settings.where}: its encoder is {channels} wide and gives {outputs} channels, its denoiser takes "
            f"{latent}; the encoder must give as many as it is wide, and twice the denoiser's."
        )
    strides, multiples = settings.integers(f"{config}.strides"), settings.integers(f"{config}.c_mults")
    if len(strides) != len(multiples):
        raise settings.wrong(f"{config}.c_mults", multiples, f"one number for each of {len(strides)} strides")
    network = OobleckEncoder(
        encoder_hidden_size=channels, audio_channels=audio, downsampling_ratios=strides,
        channel_multiples=multiples,
    )  # fmt: skip
    return ClipEncoder(
        network=network, strides=tuple(strides), channels=audio, sample_rate=settings.integer("sample_rate"),
        frames=settings.integer("sample_size") // _hop_length(settings),
        scale=1.0 if settings.get(_SCALE) is None else settings.number(_SCALE),
    )  # fmt: skip


def _hop_length(settings: Settings) -> int:
    stated = settings.integer("model.pretransform.config.downsampling_ratio")
    if prod(settings.integers(f"{_ENCODER}.config.strides")) != stated:
        raise settings.wrong("model.pretransform.config.downsampling_ratio", stated, "the product of the strides")
    return stated


def _tokens(settings: Settings) -> int:
    name = f"{_PROMPT}.config.max_length"
    return _DEFAULT_TOKENS if settings.get(name) is None else settings.integer(name)


def _dropout(settings: Settings) -> float:
    """The share of training examples whose condition was dropped."""
    name = "training.cfg_dropout_prob"
    found = settings.get(name)
    if found is None:
        return _DEFAULT_DROPOUT
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
        raise settings.wrong(name, found, "a share between 0 and 1")
    return float(found)

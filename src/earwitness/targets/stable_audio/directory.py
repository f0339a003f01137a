"""Read what ``StableAudioPipeline.save_pretrained`` writes (and the hub's stable-audio-open-1.0 holds).

Goal: every component is loaded by the one class that can be asked, whatever the directory's index
says; components that do not fit each other are found before anything is asked.
"""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderOobleck, StableAudioDiTModel
from diffusers.pipelines.stable_audio import StableAudioProjectionModel
from transformers import T5EncoderModel

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import read_config
from earwitness.targets.networks import T5_DECODER, diffusers_network, tokenizer_of, transformers_network
from earwitness.targets.stable_audio.latents import ClipEncoder, building_oobleck
from earwitness.targets.stable_audio.parametrisation import Parametrisation
from earwitness.targets.stable_audio.target import Parts

INDEX = "model_index.json"
_SCHEDULER = "CosineDPMSolverMultistepScheduler"
_SIGNS = {"v_prediction": 1, "epsilon": -1}
_LONGEST_PROMPT = 4096


def read_directory(folder: Path, dtype: torch.dtype) -> Parts:
    """Load all components.

    Raises
    ------
    TargetError
        Where one is missing, damaged, unsafe, or does not fit the others.
    """
    parametrisation = _parametrisation(folder)
    transformer = _component(StableAudioDiTModel, folder / "transformer", dtype, pipeline=folder)
    projection = _component(StableAudioProjectionModel, folder / "projection_model", dtype)
    with building_oobleck():
        autoencoder = _component(AutoencoderOobleck, folder / "vae", torch.float32)
    text_encoder = load_text_encoder(folder / "text_encoder")
    tokenizer = load_tokenizer(folder / "tokenizer")
    if tokenizer.model_max_length > _LONGEST_PROMPT:
        raise TargetError(f"The tokenizer in {folder} has no model_max_length; the number of tokens is needed.")
    audio, denoiser = autoencoder.config, transformer.config
    _require_fit(
        folder,
        {
            "latent channels": (audio.decoder_input_channels, denoiser.in_channels),
            "channels of the autoencoder's output": (audio.encoder_hidden_size, 2 * denoiser.in_channels),
            "width of the condition": (projection.config.conditioning_dim, denoiser.cross_attention_input_dim),
            "width of the timing": (2 * projection.config.conditioning_dim, denoiser.global_states_input_dim),
            "width of the text": (text_encoder.config.d_model, projection.config.text_encoder_dim),
        },
    )
    encoder = ClipEncoder(
        network=autoencoder.encoder, strides=tuple(audio.downsampling_ratios), channels=int(audio.audio_channels),
        sample_rate=int(audio.sampling_rate), frames=int(denoiser.sample_size),
    )  # fmt: skip
    return Parts(
        transformer=transformer, projection=projection, text_encoder=text_encoder, tokenizer=tokenizer,
        tokens=int(tokenizer.model_max_length), encoder=encoder, parametrisation=parametrisation,
    )  # fmt: skip


def load_text_encoder(folder: Path) -> Any:
    """Load a T5 encoder in float32."""
    return transformers_network(f"The text encoder in {folder}", T5EncoderModel, folder, unused=T5_DECODER)


def load_tokenizer(folder: Path) -> Any:
    """Load a tokenizer that can pad."""
    tokenizer = tokenizer_of(folder)
    if tokenizer.pad_token is None:
        raise TargetError(f"The tokenizer in {folder} has no padding token; the checkpoint is damaged, get it again.")
    return tokenizer


def _parametrisation(folder: Path) -> Parametrisation:
    """Read what the network answers with off the scheduler's configuration."""
    scheduler = read_config(folder / "scheduler", "scheduler_config.json")
    kind = scheduler.get("_class_name", "no scheduler_config.json with a _class_name")
    if kind != _SCHEDULER:
        raise TargetError(
            f"{folder}/scheduler holds {kind}; a {_SCHEDULER} is needed, whose noise levels the model was trained on."
        )
    answer = scheduler.get("prediction_type", "v_prediction")
    if answer not in _SIGNS:
        raise TargetError(f"{folder}/scheduler predicts {answer!r}; known are {', '.join(_SIGNS)}.")
    spread = scheduler.get("sigma_data", 1.0)
    if isinstance(spread, bool) or not isinstance(spread, int | float) or not spread > 0:
        raise TargetError(f"{folder}/scheduler has the sigma_data {spread!r}; a number above 0 is needed.")
    return Parametrisation(data_std=float(spread), sign=_SIGNS[answer])


def _component(kind: Any, folder: Path, dtype: torch.dtype, *, pipeline: Path | None = None) -> Any:
    what = f"The {folder.name} in {folder.parent}"
    config = read_config(folder)
    if config.get("_class_name") != kind.__name__:
        found = config.get("_class_name", "no config.json with a _class_name")
        raise TargetError(f"{what} is no {kind.__name__} (found: {found}); get the directory again.")
    if "quantization_config" in config:
        raise TargetError(f"{what} is quantised; the unquantised weights are needed.")
    return diffusers_network(what, kind, folder, dtype=dtype, pipeline=pipeline)


def _require_fit(folder: Path, pairs: dict[str, tuple[int, int]]) -> None:
    for what, (given, needed) in pairs.items():
        if given != needed:
            raise TargetError(
                f"The components of {folder} do not belong together: {what} {given}, but {needed} are needed."
            )

"""The components of an ACE-Step 1.5, and the diffusers directory that holds them."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import load_safely

if TYPE_CHECKING:
    from diffusers import (
        AceStepConditionEncoder,
        AceStepPipeline,
        AceStepTransformer1DModel,
        AutoencoderOobleck,
        FlowMatchEulerDiscreteScheduler,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything the pipeline is composed of."""

    vae: "AutoencoderOobleck"
    text_encoder: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    transformer: "AceStepTransformer1DModel"
    condition_encoder: "AceStepConditionEncoder"
    scheduler: "FlowMatchEulerDiscreteScheduler"

    def check(self, folder: Path) -> None:
        """Refuse parts of different models, another schedule, and a latent of silence that was never filled in."""
        transformer, conditions = self.transformer.config, self.condition_encoder.config
        latent = transformer.audio_acoustic_hidden_dim
        widths = {
            "latent channels of the vae": (self.vae.config.decoder_input_channels, latent),
            "latent channels of the condition encoder": (conditions.timbre_hidden_dim, latent),
            "input channels of the transformer": (transformer.in_channels, 3 * latent),
            "width of the text encoder": (self.text_encoder.config.hidden_size, conditions.text_hidden_dim),
            "width of the condition encoder": (
                conditions.hidden_size,
                transformer.encoder_hidden_size or transformer.hidden_size,
            ),
        }
        for what, (found, fitting) in widths.items():
            if found != fitting:
                raise TargetError(
                    f"{folder}: the {what} is {found}, but {fitting} fits the other parts; "
                    "they are of different models, get them again."
                )
        if self.scheduler.config.invert_sigmas:
            raise TargetError(f"The scheduler of {folder} runs time backwards (invert_sigmas); ACE-Step's does not.")
        if not self.condition_encoder.silence_latent.any():
            raise TargetError(
                f"{folder}: its latent of silence is all zeros, a placeholder; convert the checkpoint again with its "
                "silence_latent.pt in place."
            )


def needed(name: str) -> Any:
    """A class of diffusers that older versions of it do not have."""
    import diffusers

    try:
        return getattr(diffusers, name)
    except AttributeError:
        raise TargetError(
            f"The installed diffusers {diffusers.__version__} has no {name}; get a newer one: pip install -U diffusers."
        ) from None


def component(name: str, folder: Path, dtype: torch.dtype) -> Any:
    """A diffusers model from its safetensors, complete."""
    with warnings.catch_warnings():
        # The autoencoder's class is built on a function that PyTorch means to replace; no user can change that.
        warnings.filterwarnings("ignore", message=".*weight_norm", category=FutureWarning)
        model, report = load_safely(
            f"The ACE-Step component in {folder}",
            lambda: needed(name).from_pretrained(
                folder, torch_dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
            ),
        )
    if report["missing_keys"]:
        raise TargetError(
            f"The ACE-Step component in {folder} lacks weights (for instance {min(report['missing_keys'])}); "
            "get it again."
        )
    return model


def text_parts(encoder: Path, tokenizer: Path, dtype: torch.dtype) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The text encoder, complete, and its tokenizer."""
    model, report = load_safely(
        f"The text encoder in {encoder}",
        lambda: AutoModel.from_pretrained(
            encoder, dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True,
            output_loading_info=True,
        ),
    )  # fmt: skip
    if report["missing_keys"]:
        raise TargetError(f"The text encoder in {encoder} lacks weights (for instance {min(report['missing_keys'])}).")
    words = load_safely(
        f"The tokenizer in {tokenizer}",
        lambda: AutoTokenizer.from_pretrained(tokenizer, local_files_only=True, trust_remote_code=False),
    )
    return model, words


def diffusers_parts(folder: Path, *, dtype: torch.dtype) -> Parts:
    """Load the components of a diffusers directory; the autoencoder in float32 whatever ``dtype`` is."""
    text_encoder, tokenizer = text_parts(folder / "text_encoder", folder / "tokenizer", dtype)
    return Parts(
        vae=component("AutoencoderOobleck", folder / "vae", torch.float32),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        transformer=component("AceStepTransformer1DModel", folder / "transformer", dtype),
        condition_encoder=component("AceStepConditionEncoder", folder / "condition_encoder", dtype),
        scheduler=load_safely(
            f"The scheduler in {folder / 'scheduler'}",
            lambda: needed("FlowMatchEulerDiscreteScheduler").from_pretrained(
                folder / "scheduler", local_files_only=True
            ),
        ),
    )


def pipeline_of(parts: Parts, device: str) -> "AceStepPipeline":
    """Compose the library's pipeline, in evaluation mode."""
    return needed("AceStepPipeline")(
        vae=parts.vae.to(device).eval(),
        text_encoder=parts.text_encoder.to(device).eval(),
        tokenizer=parts.tokenizer,
        transformer=parts.transformer.to(device).eval(),
        condition_encoder=parts.condition_encoder.to(device).eval(),
        scheduler=parts.scheduler,
    )

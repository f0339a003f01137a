"""The components of an ACE-Step 1.5, and the diffusers directory that holds them."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerBase

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import load_safely
from earwitness.targets.networks import HEAD, diffusers_network, tokenizer_of, transformers_network
from earwitness.targets.weights import in_precision

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

    @property
    def networks(self) -> dict[str, nn.Module]:
        """All networks, by the names of a directory's components."""
        return {
            "vae": self.vae, "text_encoder": self.text_encoder, "transformer": self.transformer,
            "condition_encoder": self.condition_encoder,
        }  # fmt: skip

    def in_precision(self, dtype: torch.dtype) -> "Parts":
        """Round all networks but the autoencoder; in place."""
        for network in (self.text_encoder, self.transformer, self.condition_encoder):
            in_precision(network, dtype)
        return self

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


def component(name: str, folder: Path, dtype: torch.dtype, *, pipeline: Path | None = None) -> Any:
    """A diffusers model, complete; an adapter in the folder ``pipeline`` belongs to it, too."""
    with warnings.catch_warnings():
        # The autoencoder's class is built on a function that PyTorch means to replace; no user can change that.
        warnings.filterwarnings("ignore", message=".*weight_norm", category=FutureWarning)
        what = f"The ACE-Step component in {folder}"
        return diffusers_network(what, needed(name), folder, dtype=dtype, pipeline=pipeline)


def text_parts(encoder: Path, tokenizer: Path, dtype: torch.dtype) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The text encoder, complete, and its tokenizer."""
    model = transformers_network(f"The text encoder in {encoder}", AutoModel, encoder, dtype=dtype, unused=HEAD)
    words = tokenizer_of(tokenizer)
    return model, words


def diffusers_parts(folder: Path, *, dtype: torch.dtype) -> Parts:
    """Load the components of a diffusers directory; the autoencoder in float32 whatever ``dtype`` is."""
    text_encoder, tokenizer = text_parts(folder / "text_encoder", folder / "tokenizer", dtype)
    return Parts(
        vae=component("AutoencoderOobleck", folder / "vae", torch.float32),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        transformer=component("AceStepTransformer1DModel", folder / "transformer", dtype, pipeline=folder),
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

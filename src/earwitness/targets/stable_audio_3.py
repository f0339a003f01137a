"""Stable Audio 3: a flow over latents of any length, told by a prompt and a length in seconds.

Loads directories that ``StableAudio3Pipeline`` saves. A window is a piece of its own, as in the pipeline's call:
as long as it is, with its own seconds as the duration, which is heard by every block and stands behind the states
of the prompt. The network answers with velocities. Source: arXiv 2605.17991, and the pipeline, which the tests hold
this to.

Null condition: the empty prompt under the same duration, which the pipeline's guidance compares with. Checkpoints whose
scheduler samples stochastically have guidance distilled into them and are never asked without a prompt.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from earwitness.errors import TargetError
from earwitness.identity import TargetIdentity
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.flow import alphas_cumprod_at, flow_times, noise_from_velocity
from earwitness.targets.mel_diffusion import Remembered
from earwitness.targets.networks import T5_DECODER, diffusers_network, transformers_network
from earwitness.targets.pipeline_folder import existing, is_pipeline, load_tokenizer
from earwitness.targets.stable_audio.latents import building_oobleck
from earwitness.targets.weights import identify, in_precision

_LEVELS, _LONGEST_PROMPT = 1000, 256


class StableAudio3:
    """A loaded Stable Audio 3; see ``DenoiserTarget`` for the contract of its methods.

    Text encoder, duration embedder and autoencoder run in float32 whatever the transformer runs in.
    """

    def __init__(self, parts: dict[str, Any], tokenizer: Any, identity: TargetIdentity, *, distilled: bool) -> None:
        self._transformer, self._vae = parts["transformer"], parts["vae"]
        self._text_encoder, self._duration = parts["text_encoder"], parts["duration_embedder"]
        self._tokenizer = tokenizer
        self._states = Remembered(self._encoded)
        self.identity = identity
        self.sample_rate = int(self._vae.config.sampling_rate)
        self.channels = int(self._vae.config.audio_channels)
        self.hop_length = int(self._vae.downsampling_ratio)
        self.max_seconds: float | None = float(self._duration.config.max_val)
        self.has_null_condition = not distilled
        self.alphas_cumprod = alphas_cumprod_at(flow_times(_LEVELS))

    @torch.no_grad()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents float32 [batch, latent, frames] of waveforms [batch, 2, samples], one by one."""
        clips = torch.from_numpy(waves).to(self._vae.device)
        clips = torch.nn.functional.pad(clips, (0, -clips.shape[-1] % self.hop_length))
        return torch.cat([self._vae.encode(clip[None]).latents for clip in clips])

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, prompts: Sequence[str]) -> Tensor:
        """ε float32 [batch, latent, frames] at timesteps int64 [batch] under one prompt a row."""
        device, dtype = self._transformer.device, self._transformer.dtype
        states, masks = (torch.stack(rows) for rows in zip(*self._states(prompts), strict=True))
        seconds = noisy.shape[-1] * self.hop_length / self.sample_rate
        length = self._duration(torch.full((len(prompts),), seconds, device=device))
        context = torch.cat([states, length[:, None].to(states.dtype)], dim=1)
        heard = torch.cat([masks, masks.new_ones(len(masks), 1)], dim=1)

        def velocity(state: Tensor, sigmas: Tensor) -> Tensor:
            answer: Tensor = self._transformer(
                state.to(device, dtype), sigmas.float().to(device), encoder_hidden_states=context.to(dtype),
                global_hidden_states=length.to(dtype), encoder_attention_mask=heard, return_dict=False,
            )[0]  # fmt: skip
            return answer.to(noisy.device)

        return noise_from_velocity(noisy, self.alphas_cumprod[timesteps.cpu()], velocity)

    def drawn_at(self, share: float) -> float:
        """The time on the path below which this share of training's draws lay; the directory says of none: evenly."""
        return share

    def parameters(self) -> Iterator[Parameter]:
        """The transformer's."""
        yield from self._transformer.parameters()

    def _encoded(self, prompt: str) -> tuple[Tensor, Tensor]:
        limit = min(int(self._tokenizer.model_max_length), _LONGEST_PROMPT)
        tokens = self._tokenizer(
            [prompt], padding="max_length", max_length=limit, truncation=True, return_tensors="pt"
        ).to(self._text_encoder.device)
        states = self._text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
        return states[0], tokens.attention_mask[0]


class _Family:
    """Directories of the pipeline."""

    name = "stable-audio-3"
    description = "Stable Audio 3: diffusers directories"

    def matches(self, folder: Path) -> bool:
        """Whether model_index.json says so."""
        return is_pipeline(folder, "StableAudio3Pipeline")

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> StableAudio3:
        """Load all components in evaluation mode."""
        kinds = {"transformer": "StableAudio3DiTModel", "vae": "AutoencoderSAME"}
        precision = getattr(torch, dtype)
        with building_oobleck():
            parts: dict[str, Any] = {
                part: diffusers_network(
                    f"The {part} in {folder}", _class(kind), existing(folder, part),
                    dtype=precision if part == "transformer" else torch.float32,
                    pipeline=folder if part == "transformer" else None,
                )
                for part, kind in kinds.items()
            }  # fmt: skip
        parts["duration_embedder"] = diffusers_network(
            f"The duration_embedder in {folder}", _embedder(), existing(folder, "duration_embedder")
        )
        parts["text_encoder"] = transformers_network(
            f"The text encoder in {folder}", _text_class(), existing(folder, "text_encoder"), unused=T5_DECODER
        )
        identity = identify(self.name, name, dtype, parts=parts, folders=[folder])
        in_precision(parts["transformer"], precision)
        distilled = bool(read_config(folder / "scheduler", "scheduler_config.json").get("stochastic_sampling", False))
        for network in parts.values():
            network.to(device).eval()
        target = StableAudio3(parts, load_tokenizer(folder, "tokenizer"), identity, distilled=distilled)
        latent = torch.zeros(1, int(parts["vae"].config.latent_dim), 4)
        with torch.no_grad():
            load_safely(
                f"The checkpoint in {folder}, whose parts must fit together,",
                lambda: target.predict_noise(latent, torch.tensor([500]), ["slow piano"]),
            )
        return target


def _class(name: str) -> Any:
    found = getattr(diffusers, name, None)
    if found is None:
        raise TargetError(
            f"The installed diffusers {diffusers.__version__} has no {name}; get a newer one: pip install -U diffusers."
        )
    return found


def _embedder() -> Any:
    _class("StableAudio3Pipeline")
    from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder

    return StableAudio3DurationEmbedder


def _text_class() -> Any:
    from transformers import T5GemmaEncoderModel

    return T5GemmaEncoderModel


StableAudio3Family = _Family()

"""Latent diffusion over mel spectrograms: a VAE, a U-Net over its latents, a way to turn prompts into inputs.

Goal: what AudioLDM, MusicLDM and AudioLDM 2 have in common, so that each of them is only the way
it hears a prompt. Waveform → standardised by itself → silence up to a whole latent frame →
log-mel [batch, 1, frames, bands] → the posterior's mean × the VAE's scaling factor.

Conventions: latents are float32 [batch, channels, frames, bands], computed in float32 whatever
the U-Net runs in; a text encoder also runs in float32, each prompt by itself, and the most recent
prompts are remembered. The vocoder is not needed, only its configuration.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKL, ModelMixin
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import pad

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import content_sha256, load_safely, read_config
from earwitness.targets.mel import MelFrontEnd, front_end_of, standardise
from earwitness.targets.pipeline_folder import existing, load_diffusers
from earwitness.targets.protocols import TargetIdentity
from earwitness.targets.schedule import NoiseSchedule, read_schedule

Inputs = Mapping[str, Tensor | None]
_Embedding = TypeVar("_Embedding")
_REMEMBERED_PROMPTS = 256


class Remembered(Generic[_Embedding]):
    """What an encoder makes of single prompts, each asked for once and without gradients."""

    def __init__(self, encode: Callable[[str], _Embedding]) -> None:
        def without_gradients(prompt: str) -> _Embedding:
            with torch.no_grad():
                return encode(prompt)

        self._of = lru_cache(_REMEMBERED_PROMPTS)(without_gradients)

    def __call__(self, prompts: Sequence[str]) -> list[_Embedding]:
        """One embedding a prompt."""
        return [self._of(prompt) for prompt in prompts]


class MelDiffusion:
    """A loaded model of the family; see ``DenoiserTarget`` for the contract of its methods.

    ``condition`` gives the U-Net's keyword inputs for prompts, one row each.
    """

    channels = 1
    has_null_condition = True

    def __init__(
        self,
        *,
        unet: ModelMixin,
        vae: AutoencoderKL,
        mel: MelFrontEnd,
        schedule: NoiseSchedule,
        condition: Callable[[Sequence[str]], Inputs],
        identity: TargetIdentity,
    ) -> None:
        reduction = reduction_of(vae)
        self._unet = unet
        self._vae = vae
        self._mel = mel
        self._schedule = schedule
        self._condition = condition
        self.identity = identity
        self.sample_rate = mel.sample_rate
        self.hop_length = mel.hop * reduction
        self.alphas_cumprod = schedule.alphas_cumprod
        frames = unet.config.sample_size
        frames = frames[0] if isinstance(frames, list | tuple) else frames
        self.max_seconds: float | None = None if frames is None else frames * self.hop_length / mel.sample_rate

    @torch.no_grad()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents float32 [batch, channels, frames, bands] of waveforms [batch, samples]."""
        clips = standardise(torch.from_numpy(waves).to(self._vae.device))
        clips = pad(clips, (0, -clips.shape[-1] % self.hop_length))
        means = self._vae.encode(self._mel.log_mel(clips)[:, None]).latent_dist.mean
        latents: Tensor = means * self._vae.config.scaling_factor
        return latents

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, prompts: Sequence[str]) -> Tensor:
        """ε float32 [batch, channels, frames, bands]; an empty prompt is the null condition."""
        device, dtype = self._unet.device, self._unet.dtype
        inputs = {
            name: value.to(dtype) if value is not None and value.is_floating_point() else value
            for name, value in self._condition(prompts).items()
        }
        answer = self._unet(noisy.to(device, dtype), timesteps.to(device), **inputs).sample
        return self._schedule.noise_in(noisy.float(), answer.to(noisy.device).float(), timesteps)

    def parameters(self) -> Iterator[Parameter]:
        """The U-Net's parameters."""
        yield from self._unet.parameters()


def assemble(
    folder: Path,
    *,
    unet_class: type[ModelMixin],
    condition: Callable[[Sequence[str]], Inputs],
    family: str,
    name: str,
    device: str,
    dtype: str,
) -> MelDiffusion:
    """Load what is the same in every directory of the family, and see that the parts fit together.

    Raises
    ------
    TargetError
        Where a part is missing or damaged, or they do not fit.
    """
    unet = load_diffusers(folder, "unet", unet_class, dtype)
    vae = load_diffusers(folder, "vae", AutoencoderKL)
    mel = front_end_of(read_config(existing(folder, "vocoder")))
    if vae.config.in_channels != 1 or mel.bands % reduction_of(vae):
        raise TargetError(f"The VAE in {folder} does not take spectrograms of {mel.bands} bands; get it again.")
    if not vae.config.latent_channels == unet.config.in_channels == unet.config.out_channels:
        raise TargetError(
            f"The U-Net in {folder} takes {unet.config.in_channels} channels and gives {unet.config.out_channels}, "
            f"but the latents of its VAE have {vae.config.latent_channels}; get the checkpoint again."
        )
    target = MelDiffusion(
        unet=unet.to(device), vae=vae.to(device), mel=mel,
        schedule=read_schedule(existing(folder, "scheduler")), condition=condition,
        identity=TargetIdentity(family=family, name=name, weights_sha256=content_sha256(folder), dtype=dtype),
    )  # fmt: skip
    try_once(target, f"The checkpoint in {folder}", vae.config.latent_channels, mel.bands // reduction_of(vae))
    return target


def reduction_of(vae: AutoencoderKL) -> int:
    """How many mel frames, and bands, one step of the latent stands for."""
    return int(2 ** (len(vae.config.block_out_channels) - 1))


@torch.no_grad()
def try_once(target: MelDiffusion, what: str, channels: int, bands: int) -> None:
    """Widths that do not fit, or inputs that nobody gives, show at the first question, so that it is asked here."""
    load_safely(
        f"{what}, whose parts must fit together,",
        lambda: target.predict_noise(torch.zeros(1, channels, bands, bands), torch.zeros(1, dtype=torch.long), [""]),
    )

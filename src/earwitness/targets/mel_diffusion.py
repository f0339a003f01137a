"""Latent diffusion over mel spectrograms: a VAE, a U-Net over its latents, a way to turn prompts into inputs.

Goal: what AudioLDM, MusicLDM, AudioLDM 2 and Tango have in common, so that each of them is only the way
it hears a prompt. Waveform → standardised by itself → silence up to the length of every clip in
training → log-mel [batch, 1, frames, bands] → the posterior's mean × the VAE's scaling factor.
The VAE's attention and normalisation look at the whole clip, so a window without its silence is
another clip; silence and all is what was noised and denoised.

Conventions: latents are float32 [batch, channels, frames, bands], computed in float32 whatever
the U-Net runs in; a text encoder also runs in float32, each prompt by itself, and the most recent
prompts are remembered. The vocoder is not needed, only its configuration.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKL, ModelMixin
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn.functional import pad

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.clap import ClapAudio
from earwitness.targets.mel import MelFrontEnd, front_end_of, standardise
from earwitness.targets.pipeline_folder import existing, load_diffusers
from earwitness.targets.protocols import Place, TargetIdentity, Told, WindowLaw
from earwitness.targets.schedule import NoiseSchedule, read_schedule
from earwitness.targets.weights import identify, in_precision

Inputs = Mapping[str, Tensor | None]
_Embedding = TypeVar("_Embedding")
_REMEMBERED_PROMPTS = 256
# Every clip of the published models was 1024 frames of spectrogram (Liu et al. 2023, arXiv 2301.12503).
TRAINED_FRAMES = 1024
# What the directories of AudioLDM and MusicLDM say of their U-Nets is the default length of the pipeline,
# half of a clip in training.
_HALVED = (128, 4)


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

    ``condition`` gives the U-Net's keyword inputs for prompts, one row each. With ``hear``, which gives
    the condition of a standardised and filled clip, windows are told to the model by their sound.
    """

    channels = 1
    has_null_condition = True
    remarks: Sequence[str] = ()

    def __init__(
        self,
        *,
        unet: ModelMixin,
        vae: AutoencoderKL,
        mel: MelFrontEnd,
        schedule: NoiseSchedule,
        condition: Callable[[Sequence[Any]], Inputs],
        identity: TargetIdentity,
        frames: int,
        place: Literal["anywhere", "first"] = "anywhere",
        hear: Callable[[Tensor], Sequence[object]] | None = None,
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
        self._samples = frames * self.hop_length
        self.max_seconds: float | None = self._samples / mel.sample_rate
        self.window_law = WindowLaw(seconds=self.max_seconds, place=place, filled=True, channel="first")
        self._hear = hear

    @torch.no_grad()
    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Latents float32 [batch, channels, frames, bands] of waveforms [batch, samples], of a clip's length each."""
        means = self._vae.encode(self._mel.log_mel(self._clips(waves))[:, None]).latent_dist.mean
        latents: Tensor = means * self._vae.config.scaling_factor
        return latents

    @torch.no_grad()
    def tell(self, waves: NDArray[np.float32], prompts: Sequence[str], places: Sequence[Place | None]) -> Told:
        """The sound of each window where the model was trained on that, else its prompt."""
        null = [""] * len(prompts) if self.has_null_condition else None
        if self._hear is None:
            return Told(list(prompts), null, [bool(prompt) for prompt in prompts])
        return Told(self._hear(self._clips(waves)), null, [True] * len(prompts))

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, prompts: Sequence[object]) -> Tensor:
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

    def _clips(self, waves: NDArray[np.float32]) -> Tensor:
        """Windows as clips of training: standardised, then filled up with silence."""
        missing = self._samples - waves.shape[-1]
        if missing < 0:
            raise ValueError(f"Waves of {waves.shape[-1]} samples were given; a clip has {self._samples}.")
        return pad(standardise(torch.from_numpy(waves).to(self._vae.device)), (0, missing))


def assemble(
    folder: Path,
    *,
    unet_class: type[ModelMixin],
    condition: Callable[[Sequence[Any]], Inputs],
    hear: Callable[[int], ClapAudio | None] = lambda sample_rate: None,
    hearing: Mapping[str, nn.Module],
    family: str,
    name: str,
    device: str,
    dtype: str,
) -> MelDiffusion:
    """Load what is the same in every directory of the family, and see that the parts fit together.

    ``hear`` gives, for a sample rate, what turns clips into conditions, where there is such a thing; ``hearing``
    are the networks behind ``condition``.

    Raises
    ------
    TargetError
        Where a part is missing or damaged, or they do not fit.
    """
    unet = load_diffusers(folder, "unet", unet_class, dtype, denoiser=True)
    vae = load_diffusers(folder, "vae", AutoencoderKL)
    mel = front_end_of(read_config(existing(folder, "vocoder")))
    if vae.config.in_channels != 1 or mel.bands % reduction_of(vae):
        raise TargetError(f"The VAE in {folder} does not take spectrograms of {mel.bands} bands; get it again.")
    if not vae.config.latent_channels == unet.config.in_channels == unet.config.out_channels:
        raise TargetError(
            f"The U-Net in {folder} takes {unet.config.in_channels} channels and gives {unet.config.out_channels}, "
            f"but the latents of its VAE have {vae.config.latent_channels}; get the checkpoint again."
        )
    heard = hear(mel.sample_rate)
    parts = {"unet": unet, "vae": vae, "audio_encoder": None if heard is None else heard.encoder, **hearing}
    target = MelDiffusion(
        identity=identify(family, name, dtype, parts=parts, folders=[folder]),
        unet=in_precision(unet, getattr(torch, dtype)).to(device), vae=vae.to(device), mel=mel,
        schedule=read_schedule(existing(folder, "scheduler")), condition=condition, hear=heard,
        frames=trained_frames(unet.config.sample_size, reduction_of(vae)),
    )  # fmt: skip
    try_once(target, f"The checkpoint in {folder}", vae.config.latent_channels, mel.bands // reduction_of(vae))
    return target


def trained_frames(sample_size: int | Sequence[int] | None, reduction: int) -> int:
    """How many latent frames a clip had in training, from what a U-Net's configuration says and the VAE's reduction."""
    frames = sample_size if isinstance(sample_size, int | None) else sample_size[0]
    return TRAINED_FRAMES // reduction if frames is None or (frames, reduction) == _HALVED else frames


def reduction_of(vae: AutoencoderKL) -> int:
    """How many mel frames, and bands, one step of the latent stands for."""
    return int(2 ** (len(vae.config.block_out_channels) - 1))


@torch.no_grad()
def try_once(target: MelDiffusion, what: str, channels: int, bands: int) -> None:
    """Widths that do not fit, or inputs that nobody gives, show at the first question, so that it is asked here."""
    load_safely(
        f"{what}, whose parts must fit together,",
        lambda: target.predict_noise(
            torch.zeros(2, channels, bands, bands), torch.zeros(2, dtype=torch.long), ["", "slow piano"]
        ),
    )

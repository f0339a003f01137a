"""Load a release of Tango, Tango 2 or Mustango.

Goal: its parts, mapped onto library classes, are asked by the adapter that the other latent
diffusion models over mel spectrograms use.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from earwitness.errors import TargetError
from earwitness.targets.mel_diffusion import MelDiffusion, reduction_of, try_once
from earwitness.targets.schedule import read_schedule
from earwitness.targets.tango import files
from earwitness.targets.tango.companions import SCHEDULER, remark_on
from earwitness.targets.tango.mel import TangoMel, load_mel
from earwitness.targets.tango.music import REMARK
from earwitness.targets.tango.networks import LATENT_SIZE, load_networks
from earwitness.targets.tango.prompts import TokenStates
from earwitness.targets.tango.text import fitting_tokenizer, text_folder
from earwitness.targets.tango.vae import load_vae
from earwitness.targets.weights import identify, in_precision


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """Releases of declare-lab's trainer, ``musical`` ones in folders."""

    name: str
    description: str
    musical: bool

    def matches(self, folder: Path) -> bool:
        """Whether the three configurations are there, or the folders."""
        return files.in_folders(folder) if self.musical else files.is_release(folder)

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> MelDiffusion:
        """Load U-Net, VAE, mel front end and text encoder in evaluation mode."""
        settings = files.read_settings(folder, "main")
        text = text_folder(folder, settings)
        scheduler = SCHEDULER.find(folder, settings.text("scheduler_name"))
        remarks = remark_on(SCHEDULER, scheduler, settings.text("scheduler_name"))
        if self.musical:
            remarks.append(REMARK)
        schedule = read_schedule(scheduler)
        mel, vae = load_mel(folder), load_vae(folder)
        unet, encoder = load_networks(folder, settings, text, remarks)
        _check_fit(folder, unet, vae, mel)
        dropped = settings.flag("uncondition", if_absent=False)
        condition = TokenStates(fitting_tokenizer(text, encoder), encoder.to(device), dropped=dropped)
        identity = identify(
            self.name, name, dtype,
            parts={
                "unet": unet, "text_encoder": encoder, "vae": vae,
                "stft": {"forward_basis": mel.transform, "mel_basis": mel.filters},
            },
            folders=[folder, text, scheduler],
        )  # fmt: skip
        target = MelDiffusion(
            unet=in_precision(unet, getattr(torch, dtype)).to(device), vae=vae.to(device), mel=mel, schedule=schedule,
            condition=condition, identity=identity, frames=LATENT_SIZE[0], place="first",
        )  # fmt: skip
        target.has_null_condition = dropped or self.musical
        target.remarks = tuple(remarks)
        try_once(target, f"The release in {folder}", unet.config.in_channels, LATENT_SIZE[1])
        return target


TangoFamily = _Family(
    name="tango", description="Tango and Tango 2 in declare-lab's own files: main, vae and stft", musical=False
)
MustangoFamily = _Family(
    name="mustango", description="Mustango in its own folders: configs, ldm, vae and stft", musical=True
)


def _check_fit(folder: Path, unet: UNet2DConditionModel, vae: AutoencoderKL, mel: TangoMel) -> None:
    if not vae.config.latent_channels == unet.config.in_channels == unet.config.out_channels:
        raise TargetError(
            f"The U-Net of {folder} takes {unet.config.in_channels} channels and answers in {unet.config.out_channels},"
            f" but its VAE's latents have {vae.config.latent_channels}; get the release again."
        )
    if mel.bands % reduction_of(vae):
        raise TargetError(
            f"The VAE of {folder} does not take spectrograms of {mel.bands} bands; get the release again."
        )

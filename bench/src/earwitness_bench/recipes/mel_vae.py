"""The mel ends of a small latent audio diffusion model: latents of waveforms, and a vocoder that stays as drawn.

Conventions: waveforms are float32 [batch, samples] at the front end's rate; latents float32 [batch, channels, frames,
bands], a frame standing for ``REDUCTION`` mel frames.
"""

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

from earwitness.targets.mel import MEL_16K, standardise

REDUCTION = 32


@torch.no_grad()
def encode(vae: AutoencoderKL, waves: Tensor) -> Tensor:
    """Posterior means of clips, each standardised by itself, times the model's scaling factor."""
    latents: Tensor = (
        vae.encode(MEL_16K.log_mel(standardise(waves))[:, None]).latent_dist.mean * vae.config.scaling_factor
    )
    return latents


@torch.no_grad()
def scale_to_unit(vae: AutoencoderKL, waves: Tensor) -> None:
    """Set the scaling factor in place, so that the latents of these clips have standard deviation 1."""
    vae.register_to_config(scaling_factor=1.0)
    vae.register_to_config(scaling_factor=1.0 / float(encode(vae, waves).std()))


def drawn_vocoder(*, seed: int) -> SpeechT5HifiGan:
    """A vocoder that was never trained: a pipeline has one, and its configuration says what the model hears."""
    torch.manual_seed(seed)
    return SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=MEL_16K.bands, sampling_rate=MEL_16K.sample_rate, upsample_initial_channel=32,
            upsample_rates=[5, 4, 2, 2, 2], upsample_kernel_sizes=[15, 8, 4, 4, 4],
            resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]], normalize_before=False,
            initializer_range=0.25,  # the default is for a trained one: it would be silent
        )
    ).eval()  # fmt: skip

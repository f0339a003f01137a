"""Train the two ends of a latent audio diffusion model: a mel autoencoder and a vocoder.

Goal: an ``AutoencoderKL`` that squeezes log-mel spectrograms sixteenfold in time and in
frequency, so that a denoiser over its latents is quick to train on one core, and a small
``SpeechT5HifiGan`` that turns spectrograms back into sound. Both see members and
non-members alike, so they tell nothing about membership.

Conventions: waveforms are float32 [samples] at the front end's rate; latents are
float32 [batch, channels, frames, bands], a frame standing for ``REDUCTION`` mel frames.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

from earwitness.targets.mel import MEL_16K, standardise
from earwitness.types import OnMessage
from earwitness_bench.recipes.progress import Checkpoint

REDUCTION = 16
_WIDTHS = (8, 16, 32, 64, 64)
_KL_WEIGHT = 1e-4


def train_vae(
    waves: Sequence[NDArray[np.float32]], *, steps: int, seed: int, state: Path, report: OnMessage
) -> AutoencoderKL:
    """Train the autoencoder for ``steps`` batches of 4 × 1.28 s: absolute error plus a light pull to N(0, 1).

    ``state`` is a file in which an interrupted run finds its last checkpoint.
    """
    torch.manual_seed(seed)
    model = AutoencoderKL(
        in_channels=1, out_channels=1, latent_channels=8, block_out_channels=_WIDTHS, layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * len(_WIDTHS), up_block_types=("UpDecoderBlock2D",) * len(_WIDTHS),
        norm_num_groups=4, mid_block_add_attention=False, sample_size=MEL_16K.bands,
    )  # fmt: skip
    level = MEL_16K.log_mel(standardise(torch.from_numpy(waves[0])[None])).mean()
    nn.init.constant_(model.decoder.conv_out.bias, float(level))  # or the first hundred steps go to finding it

    def loss(target: Tensor, rng: np.random.Generator) -> Tensor:
        mel = MEL_16K.log_mel(target)[:, None]
        posterior = model.encode(mel).latent_dist
        noise = torch.from_numpy(rng.standard_normal(posterior.mean.shape, dtype=np.float32))
        decoded = model.decode(posterior.mean + posterior.std * noise).sample
        total: Tensor = (decoded - mel).abs().mean() + _KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel()
        return total

    _fit("vae", model, loss, waves, steps=steps, seed=seed, state=state, report=report)
    return model.eval()


def train_vocoder(
    waves: Sequence[NDArray[np.float32]], *, steps: int, seed: int, state: Path, report: OnMessage
) -> SpeechT5HifiGan:
    """Train the vocoder for ``steps`` batches of 4 × 1.28 s, until what it makes has the spectrogram it was given."""
    torch.manual_seed(seed)
    model = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=MEL_16K.bands, sampling_rate=MEL_16K.sample_rate, upsample_initial_channel=64,
            upsample_rates=[5, 4, 2, 2, 2], upsample_kernel_sizes=[15, 8, 4, 4, 4],
            resblock_kernel_sizes=[3, 7], resblock_dilation_sizes=[[1, 3], [1, 3]], normalize_before=False,
            initializer_range=0.1,  # the default is for eight times the width: it would start out silent
        )
    )  # fmt: skip

    def loss(target: Tensor, rng: np.random.Generator) -> Tensor:
        mel = MEL_16K.log_mel(target)
        return (MEL_16K.log_mel(model(mel)) - mel).abs().mean()

    _fit("vocoder", model, loss, waves, steps=steps, seed=seed, state=state, report=report)
    return model.eval()


@torch.no_grad()
def encode(vae: AutoencoderKL, waves: Tensor) -> Tensor:
    """Posterior means of clips [batch, samples], each standardised by itself, times the model's scaling factor."""
    latents: Tensor = (
        vae.encode(MEL_16K.log_mel(standardise(waves))[:, None]).latent_dist.mean * vae.config.scaling_factor
    )
    return latents


@torch.no_grad()
def scale_to_unit(vae: AutoencoderKL, waves: Tensor) -> None:
    """Set the scaling factor in place, so that the latents of these clips have standard deviation 1."""
    vae.register_to_config(scaling_factor=1.0)
    vae.register_to_config(scaling_factor=1.0 / float(encode(vae, waves).std()))


def _fit(
    name: str,
    model: nn.Module,
    loss_of: Callable[[Tensor, np.random.Generator], Tensor],
    waves: Sequence[NDArray[np.float32]],
    *,
    steps: int,
    seed: int,
    state: Path,
    report: OnMessage,
    batch: int = 4,
    frames: int = 128,
    peak_rate: float = 2e-3,
) -> None:
    """Minimise ``loss_of`` over random clips; a step depends on (seed, step) alone."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak_rate, betas=(0.9, 0.99), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak_rate, total_steps=steps, pct_start=0.05)
    checkpoint = Checkpoint(state, {"model": model, "optimizer": optimizer, "schedule": schedule})
    model.train()
    for step in range(checkpoint.restore(), steps):
        rng = np.random.default_rng([seed, step])
        clips = np.stack(list(_clips(waves, batch, frames * MEL_16K.hop, rng)))
        loss = loss_of(standardise(torch.from_numpy(clips)), rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            checkpoint.save(step + 1)
            report(f"{name}: step {step + 1}/{steps}, loss {loss.item():.3f}")


def _clips(
    waves: Sequence[NDArray[np.float32]], count: int, length: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    for i in rng.integers(len(waves), size=count):
        start = int(rng.integers(len(waves[i]) - length + 1))
        yield waves[i][start : start + length]

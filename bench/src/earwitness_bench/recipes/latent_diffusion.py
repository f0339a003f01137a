"""Build and train a small AudioLDM-architecture denoiser whose training set is known.

Goal: the parts of an ``AudioLDMPipeline`` besides its mel ends: a frozen CLAP text encoder
over captions, a U-Net that takes the caption as a class embedding beside the time
embedding, and the family's noise schedule; trained as the originals are, to predict the
noise at a uniformly drawn step, with the caption dropped for one example in ten.

Conventions: latents are float32 [clips, channels, frames, bands] of standard deviation 1;
captions are unit vectors float32 [clips, width]; a level is a share of the noise steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import ClapTextConfig, ClapTextModelWithProjection, PreTrainedTokenizerFast

from earwitness_bench.recipes.progress import Checkpoint

TEXT_WIDTH = 32
_WIDTHS = (64, 128, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoiserSchedule:
    """What fixes a training run, besides its data.

    An epoch draws as many clips as there are tracks. The averaged weights are kept after
    the epochs in ``keep``; training stops after the last of them.
    """

    keep: tuple[int, ...]
    batch: int = 16
    rate: float = 5e-4
    warm_up_steps: int = 200
    average_decay: float = 0.999
    condition_dropout: float = 0.1
    seed: int = 0


def noise_schedule() -> DDIMScheduler:
    """1000 steps with the family's betas (Liu et al. 2023, arXiv 2301.12503)."""
    return DDIMScheduler(
        num_train_timesteps=1000, beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip


def small_text_encoder(vocabulary: int, *, seed: int) -> ClapTextModelWithProjection:
    """A CLAP text encoder that stays as drawn: different captions get different vectors, and nothing is learnt.

    Its initial spread is large, so that the vectors of two captions lie well apart.
    """
    torch.manual_seed(seed)
    config = ClapTextConfig(
        vocab_size=vocabulary, hidden_size=TEXT_WIDTH, intermediate_size=2 * TEXT_WIDTH, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=2 * TEXT_WIDTH, projection_dim=TEXT_WIDTH,
        pad_token_id=0, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_factor=20.0,
    )  # fmt: skip
    return ClapTextModelWithProjection(config).eval()


@torch.no_grad()
def embed(encoder: ClapTextModelWithProjection, tokenizer: PreTrainedTokenizerFast, captions: Sequence[str]) -> Tensor:
    """Unit vectors [captions, width], as the pipeline makes them; the null condition is the vector of ``""``."""
    text = tokenizer(list(captions), padding="max_length", truncation=True, return_tensors="pt")
    return nn.functional.normalize(encoder(text.input_ids, attention_mask=text.attention_mask).text_embeds, dim=-1)


def small_unet(channels: int, frames: int, *, seed: int, widths: tuple[int, ...] = _WIDTHS) -> UNet2DConditionModel:
    """An untrained U-Net; attention at its lowest resolution, where it costs little."""
    torch.manual_seed(seed)
    plain = len(widths) - 1
    return UNet2DConditionModel(
        sample_size=frames, in_channels=channels, out_channels=channels, block_out_channels=widths,
        layers_per_block=1, norm_num_groups=8, attention_head_dim=4, cross_attention_dim=widths,
        down_block_types=("DownBlock2D",) * plain + ("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",) + ("UpBlock2D",) * plain,
        class_embed_type="simple_projection", projection_class_embeddings_input_dim=TEXT_WIDTH,
        class_embeddings_concat=True,
    )  # fmt: skip


def train_denoiser(
    model: UNet2DConditionModel,
    scheduler: DDIMScheduler,
    latents: Tensor,
    captions: Tensor,
    null: Tensor,
    schedule: DenoiserSchedule,
    *,
    state: Path,
    at_epoch: Callable[[int, float, UNet2DConditionModel | None], None],
    save_every: int = 50,
) -> None:
    """Train on ``latents`` [tracks, starts, channels, frames, bands] under ``captions`` [tracks, width].

    ``null`` [width] is what a dropped caption becomes. ``at_epoch(epoch, mean_loss, averaged)``
    is called every ``save_every`` epochs and after the kept ones, for which alone it gets the
    averaged model. A step depends on (seed, step) alone, so an interrupted run goes on as if
    it had not stopped.
    """
    tracks, starts = latents.shape[:2]
    optimizer = torch.optim.AdamW(model.parameters(), lr=schedule.rate, betas=(0.9, 0.99), weight_decay=0.0)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=schedule.warm_up_steps)
    follow = get_ema_multi_avg_fn(schedule.average_decay)  # type: ignore[no-untyped-call]
    average = AveragedModel(model, multi_avg_fn=follow)
    parts = {"model": model, "optimizer": optimizer, "warm_up": warm_up, "average": average}
    checkpoint = Checkpoint(state, parts)
    steps_per_epoch = max(1, tracks // schedule.batch)
    first = checkpoint.restore()
    model.train()
    losses = []
    for step in range(first, steps_per_epoch * max(schedule.keep)):
        rng = np.random.default_rng([schedule.seed, step])
        rows = rng.integers(tracks, size=schedule.batch)
        clean = latents[rows, rng.integers(starts, size=schedule.batch)]
        dropped = torch.from_numpy(rng.random(schedule.batch) < schedule.condition_dropout)
        condition = torch.where(dropped[:, None], null, captions[rows])
        noise = torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32))
        times = _spread_times(schedule.batch, scheduler.config.num_train_timesteps, rng)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            predicted = _predict(model, scheduler.add_noise(clean, noise, times), times, condition)
        loss = nn.functional.mse_loss(predicted.float(), noise)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        warm_up.step()
        average.update_parameters(model)
        losses.append(loss.item())
        epoch, rest = divmod(step + 1, steps_per_epoch)
        if rest == 0 and (epoch in schedule.keep or epoch % save_every == 0):
            at_epoch(epoch, float(np.mean(losses)), average.module if epoch in schedule.keep else None)
            checkpoint.save(step + 1)  # only now: a run killed in between repeats the epoch rather than miss it
            losses.clear()


@torch.no_grad()
def denoising_losses(
    model: UNet2DConditionModel,
    scheduler: DDIMScheduler,
    latents: Tensor,
    captions: Tensor,
    *,
    level: float,
    draws: int = 5,
    seed: int = 0,
    batch: int = 64,
) -> NDArray[np.float64]:
    """Mean squared error of the predicted noise at one level, over ``draws`` fixed noises [clips]."""
    model.eval()
    time = round(level * scheduler.config.num_train_timesteps)
    total = np.zeros(len(latents))
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        for start in range(0, len(latents), batch):
            clean = latents[start : start + batch]
            noise = torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32))
            times = torch.full((len(clean),), time)
            predicted = _predict(
                model, scheduler.add_noise(clean, noise, times), times, captions[start : start + batch]
            )
            total[start : start + batch] += (predicted - noise).square().mean(dim=(1, 2, 3)).numpy()
    return total / draws


def _predict(model: UNet2DConditionModel, noisy: Tensor, times: Tensor, captions: Tensor) -> Tensor:
    predicted: Tensor = model(noisy, times, encoder_hidden_states=None, class_labels=captions).sample
    return predicted


def _spread_times(batch: int, steps: int, rng: np.random.Generator) -> Tensor:
    """Uniform steps, one in each of ``batch`` equal slices: the same law as independent draws, a steadier loss."""
    shares = (rng.permutation(batch) + rng.random(batch)) / batch
    return torch.from_numpy((shares * steps).astype(np.int64))

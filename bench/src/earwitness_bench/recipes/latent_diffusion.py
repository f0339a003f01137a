"""Build and train a small AudioLDM-architecture denoiser whose training set is known.

Goal: the parts of an ``AudioLDMPipeline`` besides its mel ends: a frozen CLAP text encoder
over captions, a U-Net that takes the caption as a class embedding beside the time
embedding, and the family's noise schedule; trained as the originals are, to predict the
noise at a uniformly drawn step, with the caption dropped for one example in ten.

Conventions: latents are float32 [clips, channels, frames, bands] of standard deviation 1;
captions are unit vectors float32 [clips, width]; what a U-Net is given beside its latents is a mapping of its keyword
inputs, a row a clip; a level is a share of the noise steps.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import ClapTextConfig, ClapTextModelWithProjection, PreTrainedTokenizerFast

from earwitness.signals.denoising.schedule import Schedule
from earwitness_bench.recipes.denoiser import LossOf, spread_shares, track_scores

Inputs = Mapping[str, Tensor]

TEXT_WIDTH = 32
_WIDTHS = (64, 96)


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


def noise_loss(scheduler: DDIMScheduler, inputs: Inputs, null: Inputs) -> LossOf:
    """Mean squared error of the noise at evenly spread steps, under ``inputs`` (a row each) or ``null`` (one row)."""

    def loss(model: nn.Module, clean: Tensor, rows: Sequence[int], dropped: Tensor, rng: np.random.Generator) -> Tensor:
        given = rows_of(inputs, rows)
        condition = {
            name: torch.where(dropped.view(-1, *[1] * (value.ndim - 1)), null[name], value)
            for name, value in given.items()
        }
        noise = torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32))
        steps = spread_shares(len(clean), rng) * scheduler.config.num_train_timesteps
        times = torch.from_numpy(steps.astype(np.int64))
        return nn.functional.mse_loss(
            predict_noise(model, scheduler.add_noise(clean, noise, times), times, condition), noise
        )

    return loss


def rows_of(inputs: Inputs, rows: Sequence[int]) -> Inputs:
    """The U-Net's inputs of some recordings."""
    return {name: value[list(rows)] for name, value in inputs.items()}


def predict_noise(model: nn.Module, noisy: Tensor, times: Tensor, inputs: Inputs) -> Tensor:
    """The noise in latents at int64 times [batch], under inputs of as many rows."""
    predicted: Tensor = model(noisy, times, **({"encoder_hidden_states": None} | dict(inputs))).sample
    return predicted


def watched(model: nn.Module, latents: Tensor, inputs: Inputs) -> dict[str, NDArray[np.float64]]:
    """What is watched, of windows [tunes, windows, …] under their captions; name → [tunes]."""
    model.eval()
    return track_scores(
        lambda noisy, times, rows: predict_noise(model, noisy, times, rows_of(inputs, rows)),
        Schedule(noise_schedule().alphas_cumprod.double().numpy()), latents,
    )  # fmt: skip

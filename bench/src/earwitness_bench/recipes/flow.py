"""Build a small ACE-Step-architecture flow whose training set is known, and say what it minimises.

Goal: the parts of an ``AceStepPipeline``: a frozen text encoder and condition encoder over captions, the transformer,
and the loss of the originals, ‖u(x_σ, σ) − (ε − z)‖² with x_σ = (1 − σ) z + σ ε, logit σ drawn from N(−.4, 1) as the
releases' configuration has it, one condition in so many replaced by the learned null vector.

Conventions: latents are float32 [batch, frames, channels]; conditions float32 [batch, length, width].
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from diffusers import (
    AceStepConditionEncoder,
    AceStepTransformer1DModel,
    AutoencoderOobleck,
    FlowMatchEulerDiscreteScheduler,
)
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from earwitness.targets.ace_step.model import TRAINED_TIMES, AceStep
from earwitness_bench.recipes.denoiser import LossOf, spread_shares
from earwitness_bench.recipes.oobleck import CHANNELS, encode

_FURTHER = ("slow", "fast", "piano", "drums", "flute")  # what the conformance suite asks about is heard, too
TEXT_WIDTH, WIDTH, LAYERS, HEADS, INNER, PATCH = 32, 128, 5, 4, 384, 8
_SPREAD = 0.3  # of the encoders' weights, so that two captions lie well apart
_SMALL = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 64}


def phrase_tokenizer(phrases: Sequence[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that hears whole phrases (dances, keys) and nothing else, so that captions are equally long.

    The templates of the pipeline around a caption are left out with everything unknown.
    """
    known = sorted({*phrases, *_FURTHER}, key=lambda phrase: (-len(phrase), phrase))
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<|endoftext|>", "<unk>", *known])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex("|".join(rf"\b{phrase}\b" for phrase in known)), "removed", invert=True
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", padding_side="left", model_max_length=512
    )


def small_parts(vae: AutoencoderOobleck, tokenizer: PreTrainedTokenizerFast, *, seed: int) -> dict[str, Any]:
    """Everything that an ``AceStepPipeline`` is made of; only the transformer is to be trained."""
    torch.manual_seed(seed)
    text_encoder = Qwen3Model(
        Qwen3Config(
            hidden_size=TEXT_WIDTH,
            num_hidden_layers=1,
            vocab_size=len(tokenizer),
            max_position_embeddings=512,
            **_SMALL,
        )
    )
    conditions = AceStepConditionEncoder(
        hidden_size=TEXT_WIDTH, text_hidden_dim=TEXT_WIDTH, timbre_hidden_dim=CHANNELS,
        num_lyric_encoder_hidden_layers=1, num_timbre_encoder_hidden_layers=1, sliding_window=16, **_SMALL,
    )  # fmt: skip
    for frozen in (text_encoder, conditions):
        for parameter in frozen.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=_SPREAD)
        frozen.requires_grad_(False).eval()
    silence = encode(vae, torch.zeros(1, 2, 9 * int(vae.hop_length)))[:, 4:5]
    conditions.silence_latent = silence.expand_as(conditions.silence_latent).clone()
    return {
        "vae": vae, "text_encoder": text_encoder, "tokenizer": tokenizer, "condition_encoder": conditions,
        "transformer": small_transformer(seed=seed),
        "scheduler": FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    }  # fmt: skip


def small_transformer(*, seed: int) -> AceStepTransformer1DModel:
    """An untrained transformer over patches of eight frames."""
    torch.manual_seed(seed)
    return AceStepTransformer1DModel(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, num_key_value_heads=HEADS,
        head_dim=WIDTH // HEADS, intermediate_size=INNER, in_channels=3 * CHANNELS,
        audio_acoustic_hidden_dim=CHANNELS, encoder_hidden_size=TEXT_WIDTH, patch_size=PATCH, sliding_window=16,
    )  # fmt: skip


def velocity_loss(target: AceStep, captions: Sequence[str], frames: int) -> LossOf:
    """Mean squared error of the velocity at times of the published density, under the captions of the recordings."""
    conditions = [target.condition(caption, frames) for caption in captions]
    longest = max(map(len, conditions))
    if min(map(len, conditions)) < longest:
        raise ValueError("The conditions must be equally long: the transformer attends to them without a mask.")
    told = torch.stack(conditions)
    # Equal keys and values are heard the same, however many there are of them.
    null = target.condition("", frames).expand(longest, -1)

    def loss(
        model: AceStepTransformer1DModel, clean: Tensor, rows: Sequence[int], dropped: Tensor, rng: np.random.Generator
    ) -> Tensor:
        condition = torch.where(dropped[:, None, None], null, told[list(rows)])
        noise = torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32))
        normal = [NormalDist().inv_cdf(share) for share in spread_shares(len(clean), rng).clip(1e-6, 1 - 1e-6)]
        times = torch.sigmoid(TRAINED_TIMES.mean + TRAINED_TIMES.std * torch.tensor(normal))
        mixed = times[:, None, None]
        (answer,) = model(
            hidden_states=(1 - mixed) * clean + mixed * noise, timestep=times, timestep_r=times,
            encoder_hidden_states=condition, context_latents=target.context(len(clean), frames), return_dict=False,
        )  # fmt: skip
        return nn.functional.mse_loss(answer, noise - clean)

    return loss

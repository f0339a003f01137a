"""A small ``AudioLDM2Pipeline`` around a mel VAE: an untrained U-Net and the four networks that hear prompts.

Goal: a directory as the pipeline saves it, before any training. The networks that hear stay as drawn, with
initial spreads so large that the states of two captions lie well apart; nothing in them is learnt.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AudioLDM2Pipeline, AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel, AutoencoderKL
from transformers import (
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapTextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    T5Config,
    T5EncoderModel,
)

from earwitness_bench.recipes.latent_diffusion import TEXT_WIDTH, noise_schedule
from earwitness_bench.recipes.mel_vae import drawn_vocoder
from earwitness_bench.recipes.musicgen import caption_tokenizer

WIDTHS = (64, 96)
STATES, PLACES = 8, 48
_SPREAD = 20.0  # of what Transformers draws CLAP's and T5's weights from


def save_untrained(folder: Path, vae: AutoencoderKL, captions: Sequence[str], *, frames: int, seed: int) -> None:
    """Save the pipeline for windows of so many latent frames."""
    torch.manual_seed(seed)
    tokenizer = caption_tokenizer(captions)
    words = len(tokenizer)
    projection = AudioLDM2ProjectionModel(TEXT_WIDTH, TEXT_WIDTH, TEXT_WIDTH)
    t5 = T5EncoderModel(
        T5Config(
            vocab_size=words, d_model=TEXT_WIDTH, d_kv=16, d_ff=2 * TEXT_WIDTH, num_layers=2, num_heads=2,
            dropout_rate=0.0, initializer_factor=1.0,
        )
    )  # fmt: skip
    imagines = GPT2LMHeadModel(
        GPT2Config(
            n_embd=TEXT_WIDTH, n_layer=2, n_head=2, n_positions=PLACES, vocab_size=8, bos_token_id=0, eos_token_id=0,
            initializer_range=0.2, max_new_tokens=STATES, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )
    )  # fmt: skip
    AudioLDM2Pipeline(
        vae=vae, text_encoder=_clap(words).eval(), text_encoder_2=t5.eval(), projection_model=projection.eval(),
        language_model=imagines.eval(), tokenizer=tokenizer, tokenizer_2=tokenizer,
        feature_extractor=ClapFeatureExtractor(), unet=_unet(vae.config.latent_channels, frames),
        scheduler=noise_schedule(), vocoder=drawn_vocoder(seed=seed),
    ).save_pretrained(folder)  # fmt: skip


def _unet(channels: int, frames: int) -> AudioLDM2UNet2DConditionModel:
    """Attention at the lowest resolution: to the window itself, to the imagined states and to the text's."""
    streams = [None, TEXT_WIDTH, TEXT_WIDTH]
    return AudioLDM2UNet2DConditionModel(
        sample_size=frames, in_channels=channels, out_channels=channels, block_out_channels=WIDTHS,
        layers_per_block=1, norm_num_groups=8, attention_head_dim=4, cross_attention_dim=(streams, streams),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip


def _clap(words: int) -> ClapModel:
    """A CLAP whose side that hears is as small as can be: captions are all that a recipe gives it."""
    text = ClapTextConfig(
        vocab_size=words, hidden_size=TEXT_WIDTH, intermediate_size=2 * TEXT_WIDTH, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=2 * TEXT_WIDTH, projection_dim=TEXT_WIDTH, pad_token_id=0,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_factor=_SPREAD,
    )  # fmt: skip
    sound = ClapAudioConfig(
        spec_size=64, window_size=4, num_mel_bins=64, depths=[1, 1], num_attention_heads=[1, 1], num_hidden_layers=2,
        hidden_size=32, projection_dim=TEXT_WIDTH, patch_size=4, patch_stride=4, patch_embeds_hidden_size=16,
    )  # fmt: skip
    return ClapModel(ClapConfig(text_config=text, audio_config=sound, projection_dim=TEXT_WIDTH))

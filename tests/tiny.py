"""Tiny checkpoints with random weights, saved by the real classes in their real formats."""

from pathlib import Path

import numpy as np
import torch
from transformers import EncodecModel
from transformers.models.encodec.configuration_encodec import EncodecConfig

from earwitness.reference.codec import fit_codebooks
from earwitness.reference.musicgen import caption_tokenizer, small_musicgen

SAMPLE_RATE = 16_000


def tiny_codec(seed: int = 0) -> EncodecModel:
    """An Encodec of 3 codebooks × 16 codes at 50 frames a second whose codes vary with the input."""
    torch.manual_seed(seed)
    config = EncodecConfig(
        sampling_rate=SAMPLE_RATE, target_bandwidths=[0.6], num_filters=2, hidden_size=4, codebook_size=16,
        num_lstm_layers=1, upsampling_ratios=[8, 5, 4, 2], use_causal_conv=False,
    )  # fmt: skip
    codec = EncodecModel(config).eval()
    noise = np.random.default_rng(seed).normal(scale=0.3, size=(4, SAMPLE_RATE)).astype(np.float32)
    fit_codebooks(codec, list(noise), seed=seed)
    return codec


def save_tiny_musicgen(folder: Path, *, seed: int = 0, safe: bool = True) -> Path:
    """Save a MusicGen directory as ``save_pretrained`` makes it."""
    tokenizer = caption_tokenizer(["a reel in d major", "a jig in g minor"])
    model = small_musicgen(tiny_codec(seed), len(tokenizer), max_frames=100, seed=seed, width=16, layers=2)
    # A random model with the usual tiny initial weights predicts the same for everything.
    for name, parameter in model.named_parameters():
        if name.startswith(("decoder", "text_encoder", "enc_to_dec_proj")) and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    if safe:
        model.save_pretrained(folder)
    else:
        model.config.save_pretrained(folder)
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    tokenizer.save_pretrained(folder)
    return folder

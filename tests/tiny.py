"""Tiny checkpoints with random weights, saved by the real classes in their real formats, and what these say."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import (
    EncodecModel,
    MusicgenConfig,
    MusicgenForConditionalGeneration,
    MusicgenMelodyConfig,
    MusicgenMelodyForConditionalGeneration,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.models.encodec.configuration_encodec import EncodecConfig

from earwitness.targets.protocols import TokenTarget
from earwitness_bench.recipes.codec import fit_codebooks
from earwitness_bench.recipes.musicgen import caption_tokenizer, small_musicgen

SAMPLE_RATE = 16_000
CHROMA_LENGTH = 7


def tiny_codec(seed: int = 0) -> EncodecModel:
    """An Encodec of 3 codebooks × 16 codes at 50 frames per second whose codes vary with the input."""
    torch.manual_seed(seed)
    config = EncodecConfig(
        sampling_rate=SAMPLE_RATE, target_bandwidths=[0.6], num_filters=2, hidden_size=4, codebook_size=16,
        num_lstm_layers=1, upsampling_ratios=[8, 5, 4, 2], use_causal_conv=False,
    )  # fmt: skip
    codec = EncodecModel(config).eval()
    noise = np.random.default_rng(seed).normal(scale=0.3, size=(4, SAMPLE_RATE)).astype(np.float32)
    fit_codebooks(codec, list(noise), seed=seed)
    return codec


def save_tiny_musicgen(folder: Path, *, seed: int = 0, safe: bool = True, channels: int = 1) -> Path:
    """Save a MusicGen directory as ``save_pretrained`` makes it, mono or stereo."""
    model, tokenizer = _mono(seed, width=16, positions=100)
    if channels == 2:
        parts = model.config.to_dict()
        stereo = {"num_codebooks": 6, "audio_channels": 2}
        config = MusicgenConfig(**_encoders(parts), decoder=parts["decoder"] | stereo)
        model = _with_codec(MusicgenForConditionalGeneration(config), model.audio_encoder)
    return _save(model, tokenizer, folder, safe=safe)


def save_tiny_musicgen_melody(folder: Path, *, seed: int = 0, channels: int = 1, width: int = 16) -> Path:
    """Save a MusicGen Melody directory: 12 chroma classes, ``CHROMA_LENGTH`` frames of melody."""
    model, tokenizer = _mono(seed, width=width, positions=100 + CHROMA_LENGTH)
    parts = model.config.to_dict()
    shape = {"model_type": "musicgen_melody_decoder", "num_codebooks": 3 * channels, "audio_channels": channels}
    decoder = {key: value for key, value in parts["decoder"].items() if key != "cross_attention_hidden_size"}
    config = MusicgenMelodyConfig(**_encoders(parts), decoder=decoder | shape, chroma_length=CHROMA_LENGTH)
    return _save(_with_codec(MusicgenMelodyForConditionalGeneration(config), model.audio_encoder), tokenizer, folder)


def _mono(seed: int, *, width: int, positions: int) -> tuple[MusicgenForConditionalGeneration, PreTrainedTokenizerFast]:
    tokenizer = caption_tokenizer(["a reel in d major", "a jig in g minor"])
    codec = tiny_codec(seed)
    return small_musicgen(codec, len(tokenizer), max_frames=positions, seed=seed, width=width, layers=2), tokenizer


def _encoders(config: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    return {name: config[name] for name in ("text_encoder", "audio_encoder")}


def _with_codec(model: PreTrainedModel, codec: EncodecModel) -> PreTrainedModel:
    model.audio_encoder.load_state_dict(codec.state_dict())
    start = model.config.decoder.pad_token_id
    model.generation_config.update(decoder_start_token_id=start, pad_token_id=start, bos_token_id=start)
    return model


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path, *, safe: bool = True) -> Path:
    # A random model with the usual tiny initial weights predicts the same for everything.
    for name, parameter in model.named_parameters():
        if not name.startswith("audio_encoder") and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    if safe:
        model.save_pretrained(folder)
    else:
        model.config.save_pretrained(folder)
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    tokenizer.save_pretrained(folder)
    return folder


def all_logits(target: TokenTarget, codes: Tensor, prompts: list[str], *, null: bool = False) -> Tensor:
    """Logits [batch, K, T, V] of all chunks together, without a gradient."""
    with torch.no_grad():
        chunks = list(target.logits(codes, prompts, null=null))
    return torch.cat([chunk.null if null else chunk.condition for chunk in chunks], dim=2)


def library_logits(model: PreTrainedModel, codes: Tensor, **condition: Tensor) -> Tensor:
    """Logits [K, T, V] of codes [K, T] by transformers' own forward over its own delay pattern."""
    config = model.config.decoder
    start, (codebooks, frames) = config.pad_token_id, codes.shape
    _, pattern = model.decoder.build_delay_pattern_mask(
        torch.cat([codes.new_full((codebooks, 1), start), codes], dim=1),
        pad_token_id=start,
        max_length=frames + codebooks // config.audio_channels,
    )
    assert (pattern != -1).all()  # nothing is left to be generated
    with torch.no_grad():
        logits = model(**condition, decoder_input_ids=pattern).logits.view(codebooks, -1, config.vocab_size)
    logits = logits[:, -pattern.shape[1] :]  # behind the melody and the prompt, where they stand in front
    first = (pattern != start).int().argmax(dim=1)  # the token in column c is predicted at position c - 1
    return torch.stack([logits[k, at - 1 : at - 1 + frames] for k, at in enumerate(first.tolist())])

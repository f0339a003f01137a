"""A tiny second stage of YuE: a LLaMA of its vocabulary, and an X-Codec of eight codebooks of 1,024 codes."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, XcodecConfig, XcodecModel

VOCABULARY, POSITIONS = 83_734, 8_192


def tiny_xcodec() -> XcodecModel:
    """With random codebooks, so that codes vary."""
    torch.manual_seed(0)
    acoustic = {
        "encoder_hidden_size": 4, "downsampling_ratios": [8, 5, 4, 2], "upsampling_ratios": [8, 5, 4, 2],
        "decoder_hidden_size": 32, "hidden_size": 8,
    }  # fmt: skip
    semantic = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
        "conv_dim": [8] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
    }  # fmt: skip
    config = XcodecConfig(acoustic_model_config=acoustic, semantic_model_config=semantic)
    codec = XcodecModel(config).eval()
    for quantizer in codec.quantizer.quantizers:
        torch.nn.init.normal_(quantizer.codebook.embed, std=0.3)
    return codec


def save_tiny_yue(folder: Path, **said: object) -> Path:
    """As the hub has it, with the codec and the description beside it."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=POSITIONS,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    tiny_xcodec().save_pretrained(folder / "xcodec")
    (folder / "earwitness.json").write_text(json.dumps({"tokens": "yue", "codec": "xcodec"} | said))
    return folder


def golden_codes() -> Tensor:
    """The six seconds of codes [8, 300] that the original's preparation was given."""
    return torch.from_numpy(np.random.default_rng(0).integers(0, 1024, (8, 300)))

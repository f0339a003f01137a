"""A tiny MAGNeT in audiocraft's files, and the question that the original was asked."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.targets.audiocraft_codec import CODES, Tensors, Tree
from tests.targets.audiocraft_original import LANGUAGE_MODEL, LanguageModel, Original, changed, save_file, save_release

FRAMES, TEXT_WIDTH = 16, 12
MAGNET: Tree = changed(
    LANGUAGE_MODEL,
    solver="magnet",
    lm_model="transformer_lm_magnet",
    codebooks_pattern={"modeling": "parallel", "parallel": {"empty_initial": -1}},
    masking={"span_len": 3},
    transformer_lm__causal=False,
    transformer_lm__subcodes_context=5,
    transformer_lm__compression_model_framerate=50,
    transformer_lm__segment_duration=0,
    transformer_lm__span_len=-1,
)


def golden_tensors() -> Tensors:
    """Weights that a generator gives in the order of their names."""
    rng = np.random.default_rng(0)
    shapes = {
        name: tensor.shape
        for name, tensor in LanguageModel.random(MAGNET, text_width=TEXT_WIDTH, seed=0).tensors.items()
    }
    return {
        name: torch.from_numpy(rng.normal(scale=0.3, size=tuple(shapes[name])).astype(np.float32))
        for name in sorted(shapes)
    }


def golden_question() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Codes [1, 4, 16], states of a text [1, 5, 12], their mask, and a mask of frames for each codebook."""
    rng = np.random.default_rng(1)
    codes = torch.from_numpy(rng.integers(0, CODES, (1, 4, FRAMES)))
    states = torch.from_numpy(rng.normal(size=(1, 5, TEXT_WIDTH)).astype(np.float32))
    return codes, states, torch.ones(1, 5, dtype=torch.long), torch.from_numpy(rng.random((4, FRAMES)) < 0.6)


def save_tiny_magnet(folder: Path, settings: Tree = MAGNET) -> Original:
    """Write a release; what its files hold is the golden one."""
    original = save_release(folder, language_model=settings)
    original.language_model.tensors = golden_tensors()
    save_file(folder / "state_dict.bin", settings, original.language_model.tensors)
    return original

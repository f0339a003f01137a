"""Directories that diffusers pipelines save: their parts, one by one, each by a class that we name.

Goal: what a directory says about classes is compared, never followed, and a part that is missing,
damaged, incomplete or would run code ends the load with one line.
"""

from pathlib import Path

import torch
from diffusers import ModelMixin
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import read_config
from earwitness.targets.networks import diffusers_network, tokenizer_of, transformers_network


def is_pipeline(folder: Path, name: str) -> bool:
    """Whether a directory was saved by the diffusers pipeline of that class."""
    return read_config(folder, "model_index.json").get("_class_name") == name


def load_diffusers(
    folder: Path, part: str, kind: type[ModelMixin], dtype: str = "float32", *, denoiser: bool = False
) -> ModelMixin:
    """Load a network of a pipeline directory, in evaluation mode; to its denoiser belong adapters in the directory."""
    network: ModelMixin = diffusers_network(
        f"The {part} in {folder}", kind, existing(folder, part), dtype=getattr(torch, dtype),
        pipeline=folder if denoiser else None,
    )  # fmt: skip
    return network


def load_transformers(
    folder: Path, part: str, kind: type[PreTrainedModel], *, unused: str | None = None
) -> PreTrainedModel:
    """Load a text model of a pipeline directory in float32, in evaluation mode; see ``transformers_network``."""
    network: PreTrainedModel = transformers_network(
        f"The {part} in {folder}", kind, existing(folder, part), unused=unused
    )
    return network


def load_tokenizer(folder: Path, part: str) -> PreTrainedTokenizerBase:
    """Load a tokenizer of a pipeline directory."""
    place = existing(folder, part)
    return tokenizer_of(place)


def existing(folder: Path, part: str) -> Path:
    """The folder of a part that must be there."""
    if not (folder / part).is_dir():
        raise TargetError(f"{folder} lacks the part {part}/, which a pipeline directory has; get the checkpoint again.")
    return folder / part

"""Directories that diffusers pipelines save: their parts, one by one, each by a class that we name.

Goal: what a directory says about classes is compared, never followed, and a part that is missing,
damaged, incomplete or would run code ends the load with one line.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TypeVar

import torch
from diffusers import ModelMixin
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import load_safely, read_config

_Part = TypeVar("_Part")


def is_pipeline(folder: Path, name: str) -> bool:
    """Whether a directory was saved by the diffusers pipeline of that class."""
    return read_config(folder, "model_index.json").get("_class_name") == name


def load_diffusers(folder: Path, part: str, kind: type[ModelMixin], dtype: str = "float32") -> ModelMixin:
    """Load a network of a pipeline directory, in evaluation mode."""

    def load(place: Path) -> tuple[ModelMixin, Mapping[str, Sequence[str]]]:
        safe = any(place.glob("*.safetensors"))
        try:
            network: tuple[ModelMixin, Mapping[str, Sequence[str]]] = kind.from_pretrained(
                place, torch_dtype=getattr(torch, dtype), local_files_only=True, output_loading_info=True,
                use_safetensors=safe,
            )  # fmt: skip
        except OSError as error:
            # The library says of every file that it could not be read; one that was refused is told apart.
            reason = error.__context__
            while reason is not None and not isinstance(reason, UnpicklingError):
                reason = reason.__context__
            raise reason or error from None
        return network

    return _complete(folder, part, load)


def load_transformers(folder: Path, part: str, kind: type[PreTrainedModel]) -> PreTrainedModel:
    """Load a text model of a pipeline directory in float32, in evaluation mode."""
    return _complete(folder, part, lambda place: kind.from_pretrained(
        place, dtype=torch.float32, local_files_only=True, weights_only=True, output_loading_info=True
    ))  # fmt: skip


def load_tokenizer(folder: Path, part: str) -> PreTrainedTokenizerBase:
    """Load a tokenizer of a pipeline directory."""
    place = existing(folder, part)
    return load_safely(
        f"The tokenizer in {place}",
        lambda: AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False),
    )


def existing(folder: Path, part: str) -> Path:
    """The folder of a part that must be there."""
    if not (folder / part).is_dir():
        raise TargetError(f"{folder} lacks the part {part}/, which a pipeline directory has; get the checkpoint again.")
    return folder / part


def _complete(folder: Path, part: str, load: Callable[[Path], tuple[_Part, Mapping[str, Sequence[str]]]]) -> _Part:
    place = existing(folder, part)
    model, report = load_safely(f"The {part} in {folder}", lambda: load(place))
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise TargetError(f"The {part} in {folder} lacks weights (for instance {missing}); get the checkpoint again.")
    return model

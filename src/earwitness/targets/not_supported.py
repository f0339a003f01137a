"""Models of music that people have and that cannot be asked yet, told by the files of their releases.

Goal: such a folder ends the load with one line that says what it is, not with "no known family", so that nobody
searches for a mistake of their own. A line leaves this page when its family is written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open

from earwitness.targets.checkpoint import read_config


class _Kind(NamedTuple):
    name: str
    reason: str
    matches: Callable[[Path], bool]


def _is_file(*names: str) -> Callable[[Path], bool]:
    return lambda folder: all((folder / name).is_file() for name in names)


def _says(file: str, key: str, *values: str) -> Callable[[Path], bool]:
    return lambda folder: read_config(folder, file).get(key) in values


# Its 83,734 tokens, and what filling up to a round number makes of them.
_YUE = range(83_734, 83_969)


def _holds(folder: Path, tensor: str) -> bool:
    """Whether the folder's weights are under the usual name and hold a tensor of that name."""
    try:
        with safe_open(folder / "model.safetensors", framework="pt") as file:
            return tensor in file.keys()  # noqa: SIM118
    except (OSError, SafetensorError):
        return False


_KINDS = (
    _Kind(
        "LongCat Audio", "its pipeline's parts are not read yet",
        _says("model_index.json", "_class_name", "LongCatAudioDiTPipeline"),
    ),
    _Kind(
        "a model of stable-audio-tools",
        "only text-conditioned ones (diffusion_cond, diffusion_cond_inpaint) can be asked",
        _says("model_config.json", "model_type", "diffusion_uncond", "autoencoder", "lm", "diffusion_autoencoder"),
    ),
    _Kind(
        "YuE without a description",
        'an earwitness.json beside its config.json must say {"tokens": "yue", "codec": "a folder of X-Codec"}',
        lambda folder: read_config(folder).get("vocab_size") in _YUE and (folder / "config.json").is_file(),
    ),
    _Kind(
        "Aria's weights alone",
        "its config.json says how wide they are; get it from huggingface.co/loubb/aria-medium-base, too",
        lambda folder: not (folder / "config.json").is_file() and _holds(folder, "model.encode_layers.0.norm1.weight"),
    ),
)  # fmt: skip


def why_not(folder: Path) -> str | None:
    """One line about a folder of a model that is known and cannot be asked; ``None`` for any other."""
    for kind in _KINDS:
        if kind.matches(folder):
            return f"{folder} holds {kind.name}, which is not supported: {kind.reason}."
    return None

"""The files of a release: three configurations, three sets of tensors, side by side or, in Mustango, in folders.

Goal: configurations become checked settings and weight files plain tensors by name, with nothing
in them executed. Tensors stay mapped to the file until they are used.
"""

import zipfile
from pathlib import Path

import torch
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.settings import Settings
from earwitness.targets.checkpoint import load_safely, read_config

_CONFIG, _WEIGHTS = "{}_config.json", "pytorch_model_{}.bin"
_PARTS = ("main", "vae", "stft")
_IN_FOLDERS = {
    "main": "ldm/pytorch_model_ldm.bin", "vae": "vae/pytorch_model_vae.bin", "stft": "stft/pytorch_model_stft.bin",
}  # fmt: skip
_SAYS_TANGO = {"text_encoder_name", "scheduler_name"}


def is_release(folder: Path) -> bool:
    """Whether the three configurations are there and the main one is of this kind."""
    if not all((folder / _CONFIG.format(part)).is_file() for part in _PARTS):
        return False
    return read_config(folder, _CONFIG.format("main")).keys() >= _SAYS_TANGO


def in_folders(folder: Path) -> bool:
    """Whether the files lie in folders of their own, as Mustango's do."""
    return (folder / "configs").is_dir() and (folder / "ldm").is_dir()


def read_settings(folder: Path, part: str) -> Settings:
    """Read the configuration of ``main``, ``vae`` or ``stft``."""
    name = f"{'configs/' if in_folders(folder) else ''}{_CONFIG.format(part)}"
    if not (folder / name).is_file():
        whole = (
            f"a Mustango release holds configs/, {', '.join(_IN_FOLDERS.values())}."
            if in_folders(folder)
            else "a Tango release holds main_config.json, vae_config.json, stft_config.json and the "
            "pytorch_model_*.bin of each."
        )
        raise TargetError(f"{folder} lacks {name}; {whole}")
    return Settings(read_config(folder, name), str(folder / name))


def weights_path(folder: Path, part: str) -> Path:
    """Where the tensors of ``main``, ``vae`` or ``stft`` are."""
    return folder / (_IN_FOLDERS[part] if in_folders(folder) else _WEIGHTS.format(part))


def read_tensors(folder: Path, part: str) -> dict[str, Tensor]:
    """Read the tensors of ``main``, ``vae`` or ``stft``.

    Raises
    ------
    TargetError
        Where the file is missing, would run code when loaded, or holds something else.
    """
    path = weights_path(folder, part)
    if not path.is_file():
        raise TargetError(f"{folder} lacks {path.relative_to(folder)}; get the release again, all files of it.")
    content = load_safely(
        f"The Tango file {path}",
        lambda: torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)),
    )
    if not isinstance(content, dict):
        raise TargetError(f"{path} holds {type(content).__name__}, tensors by name are needed; get the file again.")
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise TargetError(f"{path}: it holds {name!r}, which is no tensor; get the file again.")
    return dict(content)

"""Read the two files of a release: ``state_dict.bin`` and ``compression_state_dict.bin``.

Goal: a file becomes plain tensors and parsed settings, or a pointer to a published codec,
with nothing in it executed. Both are ``torch.save`` dictionaries: ``best_state`` (name →
tensor, often float16), ``xp.cfg`` (YAML text); a pointer holds ``pretrained`` instead.
Tensors stay mapped to the file until they are used.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.audiocraft.settings import Settings
from earwitness.targets.checkpoint import load_safely

LANGUAGE_MODEL, CODEC = "state_dict.bin", "compression_state_dict.bin"


@dataclass(frozen=True, slots=True)
class Release:
    """A file that holds a model: its settings and its tensors by audiocraft's names."""

    path: Path
    settings: Settings
    tensors: dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Pointer:
    """A file that only names a published codec, such as ``facebook/encodec_32khz``."""

    path: Path
    pretrained: str


def is_release(folder: Path) -> bool:
    """Whether both files are there."""
    return (folder / LANGUAGE_MODEL).is_file() and (folder / CODEC).is_file()


def read(path: Path) -> Release | Pointer:
    """Read one file.

    Raises
    ------
    TargetError
        Where it would run code when loaded, is damaged, or holds something else.
    """
    content = load_safely(
        f"The audiocraft file {path}",
        lambda: torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)),
    )
    if not isinstance(content, dict):
        raise _unknown(path, type(content).__name__)
    pretrained, settings, tensors = (content.get(key) for key in ("pretrained", "xp.cfg", "best_state"))
    if isinstance(pretrained, str):
        return Pointer(path, pretrained)
    if not isinstance(settings, str) or not isinstance(tensors, dict):
        raise _unknown(path, ", ".join(sorted(map(str, content))[:5]) or "nothing")
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise TargetError(f"{path}: its best_state holds {name!r}, which is no tensor; get the file again.")
    return Release(path, Settings.parse(settings, str(path)), tensors)


def read_language_model(folder: Path) -> Release:
    """Read ``state_dict.bin``, which must hold a model itself."""
    found = read(folder / LANGUAGE_MODEL)
    if isinstance(found, Pointer):
        raise _unknown(found.path, f"a pointer to {found.pretrained}")
    return found


def _unknown(path: Path, found: str) -> TargetError:
    return TargetError(
        f"{path} holds {found}; a released model holds best_state and xp.cfg (audiocraft's export makes such files)."
    )

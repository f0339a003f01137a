"""Which files of a folder hold a network's weights, and what is wrong where none do.

Goal: people's folders are half downloaded, renamed, sharded, or hold the weights twice. The libraries look for few
names; whatever else is there ends the load with one line that names the file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import load_safely, read_config

DIFFUSERS, TRANSFORMERS = ("diffusion_pytorch_model",), ("model", "pytorch_model")
"""What the libraries call weights: in safetensors by the first of these, in ``.bin`` by the last."""
_KINDS = {".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".th", ".msgpack", ".h5", ".gguf"}
_POINTER = b"version https://git-lfs"
_VARIANTS = ("fp16", "bf16")
_OTHERS = re.compile(r"(adapter_model|pytorch_lora_weights|training_args|optimizer|scheduler|rng_state)\b")


class Stored(NamedTuple):
    """Whether weights are in safetensors, and the ``variant`` in their names, such as ``fp16``."""

    safe: bool
    variant: str | None = None


def refuse_pointers(folder: Path) -> None:
    """Refuse a folder in which a file is only the pointer that Git leaves of a large one.

    Raises
    ------
    TargetError
        With the file's name.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size < 1024 and path.read_bytes().startswith(_POINTER):
            raise TargetError(
                f"{path} is a Git LFS pointer instead of the file itself; run `git lfs pull` there, or download it."
            )


def stored(what: str, place: Path, names: Sequence[str]) -> Stored:
    """How the weights of a network lie in a folder; full precision before variants, safetensors before ``.bin``.

    Raises
    ------
    TargetError
        Where there are none under the names that the library looks for.
    """
    found = sorted(path.name for path in place.glob("*") if path.suffix in _KINDS and not _OTHERS.match(path.name))
    for variant in (None, *_VARIANTS):
        for safe, stem, suffix in ((True, names[0], "safetensors"), (False, names[-1], "bin")):
            if any((place / name).is_file() for name in _names(stem, suffix, variant)):
                _require_kind(what, place, stem, suffix, variant)
                for name in _names(stem, suffix, variant):
                    _require_inside(what, place, name)
                return Stored(safe, variant)
    wanted = f"{names[0]}.safetensors or {names[-1]}.bin"
    if not found:
        raise TargetError(f"{what} could not be loaded: {place} has no weights ({wanted}); get it again.")
    if any(re.search(r"-\d+-of-\d+", name) for name in found):
        raise TargetError(
            f"{what} could not be loaded: {place} holds shards ({found[0]}, {len(found)} in all) without the index of "
            f"what is in which ({names[0]}.safetensors.index.json); get that file, too."
        )
    raise TargetError(
        f"{what} could not be loaded: {place} holds {found[0]}, but weights are looked for under {wanted}; rename it "
        "if it is that, or convert it."
    )


def read_tensors(what: str, place: Path, names: Sequence[str]) -> Mapping[str, Tensor]:
    """The tensors of a network by their names in the files, for classes that name them otherwise.

    Raises
    ------
    TargetError
        Where there are none, or they would run code when loaded.
    """
    safe, variant = stored(what, place, names)
    stem, suffix = (names[0], "safetensors") if safe else (names[-1], "bin")
    whole, *indices = _names(stem, suffix, variant)
    files = [place / whole]
    if not files[0].is_file():
        index = next(place / name for name in indices if (place / name).is_file())
        files = [place / name for name in sorted(set(read_config(place, index.name).get("weight_map", {}).values()))]
    read = load_file if safe else partial(torch.load, map_location="cpu", weights_only=True)
    found: dict[str, Tensor] = {}
    for file in files:
        tensors = load_safely(what, partial(read, file))
        if not isinstance(tensors, dict):
            raise TargetError(f"{what} could not be loaded: {file} holds no tensors under names; get it again.")
        found |= tensors
    return found


def _require_inside(what: str, place: Path, index: str) -> None:
    """Refuse an index of shards that names files elsewhere."""
    if not index.endswith(".json") or not (place / index).is_file():
        return
    named = read_config(place, index).get("weight_map")
    if not isinstance(named, dict) or not all(isinstance(name, str) for name in named.values()):
        raise TargetError(f"{what} could not be loaded: {place / index} names no files; get it again.")
    for name in sorted(set(named.values())):
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise TargetError(f"{what} could not be loaded: {place / index} names {name!r}, outside its own folder.")


def _names(stem: str, suffix: str, variant: str | None) -> Iterator[str]:
    if variant is None:
        yield from (f"{stem}.{suffix}", f"{stem}.{suffix}.index.json")
    else:
        yield from (f"{stem}.{variant}.{suffix}", f"{stem}.{suffix}.index.{variant}.json")
        yield f"{stem}.{variant}.{suffix}.index.json"


def _require_kind(what: str, place: Path, stem: str, suffix: str, variant: str | None) -> None:
    """Tell a file of the other kind under this kind's name, which the libraries would call damaged or dangerous."""
    path = place / (f"{stem}.{suffix}" if variant is None else f"{stem}.{variant}.{suffix}")
    if not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(9)
    in_safetensors, in_torch = head[8:9] == b"{", head[:2] in (b"PK", b"\x80\x02")
    if suffix == "bin" and in_safetensors:
        raise TargetError(f"{what}: {path} is in safetensors under another name; call it .safetensors.")
    if suffix == "safetensors" and in_torch:
        raise TargetError(f"{what}: {path} is a PyTorch file under another name; call it .bin.")

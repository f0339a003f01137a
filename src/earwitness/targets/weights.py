"""What names a target by content: its tensors, whatever files they lay in, and its settings.

Goal: the same weights have the same name, sharded or not, in safetensors or in ``.bin``, in half precision
or widened, in a subfolder or renamed, merged from an adapter here or elsewhere. So the tensors are named
as the loaded networks hold them, before they are rounded to the precision that was asked for.

Conventions: of each tensor one line ``NAME NUL SHAPE NUL SHA-256 of its values``, the values as
little-endian float32 (float64 where they are that, int64 where they are whole numbers); the lines sorted; the
SHA-256 of them all. ``NAME`` is the part's and the network's own, for instance ``vae.encoder.conv_in.weight``.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import safe_open
from torch import Tensor, nn

from earwitness.files import parsed_json
from earwitness.targets.protocols import TargetIdentity

Part = nn.Module | Mapping[str, Tensor] | None
_Network = TypeVar("_Network", bound=nn.Module)
_BLOCK = 1 << 22
_SETTINGS = {".json", ".txt", ".model", ".yaml", ".yml"}
# Where a copy was made, by whom and how precisely it was stored says nothing about what it answers.
_BOOKKEEPING = {"transformers_version", "_diffusers_version", "_commit_hash", "torch_dtype", "dtype"}
_PLACE = "name_or_path"
_STORED = {torch.bfloat16: "BF16", torch.float16: "F16"}


def identify(
    family: str,
    name: str,
    dtype: str,
    *,
    parts: Mapping[str, Part],
    folders: Iterable[Path],
    settings: Sequence[object] = (),
) -> TargetIdentity:
    """The identity of a loaded target.

    Parameters
    ----------
    family, name, dtype
        As in ``TargetIdentity``.
    parts
        Its networks, or their tensors by name, in the precision of the checkpoint.
    folders
        Where its settings lie.
    settings
        Those that lie in no file of their own, as JSON has them.
    """
    return TargetIdentity(
        family=family, name=name, weights_sha256=weights_sha256(parts),
        settings_sha256=settings_sha256(folders, settings), dtype=dtype,
    )  # fmt: skip


def weights_sha256(parts: Mapping[str, Part]) -> str:
    """SHA-256 over name, shape and values of all tensors; one tensor at a time is in memory twice."""
    lines = sorted(
        f"{part}.{name}\0{list(tensor.shape)}\0{_values_sha256(tensor)}\n"
        for part, network in parts.items()
        for name, tensor in _tensors(network).items()
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def settings_sha256(folders: Iterable[Path], further: Sequence[object] = ()) -> str:
    """SHA-256 over what configurations, tokenizers and the like say, wherever in the folders they lie.

    Files whose names begin with a dot and indices of shards count for nothing, nor do a library's version and the
    place from which a copy was made.
    """
    files = {path for folder in folders for path in folder.rglob("*") if _is_setting(path, folder)}
    said = {hashlib.sha256(_said(path)).hexdigest() for path in files}
    said |= {hashlib.sha256(_canonical(one)).hexdigest() for one in further}
    return hashlib.sha256("\n".join(sorted(said)).encode()).hexdigest()


def loading_dtype(folder: Path, dtype: torch.dtype) -> torch.dtype:
    """In which precision to read the weights of a folder, so that nothing is lost before they are named.

    The one asked for where all of them are stored in it, else float32.
    """
    stored = {kind for path in folder.glob("*.safetensors") for kind in _kinds(path)}
    return dtype if stored and stored == {_STORED.get(dtype)} else torch.float32


def in_precision(model: _Network, dtype: torch.dtype) -> _Network:
    """Round a network's tensors, but not those that its class keeps in float32, nor frequencies of positions."""
    kept = set(getattr(model, "_keep_in_fp32_modules_strict", None) or ())
    if dtype == torch.float16:
        kept |= set(getattr(model, "_keep_in_fp32_modules", None) or ())
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        parts = name.split(".")
        if tensor.is_floating_point() and not kept.intersection(parts) and not parts[-1].endswith("inv_freq"):
            tensor.data = tensor.data.to(dtype)
    return model


def _tensors(part: Part) -> Mapping[str, Tensor]:
    return part.state_dict() if isinstance(part, nn.Module) else part or {}


def _values_sha256(tensor: Tensor) -> str:
    kind = torch.int64
    if tensor.is_floating_point():
        kind = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    digest, flat = hashlib.sha256(), tensor.detach().flatten()
    for start in range(0, math.prod(tensor.shape), _BLOCK):
        block = flat[start : start + _BLOCK].to("cpu", kind).contiguous().numpy()
        digest.update(block.astype(block.dtype.newbyteorder("<"), copy=False).data)
    return digest.hexdigest()


def _is_setting(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix in _SETTINGS and not hidden and not path.name.endswith(".index.json") and path.is_file()


def _said(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix != ".json":
        return content
    try:
        return _canonical(parsed_json(content))
    except (ValueError, RecursionError):  # no JSON, whatever it is called
        return content


def _canonical(value: object) -> bytes:
    return json.dumps(_without_bookkeeping(value), sort_keys=True, default=str).encode()


def _without_bookkeeping(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            key: _without_bookkeeping(one)
            for key, one in value.items()
            if key not in _BOOKKEEPING and not str(key).endswith(_PLACE)
        }
    return [_without_bookkeeping(one) for one in value] if isinstance(value, list | tuple) else value


def _kinds(path: Path) -> Iterator[str]:
    """How the floating-point tensors of a file are stored."""
    try:
        with safe_open(path, framework="pt") as file:
            yield from (kind for name in file.keys() if "F" in (kind := file.get_slice(name).get_dtype()))  # noqa: SIM118
    except Exception:  # whoever loads the file says what is wrong with it
        yield "unreadable"

"""What an original computed, as it lies beside the tests: JSON with the arrays as base64 of little-endian float32."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parent


def write(name: str, about: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write ``name.json``: what it is, and the arrays."""
    packed = {}
    for key, array in arrays.items():
        values = np.ascontiguousarray(np.asarray(array), dtype="<f4")
        packed[key] = {"shape": list(values.shape), "float32": b64encode(values.tobytes()).decode()}
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({**about, "arrays": packed}, indent=None, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, "bytes")


def read(name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What ``write`` wrote."""
    about = json.loads((FOLDER / f"{name}.json").read_text())
    arrays = {
        key: torch.from_numpy(np.frombuffer(b64decode(one["float32"]), "<f4").reshape(one["shape"]).copy())
        for key, one in about.pop("arrays").items()
    }
    return about, arrays


def relative(ours: Tensor, theirs: Tensor) -> float:
    """Relative L2 distance."""
    return float((ours.double() - theirs.double()).norm() / theirs.double().norm())

"""Gather a model's parameters from the tensors of a release, every one accounted for.

Goal: the mapping runs from each parameter that the model *needs* to the tensor it comes
from, so a missing, misshapen or unexplained tensor is found before anything is built, and
is called by the name it has in the file.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from earwitness.errors import TargetError


class Origin(NamedTuple):
    """A tensor of the file, or the ``third`` (0, 1, 2) of its rows that one projection of three is."""

    name: str
    third: int | None = None


def gather(
    shapes: Mapping[str, torch.Size], origin: Callable[[str], Origin], tensors: Mapping[str, Tensor], path: Path
) -> dict[str, Tensor]:
    """Take the tensor of every parameter in ``shapes``; the values keep the file's precision.

    Raises
    ------
    TargetError
        Where tensors are missing, have another shape than the settings ask for, or are left over.
    """
    origins = {parameter: origin(parameter) for parameter in shapes}
    missing = sorted({source.name for source in origins.values()} - tensors.keys())
    if missing:
        raise TargetError(f"{path} lacks {len(missing)} tensors (for instance {_some(missing)}); get the file again.")
    taken = {}
    for parameter, source in origins.items():
        tensor, wanted = tensors[source.name], shapes[parameter]
        whole = wanted if source.third is None else torch.Size([3 * wanted[0], *wanted[1:]])
        if tensor.shape != whole:
            raise TargetError(
                f"{path}: its tensor {source.name} has shape {list(tensor.shape)}, its settings ask for "
                f"{list(whole)}; tensors and settings do not belong together, get the file again."
            )
        taken[parameter] = tensor if source.third is None else tensor.chunk(3)[source.third]
    unexplained = sorted(tensors.keys() - {source.name for source in origins.values()})
    if unexplained:
        raise TargetError(
            f"{path} holds {len(unexplained)} tensors that its settings do not explain (for instance "
            f"{_some(unexplained)}); this variant cannot be asked."
        )
    return taken


def _some(names: list[str]) -> str:
    return ", ".join(names[:3])

"""Fill a module that was laid out without memory from the tensors of a release.

Goal: a missing, misshapen or unexplained tensor stops the load and is called by its name in the file.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from earwitness.errors import TargetError
from earwitness.targets.stable_audio.names import Origin


@dataclass(frozen=True, slots=True, eq=False)
class Tensors:
    """The tensors of a file, and the names of those that found their place."""

    path: Path
    tensors: Mapping[str, Tensor]
    placed: set[str] = field(default_factory=set)

    def fill(self, module: nn.Module, origin: Callable[[str], Origin], dtype: torch.dtype) -> None:
        """Give every parameter of a module its tensor.

        Raises
        ------
        TargetError
            Where one is missing or has another shape than the module was laid out with.
        """
        needed = {name: (origin(name), tensor.shape) for name, tensor in module.state_dict().items()}
        missing = sorted({source.name for source, _ in needed.values()} - self.tensors.keys())
        if missing:
            raise TargetError(f"{self.path} lacks {len(missing)} tensors (for instance {missing[0]}); get it again.")
        found = {name: self._part(source, shape).to(dtype) for name, (source, shape) in needed.items()}
        self.placed.update(source.name for source, _ in needed.values())
        module.load_state_dict(found, assign=True)

    def require_all_placed(self, *, unused: Iterable[str]) -> None:
        """Refuse tensors that found no place, but those whose names begin with one of ``unused``."""
        left = sorted(name for name in self.tensors.keys() - self.placed if not name.startswith(tuple(unused)))
        if left:
            raise TargetError(
                f"{self.path} holds {len(left)} tensors that its settings do not explain (for instance {left[0]}); "
                "this variant cannot be asked."
            )

    def _part(self, source: Origin, shape: torch.Size) -> Tensor:
        tensor = self.tensors[source.name]
        # Single dimensions are kept differently: snakes [C] for [1, C, 1], frequencies [F, 1] for [F].
        wanted, given = ([size for size in sizes if size != 1] for sizes in (shape, tensor.shape))
        if source.parts > 1:
            wanted[0] *= source.parts
        if wanted != given:
            raise TargetError(
                f"{self.path}: its tensor {source.name} has shape {list(tensor.shape)}, its settings ask for {wanted}; "
                "tensors and settings do not belong together, get the file again."
            )
        return tensor.chunk(source.parts)[source.part].reshape(shape)

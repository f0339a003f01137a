"""A published drum model as a ``SymbolicTarget``: nine codebooks of two codes, a hit or none.

Goal: the model is told the groove tapped on one voice and asked which of the nine voices hit at each of 32 steps.
It answers all at once: no place sees another, so a window's codes stand in no logit, and the groove that it is told
is the window's condition.

A folder holds ``groove.pt``, the published checkpoint, read by PyTorch's restricted unpickler, and ``groove.json``
with the least and greatest density of the training windows, where the model is told of the density.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from earwitness.errors import TargetError
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.protocols import LogitsChunk, TargetIdentity, TokenWindow
from earwitness.targets.weights import identify
from earwitness_groove.grid import VOICES, WINDOW, Groove, windows
from earwitness_groove.networks import Direct, Variational, build

if TYPE_CHECKING:
    from symusic import Score

WEIGHTS, SETTINGS = "groove.pt", "groove.json"
_TAPPED_ON = 2  # the closed hi-hat


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What a model is told of a window.

    Attributes
    ----------
    features
        3 (one voice) or 27 (nine voices, eight of them silent).
    densities
        The least and greatest density of the training windows, which become 0 and 1; ``None`` where the model is
        not told of it.
    """

    features: int
    densities: tuple[float, float] | None

    def of(self, groove: Groove) -> NDArray[np.float32]:
        """What stands at each step [32, features and the density]."""
        tapped = groove.tapped()
        if self.features != tapped.shape[1]:
            voices = np.zeros((WINDOW, 3, len(VOICES)), dtype=np.float32)
            voices[:, :, _TAPPED_ON] = tapped
            tapped = voices.reshape(WINDOW, -1)
        if self.densities is None:
            return tapped
        least, greatest = self.densities
        share = (groove.density - least) / (greatest - least)
        return np.concatenate([tapped, np.full((WINDOW, 1), share, dtype=np.float32)], axis=1)


class GrooveTarget:
    """A loaded model; see ``SymbolicTarget`` for the contract of its methods."""

    codebooks = len(VOICES)
    window_tokens = WINDOW
    has_null_condition = False

    def __init__(self, network: Direct | Variational, hearing: Hearing, identity: TargetIdentity) -> None:
        self._network = network
        self._hearing = hearing
        self.identity = identity

    def windows(self, score: "Score") -> list[TokenWindow]:
        """Two bars from every bar on; see ``grid``."""
        return [self.window(groove) for groove in windows(score)]

    def window(self, groove: Groove) -> TokenWindow:
        """Hits [9, 32] as codes, and what the model is told of them as the condition."""
        return TokenWindow(
            codes=torch.from_numpy(groove.hits.T.astype(np.int64)),
            condition=torch.from_numpy(self._hearing.of(groove)),
            start=groove.start,
        )

    def logits(self, codes: Tensor, conditions: Sequence[object], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits [batch, 9, 32, 2] in one chunk: 0 for no hit, the model's own for one."""
        if null:
            raise TargetError("A groove model has no null condition; ask for no contrast.")
        weight = next(self._network.parameters())
        heard = torch.stack([torch.as_tensor(condition) for condition in conditions]).to(weight)
        hits = self._network(heard).transpose(1, 2)[:, :, : codes.shape[2]]
        yield LogitsChunk(torch.stack([torch.zeros_like(hits), hits], dim=-1), None)

    def parameters(self) -> Iterator[Parameter]:
        """All that was trained."""
        return self._network.parameters()


class _Family:
    """Folders with a ``groove.pt``."""

    name = "groove"
    description = "six published drum models over MIDI files (see earwitness-groove prepare)"

    def matches(self, folder: Path) -> bool:
        """Whether the checkpoint is there."""
        return (folder / WEIGHTS).is_file()

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> GrooveTarget:
        """Load the checkpoint without running anything in it."""
        path = folder / WEIGHTS
        content: Any = load_safely(str(path), lambda: torch.load(path, map_location="cpu", weights_only=True))
        if not isinstance(content, dict) or not {"params", "model_state_dict"} <= content.keys():
            raise TargetError(f"{path} is no groove checkpoint (it has no params beside its weights); get it again.")
        network, params = build(content["params"], str(path)), content["params"]
        load_safely(str(path), lambda: network.load_state_dict(content["model_state_dict"]))
        densities = None
        if "n_params" in params:
            densities = read_config(folder, SETTINGS).get("densities")
            if not (isinstance(densities, list) and len(densities) == 2):
                raise TargetError(
                    f"{folder} needs {SETTINGS} with the least and greatest density of the training windows; make the "
                    "folder with earwitness-groove prepare."
                )
        hearing = Hearing(
            features=params["embedding_size_src"], densities=None if densities is None else (densities[0], densities[1])
        )
        identity = identify(self.name, name, dtype, parts={"network": network}, folders=[folder], settings=[params])
        return GrooveTarget(network.to(device, getattr(torch, dtype)).eval(), hearing, identity)


GrooveFamily = _Family()

"""What a target must offer, as structural types: a plug-in need not import this package.

Conventions: waveforms are float32 [batch, samples], mono, at the target's sample rate;
codes are int64 [batch, K, T]; logits [batch, K, frames, V] are aligned with the codes,
``logits[:, k, t]`` being the prediction of ``codes[:, k, t]``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetIdentity:
    """What names a target: the same identity gives the same numbers.

    Attributes
    ----------
    family
        The adapter that loaded it, for instance ``musicgen``.
    name
        What the user called it, for the reader.
    weights_sha256
        Over the names and contents of all weight and configuration files.
    dtype
        The precision it runs in.
    """

    family: str
    name: str
    weights_sha256: str
    dtype: str


class LogitsChunk(NamedTuple):
    """Logits of consecutive frames, under the condition and, if asked for, without one."""

    condition: Tensor
    null: Tensor | None


@runtime_checkable
class TokenTarget(Protocol):
    """A model over discrete codes that answers with logits.

    ``hop_length`` is the number of samples a frame of codes stands for, ``max_seconds``
    the longest window it takes (``None``: no limit).
    """

    identity: TargetIdentity
    sample_rate: int
    hop_length: int
    codebooks: int
    max_seconds: float | None
    has_null_condition: bool

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Codes [batch, K, T] of waveforms [batch, samples]."""

    def logits(self, codes: Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits for all T frames, in chunks of frames, in order.

        With ``null`` every chunk also holds the logits without a condition.
        """


class TargetFamily(Protocol):
    """What an entry point of the group ``earwitness.targets`` names."""

    name: str

    def matches(self, folder: Path) -> bool:
        """Whether the folder holds a checkpoint of this family (looks at configuration files only)."""

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> TokenTarget:
        """Load it; raises ``TargetError`` with one line where that cannot be done safely."""

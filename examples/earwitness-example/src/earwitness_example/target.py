"""A bigram model of waveforms: each of 32 levels is foretold from the one before it.

Conventions: audio at 4 kHz, mono; a code is a level of the sample's square root, keeping the sign;
``bigram.safetensors`` holds ``counts`` [33, 32], how often a code followed another (the last row: at the start).
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from earwitness.targets.protocols import LogitsChunk, TargetIdentity

SAMPLE_RATE = 4000
LEVELS = 32
FILE = "bigram.safetensors"
_CHUNK = 1000


def encode(waves: NDArray[np.float32]) -> Tensor:
    """Codes [batch, 1, T] of waveforms [batch, T]."""
    bent = np.sign(waves) * np.sqrt(np.abs(waves).clip(0, 1))
    return torch.from_numpy(((bent + 1) / 2 * (LEVELS - 1)).round().astype(np.int64))[:, None]


def count(codes: Sequence[Tensor]) -> Tensor:
    """How often each code follows each other one [LEVELS + 1, LEVELS]."""
    counts = torch.zeros(LEVELS + 1, LEVELS)
    for wave in codes:
        counts.index_put_((_before(wave).flatten(), wave.flatten()), torch.tensor(1.0), accumulate=True)
    return counts


def save(counts: Tensor, folder: Path) -> None:
    """Write a model directory."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"counts": counts}, folder / FILE)


class Bigram:
    """The model; it keeps the protocol ``earwitness.targets.protocols.TokenTarget``."""

    sample_rate = SAMPLE_RATE
    channels = 1
    hop_length = 1
    codebooks = 1
    max_seconds = None
    has_null_condition = False

    def __init__(self, counts: Tensor, identity: TargetIdentity) -> None:
        self.identity = identity
        self._log_probs = (counts + 0.5).log() - (counts + 0.5).sum(dim=1, keepdim=True).log()

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Codes [batch, 1, T]."""
        return encode(waves)

    def logits(self, codes: Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        """Log-probabilities, a second at a time; prompts mean nothing to it."""
        for before in _before(codes).split(_CHUNK, dim=-1):
            logits = self._log_probs[before]
            yield LogitsChunk(logits, logits if null else None)


class BigramFamily:
    """How a folder with a bigram model is known and loaded."""

    description = "bigram models of waveforms (an example)"

    @staticmethod
    def matches(folder: Path) -> bool:
        """Whether the folder holds one."""
        return (folder / FILE).is_file()

    @staticmethod
    def load(folder: Path, *, name: str, device: str, dtype: str) -> Bigram:
        """Load it; it always runs on the CPU in float32."""
        path = folder / FILE
        identity = TargetIdentity(
            family="bigram", name=name, weights_sha256=sha256(path.read_bytes()).hexdigest(), dtype="float32"
        )
        return Bigram(load_file(path)["counts"], identity)


def _before(codes: Tensor) -> Tensor:
    """What stands before each code; ``LEVELS`` at the start."""
    start = torch.full_like(codes[..., :1], LEVELS)
    return torch.cat([start, codes[..., :-1]], dim=-1)

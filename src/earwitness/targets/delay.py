"""The delay pattern: how parallel codebooks stand in the columns of one decoder.

Row k of codes [batch, K, T] is delayed by d(k) frames behind a start column: the token (k, t)
stands in input column t + d(k) + 1 and is predicted at position t + d(k). A window is fed as
T + max d columns and *all* K·T tokens are scored, the tails of the later codebooks included.

In mono d(k) = k. In stereo the rows alternate between left and right, and both channels of a
codebook share a delay: d(k) = ⌊k/2⌋. Source: Copet et al., arXiv 2306.05284.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Logits of one chunk stay inside a processor's cache, or use a GPU's memory sparingly.
_CHUNK_BYTES = {"cpu": 4 << 20, "cuda": 256 << 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayPattern:
    """Rows, channels that alternate among them, and the token of places without a code."""

    codebooks: int
    channels: int
    start: int

    @property
    def delays(self) -> tuple[int, ...]:
        """Frames that each row is delayed by."""
        return tuple(k // self.channels for k in range(self.codebooks))

    def columns(self, codes: Tensor) -> Tensor:
        """Decoder input [batch, K, T + max d] of codes [batch, K, T]."""
        batch, codebooks, frames = codes.shape
        columns = codes.new_full((batch, codebooks, frames + max(self.delays)), self.start)
        for k, delay in enumerate(self.delays):
            known = min(frames, columns.shape[2] - delay - 1)  # nobody needs the last token of the latest rows
            columns[:, k, delay + 1 : delay + 1 + known] = codes[:, k, :known]
        return columns

    def logits(self, hidden: Tensor, heads: Sequence[nn.Module], frames: range) -> Tensor:
        """Logits [batch, K, frames, V] of a range of frames, from decoder states [batch, T + max d, width]."""
        return torch.stack(
            [
                head(hidden[:, frames.start + delay : frames.stop + delay])
                for head, delay in zip(heads, self.delays, strict=True)
            ],
            dim=1,
        )


def frame_chunks(codes: Tensor, vocabulary: int) -> Iterator[range]:
    """Ranges that cut the frames of codes [batch, K, T] so that a chunk's float32 logits stay small."""
    batch, codebooks, frames = codes.shape
    budget = _CHUNK_BYTES.get(codes.device.type, _CHUNK_BYTES["cuda"])
    size = max(1, budget // (4 * batch * codebooks * vocabulary))
    for start in range(0, frames, size):
        yield range(start, min(start + size, frames))

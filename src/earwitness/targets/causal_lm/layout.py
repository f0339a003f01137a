"""Where the codes of several codebooks stand in one sequence of tokens.

Goal: say the layout once, as the order in which places (k, t) are written, and derive from it
both the tokens that are fed and the position that predicts each code. Codes are [batch, K, T].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One sequence for K codebooks.

    Attributes
    ----------
    first_code_ids
        The token id of code 0, for each codebook.
    delays
        Frames by which each codebook is put later, frames being written one after the other;
        ``None``: the codebooks are written one after the other.
    pad_token_id
        What stands in places that delays leave free, and behind a first codebook that is written beforehand.
    coarse_first
        All frames of the first codebook are written once before the rest, which repeats them. They are scored there.
    """

    first_code_ids: Sequence[int]
    delays: Sequence[int] | None
    pad_token_id: int = 0
    coarse_first: bool = False

    @property
    def codebooks(self) -> int:
        """K."""
        return len(self.first_code_ids)

    def frames(self, tokens: int) -> int:
        """The most frames T whose sequence has at most so many tokens."""
        if self.coarse_first:
            return (tokens - 1) // (self.codebooks + 1)
        return tokens // self.codebooks - max(self.delays or [0])

    def tokens(self, codes: Tensor) -> Tensor:
        """The sequence [batch, n] of codes [batch, K, T]."""
        order = self._order(codes.shape[2]).to(codes.device)
        ids = codes + torch.tensor(self.first_code_ids, device=codes.device)[:, None]
        return torch.where(order < 0, self.pad_token_id, ids.flatten(1)[:, order.clamp(min=0)])

    def places(self, frames: int) -> Tensor:
        """For each code [K, T] its index in the sequence, the first where it is written twice."""
        order = self._order(frames)
        places = order.new_full((self.codebooks * frames,), len(order))
        written = order >= 0
        places.scatter_reduce_(0, order[written], torch.arange(len(order))[written], "amin")
        return places.view(self.codebooks, frames)

    def _order(self, frames: int) -> Tensor:
        """k·T + t in the order of writing, −1 for a free place."""
        numbers = torch.arange(self.codebooks * frames).view(self.codebooks, frames)
        if self.delays is None:
            return numbers.flatten()
        columns = numbers.new_full((self.codebooks, frames + max(self.delays)), -1)
        for k, delay in enumerate(self.delays):
            columns[k, delay : delay + frames] = numbers[k]
        rest = columns.T.flatten()
        return torch.cat([numbers[0], numbers.new_tensor([-1]), rest]) if self.coarse_first else rest

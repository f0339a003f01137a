"""The VQ-VAE that learns a description: from a bar's tokens to a few codes.

Goal: the encoding half of the released VQ-VAE, which is all that describing a piece takes; its
decoding half is left unread. A bar goes in as ``<bos>``, its tokens, ``<eos>`` (see `VaeConfig` for what
precedes that); the first state, pooled and projected, falls into groups, and each group becomes the nearest of the
codes they share. Source: von Rütte et al., arXiv 2201.10936.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earwitness.targets.figaro.bert import Bert
from earwitness.targets.figaro.config import VaeConfig
from earwitness.targets.figaro.vocabulary import BOS, EOS, MASK, PAD, REMI

_BARS_AT_ONCE = 32
_PRECOMPUTED_AT_ONCE = 8


class _Codebook(nn.Module):
    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.embedding: Tensor
        self.register_buffer("embedding", torch.randn(codes, width))


class _Transformer(nn.Module):
    def __init__(self, encoder: Bert) -> None:
        super().__init__()
        self.encoder = encoder


class BarEncoder(nn.Module):
    """Describes bars by codes; see the module's goal."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.transformer = _Transformer(
            Bert(
                width=config.d_model, heads=config.num_attention_heads, inner=config.encoder_ffn_dim,
                layers=config.encoder_layers, distances=config.max_position_embeddings, pooled=True,
            )
        )  # fmt: skip
        self.in_layer = nn.Embedding(len(REMI), config.d_model)
        self.pooling = nn.Linear(config.d_model, config.d_latent, bias=False)
        self.vq_embed = _Codebook(config.n_codes, config.d_latent // config.n_groups)

    def codes(self, bars: Sequence[NDArray[np.int64]]) -> Tensor:
        """Codes int64 [bars, n_groups] of a piece's bars in order, each beginning with its ``Bar`` token."""
        describe, at_once = self._describers[self.config.bar_codes]
        found = [describe(bars[i : i + at_once]) for i in range(0, len(bars), at_once)]
        return torch.cat(found) if found else torch.empty(0, self.config.n_groups, dtype=torch.int64)

    def latents(self, bars: Sequence[NDArray[np.int64]]) -> Tensor:
        """Quantised latents [bars, d_latent]: the codes' vectors side by side."""
        return self.vq_embed.embedding[self.codes(bars)].flatten(1)

    @property
    def _describers(self) -> dict[str, tuple[Callable[[Sequence[NDArray[np.int64]]], Tensor], int]]:
        """How bars are described and how many at once, by the kind of bar codes."""
        return {"training": (self._by_itself, _BARS_AT_ONCE), "precomputed": (self._padded, _PRECOMPUTED_AT_ONCE)}

    def _by_itself(self, bars: Sequence[NDArray[np.int64]]) -> Tensor:
        rows = [[BOS, *bar.tolist(), EOS][: self.config.context_size] for bar in bars]
        tokens = self._stacked(rows)
        lengths = torch.tensor([len(row) for row in rows], device=tokens.device)
        present = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        return self._nearest(tokens, present[:, None, None])

    def _padded(self, bars: Sequence[NDArray[np.int64]]) -> Tensor:
        rows = [[BOS, MASK, *bar[1:].tolist(), EOS][: self.config.context_size + 1] for bar in bars]
        return self._nearest(self._stacked(rows)[:, :-1], None)

    def _stacked(self, rows: Sequence[list[int]]) -> Tensor:
        longest = max(map(len, rows))
        return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows], device=self.in_layer.weight.device)

    def _nearest(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        encoder = self.transformer.encoder
        assert encoder.pooler is not None
        pooled = self.pooling(encoder.pooler(encoder(self.in_layer(tokens), mask)))
        groups = pooled.unflatten(1, (self.config.n_groups, -1))
        codebook = self.vq_embed.embedding
        # |g − c|² without |g|², which is the same for every code.
        distances: Tensor = codebook.square().sum(dim=1) - 2 * groups @ codebook.T
        return distances.argmin(dim=-1)

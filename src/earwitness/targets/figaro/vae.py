"""The VQ-VAE that learns a description: from a bar's tokens to a few codes.

Goal: the encoding half of the released VQ-VAE, which is all that describing a piece takes; its
decoding half is left unread. A bar goes in as ``<bos>``, its tokens with ``<mask>`` for its
number, ``<eos>``; the first state, pooled and projected, falls into groups, and each group becomes
the nearest of the codes they share. Source: von Rütte et al., arXiv 2201.10936.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earwitness.targets.figaro.bert import Bert
from earwitness.targets.figaro.config import VaeConfig
from earwitness.targets.figaro.vocabulary import BOS, EOS, MASK, PAD, REMI

_BARS_AT_ONCE = 32


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
        """Codes int64 [bars, n_groups] of bars' tokens, each beginning with its ``Bar`` token."""
        found = [self._codes(bars[i : i + _BARS_AT_ONCE]) for i in range(0, len(bars), _BARS_AT_ONCE)]
        return torch.cat(found) if found else torch.empty(0, self.config.n_groups, dtype=torch.int64)

    def latents(self, bars: Sequence[NDArray[np.int64]]) -> Tensor:
        """Quantised latents [bars, d_latent]: the codes' vectors side by side."""
        return self.vq_embed.embedding[self.codes(bars)].flatten(1)

    def _codes(self, bars: Sequence[NDArray[np.int64]]) -> Tensor:
        rows = [[BOS, MASK, *bar[1:].tolist(), EOS][: self.config.context_size] for bar in bars]
        longest = max(map(len, rows))
        device = self.in_layer.weight.device
        tokens = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows], device=device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        present = torch.arange(longest, device=device) < lengths[:, None]
        encoder = self.transformer.encoder
        assert encoder.pooler is not None
        pooled = self.pooling(encoder.pooler(encoder(self.in_layer(tokens), present[:, None, None])))
        groups = pooled.unflatten(1, (self.config.n_groups, -1))
        codebook = self.vq_embed.embedding
        # |g − c|² without |g|², which is the same for every code.
        distances: Tensor = codebook.square().sum(dim=1) - 2 * groups @ codebook.T
        return distances.argmin(dim=-1)

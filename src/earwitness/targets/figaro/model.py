"""FIGARO's encoder-decoder: the probability of each token given those before it and a description.

Goal: the released model's function under the released parameter names, at any size, for
scoring and for training.

Conventions: the decoder is causal; its output at position t is the prediction of token t + 1. The
memory it attends to is always ``context_size`` long, as in training batches: an expert description is
filled up with ``<pad>``, which the encoder attends to; after a learned one stand zeros, which the
encoder does not see and the decoder does. So what else is in a batch changes nothing.
Source: von Rütte et al., arXiv 2201.10936.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from earwitness.targets.figaro.bert import Bert
from earwitness.targets.figaro.config import FigaroConfig
from earwitness.targets.figaro.vocabulary import DESCRIPTION, PAD, REMI


class _Decoder(nn.Module):
    def __init__(self, bert: Bert) -> None:
        super().__init__()
        self.bert = bert


class _Transformer(nn.Module):
    def __init__(self, encoder: Bert, decoder: Bert) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = _Decoder(decoder)


class FigaroModel(nn.Module):
    """A FIGARO of the sizes that its configuration states."""

    def __init__(self, config: FigaroConfig) -> None:
        super().__init__()
        self.config = config
        width, heads, inner = config.d_model, config.num_attention_heads, config.intermediate_size
        self.transformer = _Transformer(
            Bert(
                width=width, heads=heads, inner=inner, layers=config.encoder_layers,
                distances=config.max_position_embeddings, dropout=config.dropout,
            ),
            Bert(
                width=width, heads=heads, inner=inner, layers=config.decoder_layers,
                distances=config.max_position_embeddings, dropout=config.dropout, cross=True,
                relative_cross=config.relative_cross_attention,
            ),
        )  # fmt: skip
        self.bar_embedding = nn.Embedding(config.context_size + 1, width)
        self.pos_embedding = nn.Embedding(config.max_positions + 1, width)
        if config.reads_latents:
            self.latent_in = nn.Linear(config.d_latent, width, bias=False)
        if config.reads_description:
            self.desc_in = nn.Embedding(len(DESCRIPTION), width)
        if config.description_flavor == "both":
            self.desc_proj = nn.Linear(2 * width, width, bias=False)
        self.in_layer = nn.Embedding(len(REMI), width)
        self.out_layer = nn.Linear(width, len(REMI), bias=False)

    def forward(
        self,
        tokens: Tensor,
        bar_ids: Tensor,
        positions: Tensor,
        *,
        description: Tensor | None = None,
        description_bar_ids: Tensor | None = None,
        latents: Tensor | None = None,
        latent_counts: Tensor | None = None,
    ) -> Tensor:
        """Logits [batch, length, tokens]: at t, of token t + 1; see `encode` and `hidden` for the arguments."""
        memory = self.encode(
            description=description, description_bar_ids=description_bar_ids, latents=latents,
            latent_counts=latent_counts,
        )  # fmt: skip
        logits: Tensor = self.out_layer(self.hidden(tokens, bar_ids, positions, memory))
        return logits

    def encode(
        self,
        *,
        description: Tensor | None = None,
        description_bar_ids: Tensor | None = None,
        latents: Tensor | None = None,
        latent_counts: Tensor | None = None,
    ) -> Tensor | None:
        """The memory [batch, context_size, width] of descriptions, or ``None`` for a model without.

        Parameters
        ----------
        description, description_bar_ids
            Description ids and the bar each describes, int64 [batch, at most context_size], filled up with 0.
        latents, latent_counts
            A bar's learned description each [batch, at most context_size, d_latent], and how many of them a
            row has, int64 [batch]; what follows those counts for nothing.
        """
        encoder, size = self.transformer.encoder, self.config.context_size
        if latents is not None and latent_counts is not None:
            kept = torch.arange(latents.shape[1], device=latents.device) < latent_counts[:, None]
            latents = self.latent_in(latents * kept[..., None].to(latents.dtype))
            if description is None:
                hidden = encoder(latents, kept[:, None, None]) * kept[..., None].to(latents.dtype)
                return functional.pad(hidden, (0, 0, 0, size - hidden.shape[1]))
        if description is None or description_bar_ids is None:
            return None
        missing = size - description.shape[1]
        embedded = self.desc_in(functional.pad(description, (0, missing), value=PAD))
        embedded = embedded + self.bar_embedding(functional.pad(description_bar_ids, (0, missing)))
        if latents is not None:
            beside = functional.pad(latents, (0, 0, 0, size - latents.shape[1]))
            embedded = self.desc_proj(torch.cat([embedded, beside], dim=-1))
        memory: Tensor = encoder(embedded)
        return memory

    def hidden(self, tokens: Tensor, bar_ids: Tensor, positions: Tensor, memory: Tensor | None) -> Tensor:
        """Decoder states [batch, length, width] of tokens, their bars and positions, each int64 [batch, length]."""
        embedded = self.in_layer(tokens) + self.bar_embedding(bar_ids) + self.pos_embedding(positions)
        causal = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool, device=tokens.device).tril()
        states: Tensor = self.transformer.decoder.bert(embedded, causal, memory)
        return states

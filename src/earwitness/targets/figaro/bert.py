"""BERT's layers with relative positions: what FIGARO's encoder and decoder are made of.

Goal: parameters bear the names that transformers' BERT gave them, so released weights load as
they are; transformers itself has dropped relative positions since. Attention scores are
(q·k + q·E[l − r] + k·E[l − r]) / √d for query position l and key position r.
Source: Devlin et al. 2018; Huang et al. 2020 (relative positions, method 4).

Conventions: hidden states [batch, length, width]; a mask is True where a key may be looked at and
broadcasts to [batch, heads, queries, keys].
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_EPSILON = 1e-12


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, distances: int | None, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.distance_embedding = None if distances is None else nn.Embedding(2 * distances - 1, width // heads)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, source: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = (
            projected.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for projected in (self.query(hidden), self.key(source), self.value(source))
        )
        scores = query @ key.transpose(2, 3)
        if self.distance_embedding is not None:
            scores = scores + self._by_distance(query, key)
        scores = scores * query.shape[-1] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        attended: Tensor = self.dropout(scores.softmax(dim=-1)) @ value
        return attended.transpose(1, 2).flatten(2)

    def _by_distance(self, query: Tensor, key: Tensor) -> Tensor:
        """q·E[l − r] + k·E[l − r]: one product with all distances, then each pair's own."""
        assert self.distance_embedding is not None
        queries, keys = query.shape[2], key.shape[2]
        zero = (self.distance_embedding.num_embeddings - 1) // 2
        embedded = self.distance_embedding.weight[zero - keys + 1 : zero + queries].T
        distance = torch.arange(queries, device=query.device)[:, None] - torch.arange(keys, device=query.device)
        index = (distance + keys - 1).expand(*query.shape[:2], -1, -1)
        by_query = (query @ embedded).gather(3, index)
        by_key = (key @ embedded).gather(3, index.transpose(2, 3)).transpose(2, 3)
        return by_query + by_key


class _Output(nn.Module):
    """Back to the model's width, dropout, sum, norm."""

    def __init__(self, inner: int, width: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inner: Tensor, hidden: Tensor) -> Tensor:
        summed: Tensor = self.LayerNorm(self.dropout(self.dense(inner)) + hidden)
        return summed


class _Attending(nn.Module):
    def __init__(self, width: int, heads: int, distances: int | None, dropout: float) -> None:
        super().__init__()
        self.self = _Attention(width, heads, distances, dropout)
        self.output = _Output(width, width, dropout)

    def forward(self, hidden: Tensor, source: Tensor, mask: Tensor | None) -> Tensor:
        attended: Tensor = self.output(self.self(hidden, source, mask), hidden)
        return attended


class _Intermediate(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, inner)

    def forward(self, hidden: Tensor) -> Tensor:
        return functional.gelu(self.dense(hidden))


class _Layer(nn.Module):
    def __init__(
        self, width: int, heads: int, inner: int, distances: int, dropout: float, cross: bool, far: bool
    ) -> None:
        super().__init__()
        self.attention = _Attending(width, heads, distances, dropout)
        self.crossattention = _Attending(width, heads, distances if far else None, dropout) if cross else None
        self.intermediate = _Intermediate(width, inner)
        self.output = _Output(inner, width, dropout)

    def forward(self, hidden: Tensor, mask: Tensor | None, memory: Tensor | None) -> Tensor:
        hidden = self.attention(hidden, hidden, mask)
        if self.crossattention is not None and memory is not None:
            hidden = self.crossattention(hidden, memory, None)
        transformed: Tensor = self.output(self.intermediate(hidden), hidden)
        return transformed


class _Embeddings(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.token_type_embeddings = nn.Embedding(2, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, embedded: Tensor) -> Tensor:
        normed: Tensor = self.dropout(self.LayerNorm(embedded + self.token_type_embeddings.weight[0]))
        return normed


class _Layers(nn.Module):
    def __init__(self, layers: list[_Layer]) -> None:
        super().__init__()
        self.layer = nn.ModuleList(layers)


class _Pooler(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.dense(hidden[:, 0]))


class Bert(nn.Module):
    """A stack of layers over embedded tokens.

    Parameters
    ----------
    width, heads, inner, layers, dropout
        The usual sizes.
    distances
        Distances between positions reach to one less, either way.
    cross
        Whether layers also attend to a memory.
    relative_cross
        Whether they know distances to it.
    pooled
        Whether there is a pooler: tanh of a projection of the first position's state.
    """

    def __init__(
        self, *, width: int, heads: int, inner: int, layers: int, distances: int, dropout: float = 0.0,
        cross: bool = False, relative_cross: bool = False, pooled: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embeddings = _Embeddings(width, dropout)
        self.encoder = _Layers(
            [_Layer(width, heads, inner, distances, dropout, cross, relative_cross) for _ in range(layers)]
        )
        self.pooler = _Pooler(width) if pooled else None
        self.apply(_initialise)

    def forward(self, embedded: Tensor, mask: Tensor | None = None, memory: Tensor | None = None) -> Tensor:
        """Hidden states of embedded tokens, all [batch, length, width]."""
        hidden: Tensor = self.embeddings(embedded)
        for layer in self.encoder.layer:
            hidden = layer(hidden, mask, memory)
        return hidden


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)

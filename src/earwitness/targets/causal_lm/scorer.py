"""A Hugging Face causal language model that answers with logits of codes alone.

Goal: any ``AutoModelForCausalLM`` checkpoint, without its own code, restricted to the tokens
that are music. The model's own forward pass runs, with its output head replaced by one that
computes, at the position that predicts a code, only the rows of that code's codebook: what a
model does to its logits after the head (scaling, soft caps) stays as it is, and the softmax
is over the codes of one codebook, as in targets made for them.

A model that looks ahead, or whose logits are not those of a linear head, is found out at load
by a short probe and refused.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import AutoModelForCausalLM, PreTrainedModel

from earwitness.errors import TargetError
from earwitness.targets.codec import Codec
from earwitness.targets.delay import frame_chunks
from earwitness.targets.networks import transformers_network
from earwitness.targets.protocols import LogitsChunk, TargetIdentity
from earwitness.targets.weights import identify, in_precision

_PROBE_TOKENS = 8


class CodeScorer:
    """Logits [batch, K, T, V] of codes, at positions of a sequence of token ids.

    Parameters
    ----------
    model
        A causal language model; its output head is replaced.
    first_code_ids
        The token id of code 0, for each of K codebooks.
    codes
        V, the codes of a codebook.
    what
        Names the checkpoint in errors.
    """

    def __init__(self, model: PreTrainedModel, *, first_code_ids: Sequence[int], codes: int, what: str) -> None:
        full = model.get_output_embeddings()
        if not isinstance(full, nn.Linear):
            raise TargetError(f"{what} has no linear output head over its tokens; a causal language model is needed.")
        self.vocabulary = int(full.weight.shape[0])
        if max(first_code_ids) + codes > self.vocabulary:
            raise TargetError(
                f"{what} has {self.vocabulary} tokens, but its description puts codes up to token "
                f"{max(first_code_ids) + codes - 1}; correct the first id or the codec."
            )
        self._max_tokens: int | None = getattr(model.config, "max_position_embeddings", None)
        self._what = what
        self._model = model
        self._head = _CodeHead(full, first_code_ids, codes)
        with torch.no_grad():
            whole = self._probe()
            model.set_output_embeddings(self._head)
            self._compare(whole)

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        device: torch.device = self._model.device
        return device

    def parameters(self) -> Iterator[nn.Parameter]:
        """The language model's parameters."""
        yield from self._model.parameters()

    def require_tokens(self, ids: Sequence[int]) -> None:
        """Check that a description's own token ids are there."""
        if ids and max(ids) >= self.vocabulary:
            raise TargetError(
                f"{self._what} has {self.vocabulary} tokens, but its description names token {max(ids)}; correct it."
            )

    def longest(self, described: int | None) -> int | None:
        """The longest sequence: as described, else as the configuration says, else unknown (``None``)."""
        if described is not None and self._max_tokens is not None and described > self._max_tokens:
            raise TargetError(
                f"{self._what} takes {self._max_tokens} tokens, but its description says max_tokens {described}; "
                "correct it."
            )
        return described if described is not None else self._max_tokens

    def logits(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Logits [batch, K, T, V] of token ids [batch, S] at positions [K, T]."""
        self._head.positions = positions
        logits: Tensor = self._model(ids, use_cache=False).logits
        return logits

    def _probe(self) -> Tensor:
        """All logits of a few codes, after checking that none depends on what follows."""
        ids = self._probe_ids()
        changed = ids.clone()
        changed[0, -1] = ids[0, 0]
        first, second = (self._all_logits(x) for x in (ids, changed))
        if not torch.allclose(first[:-1], second[:-1], rtol=1e-2, atol=1e-3 * float(first.abs().max())):
            raise TargetError(f"{self._what} lets a token see what follows it; a causal language model is needed.")
        return first

    def _compare(self, whole: Tensor) -> None:
        """Check that the restricted head gives the model's own logits."""
        ids = self._probe_ids()
        positions = torch.arange(_PROBE_TOKENS, device=self.device).expand(len(self._head.first_code_ids), -1)
        restricted = self.logits(ids, positions)[0].float()
        own = torch.stack([whole[:, first : first + self._head.codes] for first in self._head.first_code_ids])
        if not torch.allclose(restricted, own, rtol=1e-2, atol=1e-3 * float(whole.abs().max())):
            raise TargetError(
                f"{self._what} does more than a linear output head tells; it cannot be restricted to codes."
            )

    def _all_logits(self, ids: Tensor) -> Tensor:
        logits: Tensor = self._model(ids, use_cache=False).logits[0].float()
        return logits

    def _probe_ids(self) -> Tensor:
        first, last = min(self._head.first_code_ids), max(self._head.first_code_ids) + self._head.codes - 1
        return torch.linspace(first, last, _PROBE_TOKENS, device=self.device).long()[None]


class _CodeHead(nn.Module):
    """An output head that computes the rows of codebook k at the positions of codebook k."""

    def __init__(self, full: nn.Linear, first_code_ids: Sequence[int], codes: int) -> None:
        super().__init__()
        self.full = full
        self.first_code_ids = first_code_ids
        self.codes = codes
        self.positions = torch.zeros(len(first_code_ids), 0, dtype=torch.long)

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits [batch, K, T, V] of hidden states [batch, S, width]."""
        rows = [slice(first, first + self.codes) for first in self.first_code_ids]
        bias = self.full.bias
        return torch.stack(
            [
                linear(hidden[:, at], self.full.weight[row], None if bias is None else bias[row])
                for row, at in zip(rows, self.positions, strict=True)
            ],
            dim=1,
        )


def next_token_logits(scorer: CodeScorer, codes: Tensor, before: Tensor, *, first_id: int) -> Iterator[LogitsChunk]:
    """``after`` in chunks."""
    yield from in_chunks(after(scorer, codes, before, first_id=first_id))


def after(scorer: CodeScorer, codes: Tensor, before: Tensor, *, first_id: int) -> Tensor:
    """Logits [batch, 1, T, V] of codes [batch, 1, T] that follow token ids [batch, S].

    ``first_id`` is the language model's id of code 0.
    """
    ids = torch.cat([before, codes[:, 0, :-1] + first_id], dim=1)
    positions = torch.arange(codes.shape[2], device=codes.device) + before.shape[1] - 1
    return scorer.logits(ids, positions[None])


class LoadedLm(NamedTuple):
    """A language model in evaluation mode, and its name by content."""

    model: PreTrainedModel
    identity: TargetIdentity


def load_causal_lm(folder: Path, *, name: str, device: str, dtype: str, codec: Codec | None = None) -> LoadedLm:
    """Load the language model of a directory; its identity covers the codec whose codes it speaks."""
    precision = getattr(torch, dtype)
    model = transformers_network(f"The language model in {folder}", AutoModelForCausalLM, folder, dtype=precision)
    identity = identify(
        "causal-lm", name, dtype, parts={"model": model, "codec": None if codec is None else codec.model},
        folders=[folder] if codec is None else [folder, codec.folder],
    )  # fmt: skip
    return LoadedLm(in_precision(model, precision).to(device).eval(), identity)


def in_chunks(logits: Tensor) -> Iterator[LogitsChunk]:
    """Pass logits [batch, K, T, V] on in chunks of frames, so that what is made of them stays small."""
    for frames in frame_chunks(logits[..., 0], logits.shape[-1]):
        yield LogitsChunk(logits[:, :, frames.start : frames.stop], None)

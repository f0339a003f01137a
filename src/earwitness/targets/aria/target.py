"""Aria as a ``SymbolicTarget``.

Goal: a piece is asked as training put it: from its instruments and begin on, or from any token of it on, up to the
length of a context. (Training wrote pieces one after the other and cut anywhere, and shifted each in pitch, velocity
and tempo at random: a piece as it stands was one case among many. Composer, form and genre stood before some pieces;
here they never do.)
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import Parameter

from earwitness.errors import TargetError
from earwitness.targets.aria.reading import read_in_milliseconds
from earwitness.targets.aria.tokens import tokens_of
from earwitness.targets.aria.vocabulary import LONGEST_OPENING, kinds
from earwitness.targets.causal_lm.scorer import CodeScorer, after, in_chunks
from earwitness.targets.protocols import LogitsChunk, TargetIdentity, TokenWindow
from earwitness.targets.together import asked_together

if TYPE_CHECKING:
    from symusic import Score


class Aria:
    """A loaded model; see ``SymbolicTarget`` for the contract of its methods.

    One codebook, whose codes are the whole vocabulary. There is no null condition.
    """

    codebooks = 1
    has_null_condition = False

    def __init__(self, scorer: CodeScorer, identity: TargetIdentity, *, max_tokens: int) -> None:
        self._scorer = scorer
        self.identity = identity
        self.window_tokens = max_tokens - LONGEST_OPENING

    def parameters(self) -> Iterator[Parameter]:
        """The language model's parameters."""
        return self._scorer.parameters()

    @cached_property
    def token_kinds(self) -> Sequence[str]:
        """Note, drum, onset, duration, prefix or special."""
        return kinds()

    def read_score(self, data: bytes) -> "Score":
        """The score in a file's bytes, as the models' preparation read it."""
        return read_in_milliseconds(data)

    def windows(self, score: "Score") -> Sequence[TokenWindow]:
        """Full windows that overlap by half, the first behind the opening, others behind the token before them.

        A piece without a full window gives one shorter window.
        """
        opening, body = tokens_of(score)
        length = self.window_tokens
        starts = range(0, len(body) - length + 1, max(1, length // 2)) or range(min(1, len(body)))
        return [self._window(opening if at == 0 else [body[at - 1]], body[at : at + length], at) for at in starts]

    def logits(self, codes: Tensor, conditions: Sequence[object], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits [batch, 1, tokens, V] of codes [batch, 1, T], right-padded with 0, in chunks."""
        if null:
            raise TargetError("Aria has no null condition; ask for no contrast.")
        before = [torch.as_tensor(condition, device=codes.device) for condition in conditions]
        scored = asked_together(
            [len(one) for one in before],
            lambda rows: after(self._scorer, codes[rows], torch.stack([before[row] for row in rows]), first_id=0),
        )
        yield from in_chunks(scored)

    def _window(self, before: Sequence[int], codes: Sequence[int], at: int) -> TokenWindow:
        device = self._scorer.device
        return TokenWindow(
            codes=torch.tensor([codes], device=device), condition=torch.tensor(before, device=device), start=at
        )

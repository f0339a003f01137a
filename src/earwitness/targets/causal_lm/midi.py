"""A causal language model over the tokens of a miditok tokenizer, as a ``SymbolicTarget``.

Goal: scores are cut where models of this kind are trained to begin, at bars. What stands before
a window's first scored token is its condition: the description's ``prefix_ids``, or, where the
model was trained without any, the token that begins the window.

The tokenizer is data: its file names one of miditok's own classes and nothing in it is run.
Tokens that were merged (BPE and the like) begin a bar where their first part does.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import Parameter

from earwitness.errors import TargetError, missing_extra
from earwitness.targets.causal_lm.description import MidiTokens
from earwitness.targets.causal_lm.scorer import CodeScorer, load_causal_lm, next_token_logits
from earwitness.targets.checkpoint import load_safely, read_config
from earwitness.targets.protocols import LogitsChunk, TargetIdentity, TokenWindow
from earwitness.targets.scores.as_pretty_midi import read_as_pretty_midi

if TYPE_CHECKING:
    from miditok import MusicTokenizer
    from symusic import Score


class MidiCausalLm:
    """A loaded model with its tokenizer; see ``SymbolicTarget`` for the contract of its methods.

    One codebook, whose codes are the tokenizer's whole vocabulary. There is no null condition.
    """

    codebooks = 1
    has_null_condition = False

    def __init__(
        self,
        scorer: CodeScorer,
        tokenizer: "MusicTokenizer",
        description: MidiTokens,
        identity: TargetIdentity,
        *,
        max_tokens: int,
    ) -> None:
        self._scorer = scorer
        self._tokenizer = tokenizer
        self._description = description
        self._bars = _tokens_that_begin_a_bar(tokenizer)
        self._own_first = 0 if description.prefix_ids else 1
        self.identity = identity
        self.window_tokens = max_tokens - (len(description.prefix_ids) or 1)

    def parameters(self) -> Iterator[Parameter]:
        """The language model's parameters."""
        return self._scorer.parameters()

    @cached_property
    def token_kinds(self) -> Sequence[str]:
        """What each token begins with in miditok's writing: ``Pitch``, ``Velocity``, ``Duration`` …"""
        return [(parts[0].split("_")[0] if parts else "") for parts in _written(self._tokenizer)]

    def read_score(self, data: bytes) -> "Score":
        """The score in a file's bytes, with the notes that the description says it was trained on."""
        if self._description.notes == "pretty_midi":
            return read_as_pretty_midi(data)
        import symusic

        return symusic.Score.from_midi(data)

    def windows(self, score: "Score") -> Sequence[TokenWindow]:
        """Every full window that begins at a bar, in order; track by track where tracks are apart.

        A tokenizer without bars gives windows that overlap by half. A piece without a full window
        gives one shorter window, an empty piece none.
        """
        # The tokenizer writes into the score that it is given.
        encoded = self._tokenizer.encode(score.copy())
        tracks = [list(track.ids) for track in (encoded if isinstance(encoded, list) else [encoded])]
        length = self._own_first + self.window_tokens
        before = accumulate((len(ids) for ids in tracks), initial=0)
        full = [
            self._window(ids[at : at + length], start=begin + at)
            for begin, ids in zip(before, tracks, strict=False)
            for at in self._starts(ids)
            if at + length <= len(ids)
        ]
        longest = max(tracks, key=len, default=[])[:length]
        return full or [self._window(longest, start=0)] * (len(longest) > self._own_first)

    def logits(self, codes: Tensor, conditions: Sequence[object], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits [batch, 1, tokens, V] of codes [batch, 1, T], right-padded with 0, in chunks."""
        if null:
            raise TargetError("A causal language model has no null condition; ask for no contrast.")
        before = torch.stack([torch.as_tensor(condition, device=codes.device) for condition in conditions])
        yield from next_token_logits(self._scorer, codes, before, first_id=self._description.first_token_id)

    def _window(self, ids: Sequence[int], *, start: int) -> TokenWindow:
        """Codes [1, T], the token ids before them, and where in the piece they stand."""
        own = [token + self._description.first_token_id for token in ids[: self._own_first]]
        return TokenWindow(
            codes=torch.tensor([ids[self._own_first :]], device=self._scorer.device),
            condition=torch.tensor(own or self._description.prefix_ids, device=self._scorer.device),
            start=start,
        )

    def _starts(self, ids: Sequence[int]) -> list[int]:
        if not self._bars:
            return list(range(0, len(ids), max(1, self.window_tokens // 2)))
        return [at for at, token in enumerate(ids) if token in self._bars]


def _tokens_that_begin_a_bar(tokenizer: "MusicTokenizer") -> frozenset[int]:
    """Ids whose first part is a bar token; empty where the tokenizer writes no bars."""
    written = enumerate(_written(tokenizer))
    return frozenset(token for token, parts in written if parts and parts[0].split("_")[0] == "Bar")


def _written(tokenizer: "MusicTokenizer") -> list[list[str]]:
    """The parts that each id stands for, in words; one unless tokens were merged."""
    from miditok import TokSequence

    found = []
    for token in range(len(tokenizer)):
        sequence = TokSequence(ids=[token], are_ids_encoded=tokenizer.is_trained)
        tokenizer.decode_token_ids(sequence)
        tokenizer.complete_sequence(sequence)
        found.append([str(part) for part in sequence.tokens])
    return found


def load_tokenizer(path: Path) -> "MusicTokenizer":
    """Load a tokenizer that miditok saved; one of its own classes, with one vocabulary."""
    try:
        import miditok
    except ImportError:
        raise missing_extra("miditok", "miditok") from None
    if not path.is_file():
        raise TargetError(f"There is no tokenizer at {path}; save it there with tokenizer.save_pretrained.")
    name = read_config(path.parent, path.name).get("tokenization")
    kind = getattr(miditok, name, None) if isinstance(name, str) else None
    if not (isinstance(kind, type) and issubclass(kind, miditok.MusicTokenizer)):
        raise TargetError(f"{path} is not a miditok tokenizer (its tokenization is {name!r}); save it with miditok.")
    tokenizer = load_safely(f"The tokenizer {path}", lambda: kind(params=path))
    if tokenizer.is_multi_voc:
        raise TargetError(f"{path} is a {name} with several vocabularies; one with a single vocabulary is needed.")
    return tokenizer


def load_midi(folder: Path, description: MidiTokens, *, name: str, device: str, dtype: str) -> MidiCausalLm:
    """Load model and tokenizer."""
    tokenizer = load_tokenizer(folder / description.tokenizer)
    loaded = load_causal_lm(folder, name=name, device=device, dtype=dtype)
    scorer = CodeScorer(
        loaded.model, first_code_ids=[description.first_token_id],
        codes=len(tokenizer), what=f"The language model in {folder}",
    )  # fmt: skip
    scorer.require_tokens(description.prefix_ids)
    max_tokens = scorer.longest(description.max_tokens)
    if max_tokens is None or max_tokens <= (len(description.prefix_ids) or 1):
        raise TargetError(
            f"{folder} does not say how many tokens its model takes (found: {max_tokens}); put the length it was "
            "trained on into earwitness.json as max_tokens."
        )
    return MidiCausalLm(scorer, tokenizer, description, loaded.identity, max_tokens=max_tokens)

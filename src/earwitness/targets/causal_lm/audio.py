"""A causal language model over the codes of an audio codec, as a ``TokenTarget``.

Goal: codes are put into one sequence as the directory's description says, and every one of
them is scored by teacher forcing: a code at place j of the sequence is predicted at place
j − 1, the first by what stands before the codes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter
from transformers import PreTrainedTokenizerBase

from earwitness.errors import TargetError
from earwitness.targets.causal_lm.description import AudioTokens
from earwitness.targets.causal_lm.layout import Layout
from earwitness.targets.causal_lm.scorer import CodeScorer, in_chunks, load_causal_lm
from earwitness.targets.codec import Codec, load_codec
from earwitness.targets.networks import tokenizer_of
from earwitness.targets.protocols import LogitsChunk, TargetIdentity, WindowLaw
from earwitness.targets.together import asked_together


class AudioCausalLm:
    """A loaded model with its codec; see ``TokenTarget`` for the contract of its methods.

    Logits are over the codes of a codebook, [batch, K, frames, V]. Without a ``prompt`` in the
    description prompts are ignored. There is no null condition.
    """

    has_null_condition = False
    channels = 1

    def __init__(
        self,
        scorer: CodeScorer,
        codec: Codec,
        tokenizer: PreTrainedTokenizerBase | None,
        description: AudioTokens,
        identity: TargetIdentity,
    ) -> None:
        self._scorer = scorer
        self._codec = codec
        self._tokenizer = tokenizer
        self._description = description
        self._layout = layout_of(description, codec.codes)
        self.identity = identity
        self.sample_rate = codec.sample_rate
        self.hop_length = codec.hop_length
        self.codebooks = description.codebooks
        self.max_seconds = self._max_seconds(scorer.longest(description.max_tokens))
        self.window_law = WindowLaw(seconds=description.seconds)

    def encode(self, waves: NDArray[np.float32]) -> Tensor:
        """Codes int64 [batch, K, T] of waveforms [batch, samples]."""
        return self._codec.encode(waves)

    def parameters(self) -> Iterator[Parameter]:
        """The language model's parameters, without the codec's."""
        return self._scorer.parameters()

    def logits(self, codes: Tensor, prompts: Sequence[str], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits in chunks of frames; windows whose prompts have the same number of tokens run together."""
        if null:
            raise TargetError("A causal language model has no null condition; ask for no contrast.")
        prefixes = [self._prefix(prompt) for prompt in prompts]
        yield from in_chunks(
            asked_together(
                [len(prefix) for prefix in prefixes],
                lambda rows: self._score(codes[rows], [prefixes[row] for row in rows]),
            )
        )

    def _score(self, codes: Tensor, prefixes: Sequence[Sequence[int]]) -> Tensor:
        before = torch.tensor(prefixes, device=codes.device)
        ids = torch.cat([before, self._layout.tokens(codes)[:, :-1]], dim=1)
        places = self._layout.places(codes.shape[2]).to(codes.device)
        return self._scorer.logits(ids, places + before.shape[1] - 1)

    def _prefix(self, prompt: str) -> list[int]:
        """The token ids that stand before the codes."""
        text = self._description.text(prompt)
        if self._tokenizer is None:
            return self._description.prefix_ids
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        if len(ids) > self._description.max_prompt_tokens:
            raise TargetError(
                f"The prompt {prompt[:40]!r} takes {len(ids)} tokens and the description keeps room for "
                f"{self._description.max_prompt_tokens}; shorten it or raise max_prompt_tokens."
            )
        return [*ids, *self._description.prefix_ids]

    def _max_seconds(self, max_tokens: int | None) -> float | None:
        if max_tokens is None:
            return self._description.seconds
        prompt = 0 if self._description.prompt is None else self._description.max_prompt_tokens
        frames = self._layout.frames(max_tokens - len(self._description.prefix_ids) - prompt)
        if frames < 1:
            raise TargetError(
                f"The description keeps no room for audio: the model takes {max_tokens} tokens; "
                "lower max_prompt_tokens or correct max_tokens."
            )
        longest = frames * self.hop_length / self.sample_rate
        return longest if self._description.seconds is None else min(longest, self._description.seconds)


def layout_of(description: AudioTokens, codes: int) -> Layout:
    """The layout that a description states, for codebooks of so many codes."""
    first, books = description.first_code_id, range(description.codebooks)
    delays = {"flat": [0 for _ in books], "by_codebook": None, "delay": description.delays}
    delays["coarse_first"] = delays["flat"]
    return Layout(
        first_code_ids=[first + k * codes for k in books] if isinstance(first, int) else first,
        delays=delays[description.interleaving],
        pad_token_id=description.pad_token_id or 0,
        coarse_first=description.interleaving == "coarse_first",
    )


def load_audio(folder: Path, description: AudioTokens, *, name: str, device: str, dtype: str) -> AudioCausalLm:
    """Load model, codec and, where prompts go in, tokenizer."""
    codec = load_codec(folder, description.codec, codebooks=description.codebooks, device=device)
    layout = layout_of(description, codec.codes)
    loaded = load_causal_lm(folder, name=name, device=device, dtype=dtype, codec=codec)
    scorer = CodeScorer(
        loaded.model, first_code_ids=layout.first_code_ids, codes=codec.codes,
        what=f"The language model in {folder}",
    )  # fmt: skip
    scorer.require_tokens([*description.prefix_ids, layout.pad_token_id])
    tokenizer = None
    if description.prompt is not None:
        tokenizer = tokenizer_of(folder)
    return AudioCausalLm(scorer, codec, tokenizer, description, loaded.identity)

"""The Anticipatory Music Transformer: a causal model over events of time, duration and note.

Goal: the published models (stanford-crfm/music-{small,medium,large}-…) are asked as one in ten of their training
contexts was put to them: without anticipated events, behind the token that says so. A piece is a sequence of events of
three tokens each, with a rest wherever a second passes without one; a context is 341 events, its times counted from its
first.

Conventions: codes are token ids of the first block of the vocabulary: times in hundredths of a second, then durations,
then notes (128 · instrument + pitch, instrument 128 for percussion), last the rest. Logits are over that block; what
lies behind it (anticipated events, separators, modes) does not occur in these contexts but between pieces.
Source: Thickstun et al., arXiv 2306.08620.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from earwitness.errors import TargetError
from earwitness.targets.causal_lm.description import AnticipatedEvents
from earwitness.targets.causal_lm.scorer import CodeScorer, load_causal_lm, next_token_logits
from earwitness.targets.protocols import LogitsChunk, TargetIdentity, TokenWindow
from earwitness.targets.scores.in_hundredths import PER_SECOND, read_in_hundredths
from earwitness.targets.scores.streams import DRUMS

if TYPE_CHECKING:
    from symusic import Score

TIMES, DURATIONS, NOTES = 10_000, 1_000, 128 * 129
REST = TIMES + DURATIONS + NOTES
EVENT_TOKENS = REST + 1
AUTOREGRESS = 2 * (TIMES + DURATIONS + NOTES) + 2


class AnticipatoryLm:
    """A loaded model; see ``SymbolicTarget`` for the contract of its methods."""

    codebooks = 1
    has_null_condition = False

    def __init__(self, scorer: CodeScorer, identity: TargetIdentity, *, max_tokens: int) -> None:
        self._scorer = scorer
        self.identity = identity
        self.window_tokens = 3 * ((max_tokens - 1) // 3)

    def parameters(self) -> Iterator[Parameter]:
        """The language model's parameters."""
        return self._scorer.parameters()

    @cached_property
    def token_kinds(self) -> Sequence[str]:
        """Time, duration or note."""
        return ["time"] * TIMES + ["duration"] * DURATIONS + ["note"] * (NOTES + 1)

    def read_score(self, data: bytes) -> "Score":
        """The score in a file's bytes, as the models' preparation read it."""
        return read_in_hundredths(data)

    def windows(self, score: "Score") -> Sequence[TokenWindow]:
        """Full windows that overlap by half and last less than 100 seconds; a short piece gives one shorter window."""
        found, length = events(score), self.window_tokens // 3
        starts = range(0, len(found) - length + 1, max(1, length // 2))
        cut = [(start, found[start : start + length]) for start in starts] or [(0, found)] * bool(len(found))
        return [self._window(start, own) for start, own in cut if own[-1, 0] - own[0, 0] < TIMES]

    def logits(self, codes: Tensor, conditions: Sequence[object], *, null: bool) -> Iterator[LogitsChunk]:
        """Logits [batch, 1, tokens, V] of codes [batch, 1, T], right-padded with 0, in chunks."""
        if null:
            raise TargetError("The Anticipatory Music Transformer has no null condition; ask for no contrast.")
        yield from next_token_logits(self._scorer, codes, codes.new_full((len(conditions), 1), AUTOREGRESS), first_id=0)

    def _window(self, start: int, own: NDArray[np.int64]) -> TokenWindow:
        tokens = (own - [own[0, 0], 0, 0]).reshape(1, -1)
        return TokenWindow(codes=torch.from_numpy(tokens).to(self._scorer.device), condition=None, start=3 * start)


def events(score: "Score") -> NDArray[np.int64]:
    """Time, duration and note tokens int64 [events, 3] of a score in ticks, with its rests."""
    played = [
        (note.start, number, place, note.duration, 128 * (DRUMS if track.is_drum else track.program) + note.pitch)
        for number, track in enumerate(score.to("second").tracks)
        for place, note in enumerate(track.notes)
    ]
    found: list[tuple[int, int, int]] = []
    before = 0
    for seconds, _, _, duration, note in sorted((round(PER_SECOND * start), *rest) for start, *rest in played):
        while seconds > before + PER_SECOND:
            before += PER_SECOND
            found.append((before, TIMES, REST))
        length = min(round(PER_SECOND * duration), DURATIONS - 1)
        found.append((seconds, TIMES + length, TIMES + DURATIONS + note))
        before = seconds
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def load_anticipation(
    folder: Path, description: AnticipatedEvents, *, name: str, device: str, dtype: str
) -> AnticipatoryLm:
    """Load a model."""
    loaded = load_causal_lm(folder, name=name, device=device, dtype=dtype)
    scorer = CodeScorer(
        loaded.model, first_code_ids=[0], codes=EVENT_TOKENS,
        what=f"The language model in {folder}",
    )  # fmt: skip
    scorer.require_tokens([AUTOREGRESS])
    max_tokens = scorer.longest(description.max_tokens)
    if max_tokens is None or max_tokens < 4:
        raise TargetError(
            f"{folder} does not say how many tokens its model takes (found: {max_tokens}); put the length it was "
            "trained on into earwitness.json as max_tokens."
        )
    return AnticipatoryLm(scorer, loaded.identity, max_tokens=max_tokens)

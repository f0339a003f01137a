"""An instrument: a target and a preset, ready to turn windows into features.

Goal: the extraction loop does not know what kind of model it asks. A batch of windows goes
in, one dictionary of named features a window comes out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from earwitness.errors import EarwitnessError
from earwitness.passes.batch import (
    Answer,
    Batch,
    Provider,
    Watch,
    Watcher,
    Window,
    encode,
    logits_of,
    trimmed,
)
from earwitness.signals.tokens.presets import TokenPreset
from earwitness.signals.tokens.reduction import ScoreBuffer
from earwitness.signals.tokens.requests import Continuation, Request
from earwitness.signals.tokens.scores import TokenScores
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import FeatureSpec
from earwitness.targets.protocols import AnyTarget


class Instrument(Protocol):
    """Measures windows; holds no state between calls."""

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The features it gives, in column order."""

    def measure(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        """Features of a batch of windows, one dictionary a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInstrument:
    """A token model under a token preset: one pass over the logits a condition, and one a further request.

    ``guided`` also runs the null condition, for the contrast features; ``providers`` answer what
    the preset's signals ask for beyond that.
    """

    target: AnyTarget
    preset: TokenPreset
    guided: bool
    providers: tuple[Provider | Watcher, ...] = ()

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The preset's features for the target's codebooks."""
        return self.preset.specs(self.target.codebooks, guided=self.guided)

    def measure(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        """Encode, score and reduce; a window without a prompt has no contrast (NaN)."""
        needs = self.preset.needs(guided=self.guided)
        with torch.inference_mode():
            batch = encode(self.target, windows)
            asked = {need: self._provider(need) for need in needs}
            watches = {
                need: who.watch(self.target, batch, need) for need, who in asked.items() if isinstance(who, Watcher)
            }
            passes = self._passes(batch, list(watches.values()))
            answers = {need: watch.finish() for need, watch in watches.items()}
            answers |= {
                need: who.ask(self.target, batch, need) for need, who in asked.items() if isinstance(who, Provider)
            }
        return [self.preset.measure(_with_answers(own, answers, i), guided=self.guided) for i, own in enumerate(passes)]

    def _passes(self, batch: Batch, watches: Sequence[Watch]) -> list[Passes]:
        """The plain pass and, where guided, the null pass and their contrast, from one walk over the logits."""
        quantities = self.preset.quantities(guided=self.guided)
        condition, contrast, null = (ScoreBuffer(batch.codes, quantities) for _ in range(3))
        for chunk in logits_of(self.target, batch, null=self.guided):
            condition.add(chunk.condition)
            if chunk.null is not None:
                contrast.add(chunk.condition.float() - chunk.null.float())
                null.add(chunk.null)
            for watch in watches:
                watch.add(chunk.condition)
        plain = trimmed(condition, batch.lengths)
        if not self.guided:
            return [Passes(condition=scores) for scores in plain]
        others = zip(trimmed(contrast, batch.lengths), trimmed(null, batch.lengths), strict=True)
        return [
            Passes(condition=scores, contrast=ratio, null=without) if prompt else Passes(condition=scores)
            for scores, (ratio, without), prompt in zip(plain, others, batch.conditions, strict=True)
        ]

    def _provider(self, request: Request) -> Provider | Watcher:
        for provider in self.providers:
            if provider.answers(request):
                return provider
        raise EarwitnessError(
            f"A signal asks for {request!r}, which nothing here answers; give what it needs or leave it out."
        )


def _with_answers(passes: Passes, answers: Mapping[Request, Sequence[Answer | None]], i: int) -> Passes:
    mine = {request: given[i] for request, given in answers.items()}
    return Passes(
        condition=passes.condition,
        contrast=passes.contrast,
        null=passes.null,
        extra={request: answer for request, answer in mine.items() if isinstance(answer, TokenScores)},
        numbers={request: answer for request, answer in mine.items() if isinstance(answer, float)},
        continuations={request: answer for request, answer in mine.items() if isinstance(answer, Continuation)},
    )


def prompts_inform(prompts: Sequence[str]) -> bool:
    """Whether prompts tell tracks apart: at least two different ones that are not empty."""
    return len({prompt for prompt in prompts if prompt}) >= 2

"""An instrument: a target and a preset, ready to turn windows of audio into features.

Goal: the extraction loop does not know what kind of model it asks. A batch of
equal-length windows goes in, one dictionary of named features a window comes out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from earwitness.signals.tokens.presets import TokenPreset
from earwitness.signals.tokens.reduction import ScoreBuffer
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import FeatureSpec
from earwitness.targets.protocols import TokenTarget


class Instrument(Protocol):
    """Measures windows; holds no state between calls."""

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The features it gives, in column order."""

    def measure(self, waves: NDArray[np.float32], prompts: Sequence[str]) -> list[dict[str, float]]:
        """Features of windows [batch, samples], one dictionary a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInstrument:
    """A token model under a token preset: one pass over the logits a condition.

    ``guided`` also runs the null condition, for the contrast features.
    """

    target: TokenTarget
    preset: TokenPreset
    guided: bool

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        """The preset's features for the target's codebooks."""
        return self.preset.specs(self.target.codebooks, guided=self.guided)

    def measure(self, waves: NDArray[np.float32], prompts: Sequence[str]) -> list[dict[str, float]]:
        """Encode, score and reduce; a window without a prompt has no contrast (NaN)."""
        codes = self.target.encode(waves)
        condition, contrast, null = ScoreBuffer(codes), ScoreBuffer(codes), ScoreBuffer(codes)
        for chunk in self.target.logits(codes, prompts, null=self.guided):
            condition.add(chunk.condition)
            if chunk.null is not None:
                contrast.add(chunk.condition.float() - chunk.null.float())
                null.add(chunk.null)
        if not self.guided:
            passes = [Passes(condition=scores) for scores in condition.windows()]
        else:
            passes = [
                Passes(condition=scores[0], contrast=scores[1], null=scores[2])
                if prompt
                else Passes(condition=scores[0])
                for scores, prompt in zip(
                    zip(condition.windows(), contrast.windows(), null.windows(), strict=True), prompts, strict=True
                )
            ]
        return [self.preset.measure(window, guided=self.guided) for window in passes]


def prompts_inform(prompts: Sequence[str]) -> bool:
    """Whether prompts tell tracks apart: at least two different ones that are not empty."""
    return len({prompt for prompt in prompts if prompt}) >= 2

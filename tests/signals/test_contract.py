"""The contract of signals: every installed one keeps it, each kind of broken one is caught."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.signals.registry import denoising_signals, token_signals
from earwitness.signals.tokens.presets import PRESETS
from earwitness.signals.tokens.signal import Passes
from earwitness.spec import Direction, FeatureSpec
from earwitness.testing import check_signal

PLAIN = {repr(signal): signal for preset in PRESETS.values() for signal in preset.signals}


@pytest.mark.parametrize("name", sorted(token_signals()))
def test_installed_token_signals_keep_it(name: str) -> None:
    assert len(list(check_signal(token_signals()[name]))) >= 5


@pytest.mark.parametrize("shown", sorted(PLAIN))
def test_the_presets_signals_keep_it(shown: str) -> None:
    assert len(list(check_signal(PLAIN[shown]))) >= 5


@pytest.mark.parametrize("name", sorted(denoising_signals()))
def test_denoising_signals_keep_it(name: str) -> None:
    assert list(check_signal(denoising_signals()[name]))[-2:] == [
        "batch-mates change nothing",
        "a model without a null condition is no error",
    ]


def spec(name: str) -> FeatureSpec:
    return FeatureSpec(name=name, member_is=Direction.HIGHER)


@dataclass(frozen=True)
class MeanLogProb:
    """Honest; what is broken in the others is one thing each."""

    name: str = "mean_log_prob"

    @property
    def specs(self) -> Sequence[FeatureSpec]:
        return [spec(self.name)]

    def measure(self, passes: Passes) -> Sequence[float]:
        values = passes.condition.log_prob[passes.condition.valid]
        return [float(values.mean()) if values.size else np.nan]


class CountsWhatDoesNotCount(MeanLogProb):
    def measure(self, passes: Passes) -> Sequence[float]:
        return [float(passes.condition.log_prob.mean()) if passes.condition.valid.any() else np.nan]


class FailsOnNothing(MeanLogProb):
    def measure(self, passes: Passes) -> Sequence[float]:
        return [float(passes.condition.log_prob[passes.condition.valid].max())]


class TakesNothingForZero(MeanLogProb):
    def measure(self, passes: Passes) -> Sequence[float]:
        return [float(passes.condition.log_prob[passes.condition.valid].sum())]


class NeverTheSame(MeanLogProb):
    def measure(self, passes: Passes) -> Sequence[float]:
        return [float(np.random.default_rng().normal())]


class ASecondNumber(MeanLogProb):
    def measure(self, passes: Passes) -> Sequence[float]:
        return [0.0, 0.0]


class AsksUnasked(MeanLogProb):
    def measure(self, passes: Passes) -> Sequence[float]:
        return [float(passes.condition.entropy(2.0).mean())]


@dataclass(frozen=True)
class HidesASetting(MeanLogProb):
    share: float = field(default=0.1, repr=False, compare=False)

    def __repr__(self) -> str:
        return object.__repr__(self)


class WithoutSettings:
    @property
    def specs(self) -> Sequence[FeatureSpec]:
        return [spec("bare")]

    def measure(self, passes: Passes) -> Sequence[float]:
        return [0.0]


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (CountsWhatDoesNotCount(), "positions that are not valid change nothing"),
        (FailsOnNothing(), "measure gives numbers"),
        (TakesNothingForZero(), "a window without a valid position has NaN"),
        (NeverTheSame(), "the same scores give the same numbers"),
        (ASecondNumber(), "one number per feature"),
        (AsksUnasked(), "hold no entropy of order 2"),
        (HidesASetting(), "repr shows the settings"),
        (WithoutSettings(), "it is a dataclass whose fields are its settings"),
        (MeanLogProb("Loss, pooled"), "reads signal/setting=value"),
        (MeanLogProb("blind/loss"), "not a blind feature"),
        (MeanLogProb("loss/codebook=0"), "leaves codebook and contrast to the preset"),
    ],
    ids=lambda given: type(given).__name__ if not isinstance(given, str) else "",
)
def test_what_is_broken_is_named(broken: MeanLogProb, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        list(check_signal(broken))


def test_an_honest_signal_passes() -> None:
    assert len(list(check_signal(MeanLogProb()))) == 5


@dataclass(frozen=True)
class SeesItsBatchMates:
    @property
    def specs(self) -> Sequence[FeatureSpec]:
        return [spec("crowd")]

    @property
    def pairs(self) -> Sequence[Pair]:
        return [Pair(0.1)]

    def measure(self, oracle: Oracle) -> np.ndarray:
        losses = oracle.loss(Pair(0.1))
        return (losses - losses.mean())[:, None]


def test_a_denoising_signal_that_sees_its_batch_mates_is_named() -> None:
    with pytest.raises(AssertionError, match="batch-mates change nothing"):
        list(check_signal(SeesItsBatchMates()))

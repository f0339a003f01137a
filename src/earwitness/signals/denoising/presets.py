"""Presets: which denoising signals are measured together, and the measuring.

``default``     SimA as the headline, beside it PIA and the denoising loss (docs/design/default-question.md)
``flow``        the same for flow models, for which it is the default: velocity error in mid-path instead of the
                denoising loss near the data (docs/design/flow.md)
``full``        every signal without gradients
``cdi``         the published feature set, 26 features
``cdi-gray``    the same without gradients, 14 features
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from earwitness.errors import EarwitnessError
from earwitness.signals.denoising.gradient_masking import GradientMasking
from earwitness.signals.denoising.losses import DenoisingLoss, MultipleLoss
from earwitness.signals.denoising.noise_optim import NoiseOptim
from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.signals.denoising.pia import Pia
from earwitness.signals.denoising.secmi import SecMi
from earwitness.signals.denoising.signal import DenoisingSignal
from earwitness.signals.denoising.sima import SimA
from earwitness.signals.denoising.velocity import VelocityError
from earwitness.signals.failing import numbers_or_missing
from earwitness.spec import FeatureSpec

_ATTACKS: tuple[DenoisingSignal, ...] = (SecMi(), Pia(), Pia(normalised=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoisingPreset:
    """A feature set."""

    name: str
    signals: tuple[DenoisingSignal, ...]

    @property
    def specs(self) -> list[FeatureSpec]:
        """The features, in the order of ``measure_batch``."""
        return [spec for signal in self.signals for spec in signal.specs]

    @property
    def pairs(self) -> list[Pair]:
        """All noised latents that the signals look at; equal ones are asked once."""
        return [pair for signal in self.signals for pair in signal.pairs]

    @property
    def needs_gradient(self) -> bool:
        """Whether the denoiser must let gradients through."""
        return any(pair.gradient for pair in self.pairs)

    @property
    def needs_null(self) -> bool:
        """Whether the denoiser must also answer without a condition."""
        return any(pair.null for pair in self.pairs)

    def with_signals(self, extra: Mapping[str, DenoisingSignal]) -> "DenoisingPreset":
        """The preset and further signals, which also stand in its name; what is there already is not added again."""
        extra = {name: signal for name, signal in extra.items() if signal not in self.signals}
        return replace(self, name="+".join([self.name, *extra]), signals=(*self.signals, *extra.values()))


PRESETS = {
    preset.name: preset
    for preset in (
        DenoisingPreset(name="default", signals=(DenoisingLoss(), Pia(), SimA())),
        DenoisingPreset(name="flow", signals=(VelocityError(), Pia(), SimA())),
        DenoisingPreset(name="full", signals=(DenoisingLoss(), *_ATTACKS, SimA(), MultipleLoss())),
        DenoisingPreset(
            name="cdi",
            signals=(DenoisingLoss(), *_ATTACKS, GradientMasking(), MultipleLoss(), NoiseOptim()),
        ),
        DenoisingPreset(name="cdi-gray", signals=(DenoisingLoss(), *_ATTACKS, MultipleLoss())),
    )
}


def denoising_preset(name: str, *, flow: bool = False) -> DenoisingPreset:
    """Look a preset up by name; the default of a ``flow`` model is another."""
    name = "flow" if flow and name == "default" else name
    try:
        return PRESETS[name]
    except KeyError:
        raise EarwitnessError(
            f"There is no preset {name!r} for diffusion models; choose one of {', '.join(PRESETS)}."
        ) from None


def measure_batch(preset: DenoisingPreset, oracle: Oracle) -> list[dict[str, float]]:
    """All features of the oracle's windows by name, one dictionary per window.

    The pairs of all signals are asked first, together; ``oracle.forward_passes`` says what it cost.
    """
    oracle.ask(preset.pairs)
    windows = len(oracle.keys)
    columns = [
        column
        for signal in preset.signals
        for column in numbers_or_missing(signal, partial(signal.measure, oracle), (windows, len(signal.specs))).T
    ]
    names = [spec.name for spec in preset.specs]
    return [dict(zip(names, map(float, row), strict=True)) for row in zip(*columns, strict=True)]

"""Presets: which signals are measured, on which codebooks, and on which passes.

``default``          every codebook and all of them pooled; contrasts only on request, since on
                     the ground-truth target they cost power and a second pass
``iar``              the published feature set: 18 features of codebook 0, on the contrast
``iar-codebooks``    the same 18 for each codebook
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from earwitness.errors import EarwitnessError
from earwitness.signals.tokens.camia import Camia
from earwitness.signals.tokens.hinge import Hinge
from earwitness.signals.tokens.loss import Loss
from earwitness.signals.tokens.min_k import MinK
from earwitness.signals.tokens.min_k_pp import MinKPlusPlus
from earwitness.signals.tokens.signal import Contrast, ContrastRatio, Passes, TokenSignal
from earwitness.signals.tokens.zlib import Zlib
from earwitness.spec import FeatureSpec

_DEFAULT: tuple[TokenSignal, ...] = (Loss(), Zlib(), Hinge(), MinK(), MinKPlusPlus(), Camia())
_IAR: tuple[TokenSignal, ...] = (Loss(), Zlib(coding="decimal"), Hinge(), MinK(), MinKPlusPlus(), Camia())


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPreset:
    """A feature set: signals × codebooks.

    Attributes
    ----------
    signals
        The signals to measure when no null pass was run.
    guided
        The signals to measure when one was.
    first_codebook_only
        Measure codebook 0 alone.
    pooled
        Also measure all codebooks together (``codebook=all``).
    wants_null_pass
        Whether a null pass is run unasked where prompts carry information.
    """

    name: str
    signals: tuple[TokenSignal, ...]
    guided: tuple[TokenSignal, ...]
    first_codebook_only: bool = False
    pooled: bool = False
    wants_null_pass: bool = False

    def chosen(self, *, guided: bool) -> tuple[TokenSignal, ...]:
        """The signals for a run with (``guided``) or without a null pass."""
        return self.guided if guided else self.signals

    def specs(self, codebooks: int, *, guided: bool) -> list[FeatureSpec]:
        """The features for a model of that many codebooks, in the order of ``measure``."""
        return [
            replace(spec, name=_with_codebook(spec.name, label))
            for label in self._labels(codebooks)
            for signal in self.chosen(guided=guided)
            for spec in signal.specs
        ]

    def measure(self, passes: Passes, *, guided: bool) -> dict[str, float]:
        """All features of one window, by name."""
        codebooks = len(passes.condition.codes)
        values = [
            value
            for label in self._labels(codebooks)
            for view in [passes if label == "all" else passes.codebook(int(label))]
            for signal in self.chosen(guided=guided)
            for value in signal.measure(view)
        ]
        names = [spec.name for spec in self.specs(codebooks, guided=guided)]
        return dict(zip(names, values, strict=True))

    def _labels(self, codebooks: int) -> Sequence[str]:
        single = ["0"] if self.first_codebook_only else [str(k) for k in range(codebooks)]
        return [*single, "all"] if self.pooled and codebooks > 1 else single


def _with_codebook(name: str, label: str) -> str:
    """Put the codebook before a ``/contrast`` suffix: ``min_k/k=0.2/codebook=0/contrast``."""
    base, suffix = (name.removesuffix("/contrast"), "/contrast") if name.endswith("/contrast") else (name, "")
    return f"{base}/codebook={label}{suffix}"


def _contrasts(signals: tuple[TokenSignal, ...]) -> tuple[TokenSignal, ...]:
    return tuple(Contrast(signal) for signal in signals)


PRESETS = {
    preset.name: preset
    for preset in (
        TokenPreset(
            name="default", signals=_DEFAULT, guided=(*_DEFAULT, *_contrasts(_DEFAULT), ContrastRatio()), pooled=True
        ),
        TokenPreset(name="iar", signals=_IAR, guided=_contrasts(_IAR), first_codebook_only=True, wants_null_pass=True),
        TokenPreset(name="iar-codebooks", signals=_IAR, guided=_contrasts(_IAR), wants_null_pass=True),
    )
}


def token_preset(name: str) -> TokenPreset:
    """Look a preset up by name."""
    try:
        return PRESETS[name]
    except KeyError:
        raise EarwitnessError(
            f"There is no preset {name!r} for token models; choose one of {', '.join(PRESETS)}."
        ) from None

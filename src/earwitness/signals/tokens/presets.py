"""Presets: which signals are measured, on which codebooks, and on which passes.

``default``          excess loss and Min-K %++ as one number, of every codebook and pooled over all (the headline);
                     of scores excess loss alone: what gives most power on targets that it was not
                     chosen on (docs/design/default-question.md)
``full``             every signal of a plain pass, and the noise neighbour: for reports and for research
``iar``              the published feature set: 18 features of codebook 0, on the contrast
``iar-codebooks``    the same 18 for each codebook
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from earwitness.errors import EarwitnessError
from earwitness.signals.failing import numbers_or_missing
from earwitness.signals.tokens.camia import Camia
from earwitness.signals.tokens.excess_loss import ExcessLoss
from earwitness.signals.tokens.hinge import Hinge
from earwitness.signals.tokens.loss import Loss
from earwitness.signals.tokens.min_k import MinK
from earwitness.signals.tokens.min_k_pp import MinKPlusPlus, PooledMinKPlusPlus
from earwitness.signals.tokens.neighbour import AudioNeighbour
from earwitness.signals.tokens.requests import Request
from earwitness.signals.tokens.signal import (
    Contrast,
    ContrastRatio,
    OncePerWindow,
    Passes,
    TokenSignal,
    needs_of,
    quantities_of,
)
from earwitness.signals.tokens.surp import Surp
from earwitness.signals.tokens.zlib import Zlib
from earwitness.spec import FeatureSpec

_DEFAULT: tuple[TokenSignal, ...] = (ExcessLoss(), PooledMinKPlusPlus())
_CLASSICS: tuple[TokenSignal, ...] = (Loss(), MinK(), MinKPlusPlus(), Camia())
_FULL: tuple[TokenSignal, ...] = (*_DEFAULT, *_CLASSICS, Zlib(), Hinge(), Surp(), AudioNeighbour())
_OF_CODECS = (AudioNeighbour, PooledMinKPlusPlus)
_IAR: tuple[TokenSignal, ...] = (Loss(), Zlib(coding="list"), Hinge(), MinK(), MinKPlusPlus(), Camia())


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

    def with_signals(self, extra: Mapping[str, TokenSignal]) -> "TokenPreset":
        """The preset and further signals, which also stand in its name; what is there already is not added again."""
        extra = {name: signal for name, signal in extra.items() if signal not in self.signals}
        if not extra:
            return self
        further = tuple(extra.values())
        return replace(
            self,
            name="+".join([self.name, *extra]),
            signals=(*self.signals, *further),
            guided=(*self.guided, *further),
        )

    def answerable(self, can_answer: Callable[[Request], bool]) -> "TokenPreset":
        """The preset without the signals that ask for what cannot be had."""

        def kept(signals: tuple[TokenSignal, ...]) -> tuple[TokenSignal, ...]:
            return tuple(signal for signal in signals if all(map(can_answer, needs_of(signal))))

        return replace(self, signals=kept(self.signals), guided=kept(self.guided))

    def for_scores(self) -> "TokenPreset":
        """The preset without what is for codec tokens alone: noise in the audio, and what costs power here."""

        def kept(signals: tuple[TokenSignal, ...]) -> tuple[TokenSignal, ...]:
            return tuple(signal for signal in signals if not isinstance(_within(signal), _OF_CODECS))

        return replace(self, signals=kept(self.signals), guided=kept(self.guided))

    def chosen(self, *, guided: bool) -> tuple[TokenSignal, ...]:
        """The signals for a run with (``guided``) or without a null pass."""
        return self.guided if guided else self.signals

    def needs(self, *, guided: bool) -> tuple[Request, ...]:
        """The further passes that the signals ask for, each once."""
        return tuple(dict.fromkeys(need for signal in self.chosen(guided=guided) for need in needs_of(signal)))

    def quantities(self, *, guided: bool) -> tuple[str, ...]:
        """What the signals need of each prediction besides the usual, each once."""
        return tuple(dict.fromkeys(name for signal in self.chosen(guided=guided) for name in quantities_of(signal)))

    def specs(self, codebooks: int, *, guided: bool) -> list[FeatureSpec]:
        """The features for a model of that many codebooks, in the order of ``measure``."""
        return [
            spec if label is None else _for_codebook(spec, label, whole=label == "all" or codebooks == 1)
            for label, signal in self._plan(codebooks, guided=guided)
            for spec in signal.specs
        ]

    def measure(self, passes: Passes, *, guided: bool) -> dict[str, float]:
        """All features of one window, by name."""
        codebooks = len(passes.condition.codes)
        views: dict[str | None, Passes] = {None: passes, "all": passes}
        views |= {str(k): passes.codebook(k) for k in range(codebooks)}
        values: list[float] = []
        for label, signal in self._plan(codebooks, guided=guided):
            measure = partial(signal.measure, views[label])
            values += numbers_or_missing(signal, measure, (len(signal.specs),)).tolist()
        names = [spec.name for spec in self.specs(codebooks, guided=guided)]
        return dict(zip(names, values, strict=True))

    def _plan(self, codebooks: int, *, guided: bool) -> list[tuple[str | None, TokenSignal]]:
        """Which signal is measured on which codebook (``None``: once for the window), in order."""
        signals = self.chosen(guided=guided)
        once: list[tuple[str | None, TokenSignal]] = [(None, s) for s in signals if isinstance(s, OncePerWindow)]
        return [
            *((label, s) for label in self._labels(codebooks) for s in signals if not isinstance(s, OncePerWindow)),
            *once,
        ]

    def _labels(self, codebooks: int) -> Sequence[str]:
        single = ["0"] if self.first_codebook_only else [str(k) for k in range(codebooks)]
        return [*single, "all"] if self.pooled and codebooks > 1 else single


def _for_codebook(spec: FeatureSpec, label: str, *, whole: bool) -> FeatureSpec:
    """Put the codebook before a ``/contrast`` suffix: ``min_k/k=0.2/codebook=0/contrast``; a part is no headline."""
    name = spec.name
    base, suffix = (name.removesuffix("/contrast"), "/contrast") if name.endswith("/contrast") else (name, "")
    return replace(spec, name=f"{base}/codebook={label}{suffix}", headline=spec.headline and whole)


def _within(signal: TokenSignal) -> TokenSignal:
    return signal.signal if isinstance(signal, Contrast) else signal


def _contrasts(signals: tuple[TokenSignal, ...]) -> tuple[TokenSignal, ...]:
    return tuple(Contrast(signal) for signal in signals)


PRESETS = {
    preset.name: preset
    for preset in (
        TokenPreset(
            name="default",
            signals=_DEFAULT,
            guided=(*_DEFAULT, *_contrasts(_DEFAULT), ContrastRatio()),
            pooled=True,
        ),
        TokenPreset(
            name="full",
            signals=_FULL,
            guided=(*_FULL, *_contrasts((*_DEFAULT, *_CLASSICS)), ContrastRatio()),
            pooled=True,
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

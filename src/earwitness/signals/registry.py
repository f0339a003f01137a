"""The installed signals, and what each feature column means.

Goal: look a feature up by its column name (which way a member moves it, unit, source), and
a signal beyond the presets by its own. Such a signal registers under the entry point group
``earwitness.signals``, as a callable without arguments that gives a ``TokenSignal`` or a ``DenoisingSignal``:
whether it has ``pairs`` tells the two apart.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from earwitness.errors import EarwitnessError
from earwitness.plug_ins import load_plug_ins
from earwitness.signals.tokens.presets import PRESETS
from earwitness.signals.tokens.signal import TokenSignal
from earwitness.spec import Direction, FeatureSpec

if TYPE_CHECKING:
    from earwitness.signals.denoising.signal import DenoisingSignal


_Signal = TypeVar("_Signal")
GROUP = "earwitness.signals"


@cache
def registered_signals() -> "dict[str, TokenSignal | DenoisingSignal]":
    """The signals of both kinds by name: built-in ones and those of installed plug-ins."""
    return load_plug_ins(GROUP, _made)


def token_signals() -> dict[str, TokenSignal]:
    """The signals that can be added to any preset of token models, by name."""
    from earwitness.signals.denoising.signal import DenoisingSignal

    return {name: signal for name, signal in registered_signals().items() if not isinstance(signal, DenoisingSignal)}


def denoising_signals() -> "dict[str, DenoisingSignal]":
    """The signals that can be added to any preset of diffusion models, by name."""
    from earwitness.signals.denoising.signal import DenoisingSignal

    return {name: signal for name, signal in registered_signals().items() if isinstance(signal, DenoisingSignal)}


def token_signals_named(names: Iterable[str]) -> dict[str, TokenSignal]:
    """Look signals of token models up by name; a stranger raises ``EarwitnessError``."""
    return _named(names, token_signals(), "to add")


def denoising_signals_named(names: Iterable[str]) -> "dict[str, DenoisingSignal]":
    """Look signals of diffusion models up by name; a stranger raises ``EarwitnessError``."""
    return _named(names, denoising_signals(), "for diffusion models")


def spec_for(name: str) -> FeatureSpec | None:
    """The registered spec of a feature column, whichever codebook it is for; ``None`` for a stranger.

    One codebook of several is a part and no headline: only a name without a codebook, or with all, can be one.
    """
    found = _known().get(_without_codebook(name))
    if found is None:
        return None
    part = re.search(r"/codebook=(?!all\b)", name) is not None
    return replace(found, name=name, headline=found.headline and not part)


def published_direction(name: str) -> Direction | None:
    """The direction in which a publication counts a feature that has none here; ``None`` where it has one, or none."""
    from earwitness.signals.tokens.camia import PUBLISHED_DIRECTIONS

    return PUBLISHED_DIRECTIONS.get(_without_codebook(name).removesuffix("/contrast"))


@cache
def _known() -> dict[str, FeatureSpec]:
    from earwitness.signals.denoising.presets import PRESETS as DENOISING_PRESETS

    of_tokens = [spec for own in PRESETS.values() for guided in (False, True) for spec in own.specs(1, guided=guided)]
    of_denoisers = [spec for preset in DENOISING_PRESETS.values() for spec in preset.specs]
    further = [spec for signal in registered_signals().values() for spec in signal.specs]
    return {_without_codebook(spec.name): spec for spec in (*of_tokens, *of_denoisers, *further)}


def _made(make: "Callable[[], Any]") -> "TokenSignal | DenoisingSignal":
    """What an entry point gives when it is called, if it is a signal of either kind."""
    signal = make()
    if not isinstance(signal, TokenSignal):
        raise TypeError(f"{type(signal).__name__} has no specs and no measure, so it is not a signal")
    return signal


def _named(names: Iterable[str], known: Mapping[str, _Signal], kind: str) -> dict[str, _Signal]:
    chosen = {}
    for name in names:
        if name not in known:
            raise EarwitnessError(f"There is no signal {name!r} {kind}; there are {', '.join(known)}.")
        chosen[name] = known[name]
    return chosen


def _without_codebook(name: str) -> str:
    return re.sub(r"/codebook=\w+", "", name)

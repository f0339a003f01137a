"""The installed signals, and what each feature column means.

Goal: look a feature up by its column name (which way a member moves it, unit, source), and
a signal beyond the presets by its own. Such a signal registers under the entry point group
``earwitness.signals``, as a callable without arguments that gives a ``TokenSignal``.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from earwitness.errors import EarwitnessError
from earwitness.plug_ins import load_plug_ins
from earwitness.signals.tokens.presets import PRESETS
from earwitness.signals.tokens.signal import TokenSignal
from earwitness.spec import Direction, FeatureSpec

if TYPE_CHECKING:
    from earwitness.signals.denoising.signal import DenoisingSignal


# First parts of the names of denoising features: those signals need PyTorch, which a look at a table must not load.
DENOISING = frozenset(
    ("denoising_loss", "multiple_loss", "secmi", "pia", "pian", "gradient_masking", "noise_optim", "clid", "sima")
)


@cache
def further_signals() -> dict[str, TokenSignal]:
    """The signals that can be added to any preset, by name: built-in ones and those of installed plug-ins."""
    return {name: make() for name, make in load_plug_ins("earwitness.signals").items()}


def signals_named(names: Iterable[str]) -> dict[str, TokenSignal]:
    """Look signals up by name; a stranger raises ``EarwitnessError``."""
    known = further_signals()
    chosen = {}
    for name in names:
        if name not in known:
            raise EarwitnessError(f"There is no signal {name!r} to add; there are {', '.join(known)}.")
        chosen[name] = known[name]
    return chosen


def denoising_signals_named(names: Iterable[str]) -> "dict[str, DenoisingSignal]":
    """Look signals of diffusion models up by name; a stranger raises ``EarwitnessError``."""
    from earwitness.signals.denoising.presets import SIGNALS

    chosen = {}
    for name in names:
        if name not in SIGNALS:
            known = ", ".join(SIGNALS)
            raise EarwitnessError(f"There is no signal {name!r} for diffusion models; there are {known}.")
        chosen[name] = SIGNALS[name]
    return chosen


def spec_for(name: str) -> FeatureSpec | None:
    """The registered spec of a feature column, whichever codebook it is for; ``None`` for a stranger.

    One codebook of several is a part and no headline: only a name without a codebook, or with all, can be one.
    """
    known = _denoising() if name.split("/")[0] in DENOISING else _known()
    found = known.get(_without_codebook(name))
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
    presets = [
        spec for preset in PRESETS.values() for guided in (False, True) for spec in preset.specs(1, guided=guided)
    ]
    further = [spec for signal in further_signals().values() for spec in signal.specs]
    return {_without_codebook(spec.name): spec for spec in (*presets, *further)}


@cache
def _denoising() -> dict[str, FeatureSpec]:
    from earwitness.signals.denoising.presets import PRESETS as DENOISING_PRESETS
    from earwitness.signals.denoising.presets import SIGNALS

    return {spec.name: spec for owner in DENOISING_PRESETS.values() for spec in owner.specs} | {
        spec.name: spec for signal in SIGNALS.values() for spec in signal.specs
    }


def _without_codebook(name: str) -> str:
    return re.sub(r"/codebook=\w+", "", name)

"""Preparation: from settings and a collection to a reader, an instrument and the plan that names them.

Goal: everything that fixes the numbers is decided here, before the first window is read. One
module per kind of target.
"""

from dataclasses import replace

from earwitness.collection.tracks import Collection
from earwitness.errors import EarwitnessError
from earwitness.measure.denoising import prepare_denoising
from earwitness.measure.generation import prepare_generation
from earwitness.measure.harmonise import common_loudness
from earwitness.measure.instrument import Prepared
from earwitness.measure.part import see_that_files_are_there
from earwitness.measure.plan import track_plans
from earwitness.measure.tokens import prepare_tokens
from earwitness.settings import Harmonise, MeasureSettings
from earwitness.signals.denoising.presets import denoising_preset
from earwitness.signals.registry import denoising_signals_named, token_signals_named
from earwitness.signals.tokens.presets import token_preset
from earwitness.targets.checkpoint import resolve
from earwitness.targets.protocols import DenoiserTarget, GeneratorTarget, SymbolicTarget, Target, law_of

CONTRASTS = ("auto", "on", "off")

__all__ = ["Prepared", "prepare"]


def prepare(settings: MeasureSettings, target: Target, collection: Collection) -> Prepared:
    """Load whatever the chosen signals ask for beside the target; fix the plan, with every track in it.

    Raises
    ------
    EarwitnessError
        Where settings do not fit the target, or a signal lacks what it needs.
    """
    settings = _levelled(settings, target, collection)
    if isinstance(target, GeneratorTarget):
        prepared = prepare_generation(settings, target)
    elif isinstance(target, DenoiserTarget):
        prepared = prepare_denoising(settings, target)
    else:
        prepared = prepare_tokens(settings, target, collection)
    return prepared._replace(plan=prepared.plan.model_copy(update={"tracks": track_plans(collection.tracks)}))


def _levelled(settings: MeasureSettings, target: Target, collection: Collection) -> MeasureSettings:
    """The settings with the loudness that harmonising brings every track to: both sets' own, whichever they are."""
    if settings.harmonise is Harmonise.OFF or settings.loudness is not None or isinstance(target, SymbolicTarget):
        return settings
    located = list(collection.located())
    see_that_files_are_there(located)
    tracks = ((track.content_sha256, path) for track, path in located)
    own = common_loudness(tracks, target.sample_rate, target.channels, one=law_of(target).channel)
    return replace(settings, loudness=own)


def check_questions(settings: MeasureSettings, target: Target) -> None:
    """Refuse a preset, a signal, a contrast or an anchor folder that is not there, before any audio is read."""
    if isinstance(target, DenoiserTarget):
        denoising_preset(settings.preset)
        denoising_signals_named(settings.further)
    elif not isinstance(target, GeneratorTarget):
        token_preset(settings.preset)
        token_signals_named(settings.further)
    if settings.contrast not in CONTRASTS:
        raise EarwitnessError(f"There is no contrast setting {settings.contrast!r}; choose auto, on or off.")
    if settings.anchors is not None and not settings.anchors.is_dir():
        raise EarwitnessError(f"The folder of anchors {settings.anchors} does not exist; give one that does.")
    for name in settings.references:
        resolve(name)

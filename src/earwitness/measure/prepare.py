"""Preparation: from settings and a collection to a reader, an instrument and the plan that names them.

Goal: everything that fixes the numbers is decided here, before the first window is read. One
module a kind of target.
"""

from earwitness.collection.tracks import Collection
from earwitness.measure.denoising import prepare_denoising
from earwitness.measure.generation import prepare_generation
from earwitness.measure.instrument import Prepared
from earwitness.measure.tokens import prepare_tokens
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.targets import load_target
from earwitness.targets.protocols import DenoiserTarget, GeneratorTarget

__all__ = ["Prepared", "prepare"]


def prepare(settings: MeasureSettings, collection: Collection, test: VerdictSettings | None) -> Prepared:
    """Load the target and whatever the chosen signals ask for; fix the plan.

    Raises
    ------
    EarwitnessError
        Where settings do not fit the target, or a signal lacks what it needs.
    """
    target = load_target(settings.target, device=settings.device, dtype=settings.dtype)
    if isinstance(target, GeneratorTarget):
        return prepare_generation(settings, target, test)
    if isinstance(target, DenoiserTarget):
        return prepare_denoising(settings, target, test)
    return prepare_tokens(settings, target, collection, test)

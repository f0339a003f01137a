"""The passes that need nothing but the target itself."""

from earwitness.measure.passes.batch import Provider
from earwitness.measure.passes.continuation import Prompting
from earwitness.measure.passes.gradient import Gradient
from earwitness.measure.passes.perturbation import Perturbation
from earwitness.measure.passes.repetition import Repeating
from earwitness.measure.passes.resampling import Resampling


def own_passes(seed: int) -> tuple[Provider, ...]:
    """Who answers requests that ask for no anchors and no reference model; ``seed`` fixes what is drawn."""
    return (Repeating(), Resampling(seed=seed), Perturbation(seed=seed), Gradient(), Prompting())

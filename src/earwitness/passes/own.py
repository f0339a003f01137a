"""The passes that need nothing but the target itself."""

from earwitness.passes.batch import Provider
from earwitness.passes.continuation import Prompting
from earwitness.passes.gradient import Gradient
from earwitness.passes.perturbation import Perturbation
from earwitness.passes.repetition import Repeating
from earwitness.passes.resampling import Resampling


def own_passes(seed: int) -> tuple[Provider, ...]:
    """Who answers requests that ask for no anchors and no reference model; ``seed`` fixes what is drawn."""
    return (Repeating(), Resampling(seed=seed), Perturbation(seed=seed), Gradient(), Prompting())

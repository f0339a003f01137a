"""The adjusted analysis for sets that differ without the model.

Goal: where the blind gate does not pass, a rejection of the plain test may mean no more than that the
sets differ; this asks what is left of it. Conventions: values are oriented, higher = more member-like; a
p-value that cannot be had is NaN; groups are whole.

It is the residualised test (`earwitness.stats.residualised`), by measurement: docs/design/blind.md.
"""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from earwitness.stats.comparison import RESERVE
from earwitness.stats.exact import ExactSettings
from earwitness.stats.projection import MAX_DF_SHARE
from earwitness.stats.residualised import residualised_test
from earwitness.stats.sides import Sides
from earwitness.types import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """An adjusted p-value, how it was found, a sentence for the reader, and what is left of the effect.

    ``effect_ratio`` is the difference between the sets in the score that carried the plain test, after and
    before the blind features were balanced; NaN where there was no difference before.
    """

    p_value: float
    method: str
    detail: str
    effect_ratio: float


def adjusted_p_value(
    values: Floats,
    blind_values: Floats,
    sides: Sides,
    *,
    weights: Floats,
    settings: ExactSettings | None = None,
    seed: int = 0,
    headline: ArrayLike | None = None,
    unmeasured: float = RESERVE,
    tested: bool = True,
) -> Adjusted:
    """The default adjusted analysis: the residualised test, what it left of the effect and what it could balance.

    Parameters
    ----------
    weights
        ``[features]`` of the score whose effect is followed, per standard deviation; NaN = dropped.
    unmeasured
        κ of `earwitness.stats.residualised`: differences that nobody measured are granted κ times the
        strength of all measured ones together.

    The other parameters and errors are those of `residualised_test`.
    """
    test = residualised_test(
        values, blind_values, sides,
        settings=settings, seed=seed, headline=headline, weights=weights, unmeasured=unmeasured, tested=tested,
    )  # fmt: skip
    extent = "fully" if test.complete else f"as far as {MAX_DF_SHARE:.0%} of the groups' degrees of freedom allow"
    detail = (
        f"The blind features were balanced {extent} ({test.degrees_of_freedom:.0f} degrees of freedom); "
        f"{test.contrast_left:.0%} of the contrast between the sets is left to test."
    )
    return Adjusted(p_value=test.p_value, method="residualised", detail=detail, effect_ratio=test.effect_ratio)

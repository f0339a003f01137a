"""The A/A control of an audit: its own test, held-out against held-out, or why it was not run.

Goal: every result carries the error rate that its test shows on its own data. Conventions: of sets the
held-out groups are split at random; of pairs the halves of all pairs are exchanged.
"""

from collections.abc import Callable
from math import comb

from earwitness.errors import EarwitnessError
from earwitness.stats.aa import AAControl, PValue, aa_control, pair_control, pseudo_suspect_groups
from earwitness.stats.sides import Sides
from earwitness.types import Floats
from earwitness.verdict.admission import any_usable


def counted(p_value: PValue, after_each: Callable[[], object]) -> PValue:
    """The same test, which says when it was run."""

    def told(values: Floats, sides: Sides, seed: int) -> float:
        p = p_value(values, sides, seed)
        after_each()
        return p

    return told


def control(
    values: Floats,
    sides: Sides,
    alpha: float,
    runs: int,
    seed: int,
    *,
    p_value: PValue,
    exact: bool = False,
    not_run: str = "The A/A control was not run",
) -> tuple[AAControl | None, list[str]]:
    """Run the control where the held-out groups are enough for it, or say why not.

    Parameters
    ----------
    values
        ``[tracks, features]`` of the whole audit.
    p_value
        The test; it gets the held-out tracks' rows and made-up sides, or with pairs all rows.
    exact
        Whether the test permutes groups, so that too few of them cannot reach α.
    not_run
        How the sentence begins that says why not.
    """
    if runs == 0:
        return None, ["The A/A control was left out on request; the test's error rate on these data is not shown."]
    if exact and sides.paired:
        return pair_control(values, sides, alpha=alpha, p_value=p_value, runs=runs, seed=seed), []
    held_out, (n_suspect, n_held_out) = ~sides.is_suspect, sides.group_counts
    values, strata = values[held_out], None if sides.strata is None else sides.strata[held_out]
    pseudo = pseudo_suspect_groups(n_suspect, n_held_out)
    if n_held_out < 4 or (exact and comb(n_held_out, pseudo) < 1 / alpha):
        return None, [f"{not_run}: {n_held_out} held-out groups are too few to be split and still reach p = {alpha:g}."]
    if not any_usable(values):
        return None, [f"{not_run}: no feature has enough values that vary among the held-out tracks."]
    try:
        outcome = aa_control(
            values, sides.groups[held_out],
            suspect_groups=pseudo, alpha=alpha, strata=strata, runs=runs, seed=seed, p_value=p_value,
        )  # fmt: skip
    except EarwitnessError as error:  # a published method that needs more tracks a side than such a split has
        return None, [f"{not_run}: the held-out set cannot be split so small. {error}"]
    return outcome, []

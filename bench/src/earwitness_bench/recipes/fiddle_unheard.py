"""The comparison model of ``fiddle``: the same shape and stages, and neither half of its tunes was heard.

Goal: a model for ``--reference``. Its first stage hears longer tunes of the same collection that are no
versions of any on either side, its second those of the drawn half that ``fiddle`` never heard.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from earwitness.ground_truth.fiddle.tunes import SECONDS, Tune, group_tunes, read_tunes
from earwitness_bench.recipes import fiddle, tune_target
from earwitness_bench.recipes.tune_target import Heard

LONGEST_SECONDS = 32.0


def hears(tunes: Sequence[Tune]) -> tuple[Heard, Heard]:
    """The longer tunes, then the unheard rest of the drawn half."""
    plan = fiddle.PLAN
    sides = plan.sides(tunes, plan.warmed)
    longer = [tune for tune in read_tunes() if SECONDS[1] <= tune.seconds < LONGEST_SECONDS]
    groups = group_tunes([*tunes, *longer])
    asked = {groups[name] for name in sides}
    unrelated = [tune for tune in longer if groups[tune.name] not in asked]
    rest = [tune for tune in tunes if tune.name not in sides and groups[tune.name] not in asked]
    return Heard(tunes=unrelated[: plan.warmed], play=plan.play), Heard(tunes=rest[: plan.members], play=plan.play)


PLAN = replace(fiddle.PLAN, name="fiddle_unheard", hears=hears)
train = partial(tune_target.train, PLAN)
publish = partial(tune_target.publish, PLAN)

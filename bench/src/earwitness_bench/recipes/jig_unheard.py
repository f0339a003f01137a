"""The comparison model of ``jig``: the same shape and schedule, trained on other tunes of the drawn half."""

from dataclasses import replace
from functools import partial

from earwitness_bench.recipes import jig

PLAN = replace(jig.PLAN, name="jig_unheard", heard=(jig.PLAN.members, 2 * jig.PLAN.members))
train = partial(jig.train_plan, PLAN)
publish = partial(jig.publish_plan, PLAN)

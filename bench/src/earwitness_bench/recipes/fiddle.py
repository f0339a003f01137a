"""The recipe of the ``fiddle`` ground-truth target: tunes of Ryan's Mammoth Collection on four instruments."""

from functools import partial
from importlib.metadata import version

from earwitness.ground_truth.fiddle.tunes import collection
from earwitness_bench.recipes import tune_target
from earwitness_bench.recipes.tune_target import Plan

PLAN = Plan(
    name="fiddle",
    data=f"tunes of 11 to 20 s from Ryan's Mammoth Collection, as encoded in music21 {version('music21')}",
    tunes=collection,
)
train = partial(tune_target.train, PLAN)
publish = partial(tune_target.publish, PLAN)

"""The recipe of the ``reed`` target: songs of the Essen collection on reeds, harpsichord and marimba.

Goal: a second token target of other music, in other timbres and of another split than `fiddle`, so that what is
chosen on the one can be judged on the other. Its card is kept here; its weights are not shipped.
"""

from functools import partial
from importlib.metadata import version

from earwitness.ground_truth.fiddle.tunes import SECONDS
from earwitness_bench.recipes import tune_target
from earwitness_bench.recipes.musicgen import Schedule
from earwitness_bench.recipes.opus_files import melodies
from earwitness_bench.recipes.tune_target import Plan

FILES = ("zuccal0", "lux")
PLAN = Plan(
    name="reed",
    data=f"songs of 11 to 20 s from Germany and Luxembourg, from the Essen collection as encoded in music21 "
    f"{version('music21')}",
    tunes=partial(melodies, "essenFolksong", *FILES, seconds=SECONDS),
    programs=(71, 21, 6, 12),  # General MIDI "Clarinet", "Accordion", "Harpsichord", "Marimba"
    split_seed=609,
    second=Schedule(epochs=40, keep=(8, 16, 24, 32, 40), seed=1),
)
train = partial(tune_target.train, PLAN)
publish = partial(tune_target.publish, PLAN)
writer = partial(tune_target.writer, PLAN)

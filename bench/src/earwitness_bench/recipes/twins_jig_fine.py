"""`earwitness_bench.recipes.twins_jig` with a tokenizer of 127 velocities and 32 positions in a beat."""

from dataclasses import replace
from functools import partial

from earwitness_bench.recipes import twins_jig

SETTINGS = replace(twins_jig.SETTINGS, name="twins_jig_fine", velocities=127, positions=32)
train = partial(twins_jig.train, settings=SETTINGS)
publish = partial(twins_jig.publish, settings=SETTINGS)

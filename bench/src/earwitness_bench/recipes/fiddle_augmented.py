"""``fiddle`` trained on augmented copies: the tunes of the drawn half were heard, but never as their files hold them.

Goal: what is found when the training set held another take of the suspects, a transposed one, or one that
went through a lossy codec. Which of the three a tune was heard as is drawn from its place among the
members, so that each is a third.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial

import numpy as np

from earwitness.ground_truth.fiddle.tunes import PROGRAMS, Tune
from earwitness.ground_truth.performance import SAMPLE_RATE, perform, sound
from earwitness.types import Wave
from earwitness_bench.recipes import fiddle, tune_target
from earwitness_bench.recipes.augment import recode
from earwitness_bench.recipes.tune_target import Heard

SEMITONES = 2
QUALITY = 0.3


class Copy(StrEnum):
    """How a member was heard."""

    TRANSPOSED = "transposed"
    OTHER_TAKE = "other take"
    RECODED = "re-encoded"


def copy_of(name: str) -> Copy:
    """The copy that a tune's name draws."""
    return list(Copy)[sum(name.encode()) % len(Copy)]


def play(tune: Tune) -> Wave:
    """The tune's copy: two semitones up, another instrument, tempo and timing, or through a low-rate MP3."""
    kind = copy_of(tune.name)
    take = 2 if kind is Copy.OTHER_TAKE else 0
    notes = tune.notes + np.array([0, 0, SEMITONES if kind is Copy.TRANSPOSED else 0])
    wave = sound(perform(tune.name, notes, tune.quarters_per_minute, PROGRAMS, take=take))
    return recode(wave, SAMPLE_RATE, ("MP3", "MPEG_LAYER_III"), quality=QUALITY) if kind is Copy.RECODED else wave


def hears(tunes: Sequence[Tune]) -> tuple[Heard, Heard]:
    """The tunes of `fiddle`, each as its copy."""
    first, second = fiddle.PLAN.heard(tunes)
    return Heard(tunes=first.tunes, play=play), Heard(tunes=second.tunes, play=play)


PLAN = replace(fiddle.PLAN, name="fiddle_augmented", hears=hears)
train = partial(tune_target.train, PLAN)
publish = partial(tune_target.publish, PLAN)

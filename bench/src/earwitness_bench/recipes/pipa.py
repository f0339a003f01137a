"""The recipe of the ``pipa`` target: Chinese songs of the Essen collection on plucked strings and a bamboo flute.

Goal: a third token target, of other music and timbres than `fiddle` and `reed` and with another codec: 40 mel-spaced
bands at 16 kHz, three codebooks of 512 codes, 25 frames per second. Its card is kept here; its weights are not shipped.
"""

from functools import partial
from importlib.metadata import version

from earwitness.ground_truth.fiddle.tunes import SECONDS
from earwitness_bench.recipes import tune_target
from earwitness_bench.recipes.codec import mel_bank
from earwitness_bench.recipes.musicgen import Schedule
from earwitness_bench.recipes.opus_files import melodies
from earwitness_bench.recipes.tune_target import Plan

FILES = ("han1", "han2")
PROGRAMS = (106, 107, 15, 77)  # General MIDI "Shamisen", "Koto", "Dulcimer", "Shakuhachi"
PLAN = Plan(
    name="pipa",
    data=f"songs of 11 to 20 s from China, from the Essen collection as encoded in music21 {version('music21')}",
    tunes=partial(melodies, "essenFolksong", *FILES, seconds=SECONDS),
    programs=PROGRAMS,
    bank=mel_bank(40, 150.0, 4500.0, sample_rate=16_000, strides=(8, 8, 10), codebooks=3, codes=512),
    codec_programs=PROGRAMS,
    split_seed=1127,
    members=70,
    first=Schedule(epochs=7, keep=(2,), frames=125),
    second=Schedule(epochs=14, keep=(6, 10, 12, 14), frames=125, seed=1),
)
train = partial(tune_target.train, PLAN)
publish = partial(tune_target.publish, PLAN)
writer = partial(tune_target.writer, PLAN)

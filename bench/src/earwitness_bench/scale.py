"""What fixes the size of a run of the benchmark, and nothing else.

Goal: two sizes of one benchmark. ``QUICK`` asks the shipped checkpoints about a few tracks and
is there to be tried; ``FULL`` is what docs/bench.md shows. Conventions: sizes are tracks a
side, one track per group unless a scenario says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ALPHA = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything.

    Attributes
    ----------
    epochs
        Training lengths of each ground-truth target; without any, the shipped one.
    tracks
        Tracks of a side that a target is asked about.
    windows
        Windows of a track of audio; a score's are twice as many, of 256 tokens.
    sizes
        Tracks per side of the sets that are drawn from them.
    draws, null_draws
        Draws of a size where the suspects were trained on, and where they were not.
    permutations
        Relabellings of the exact test in such a draw.
    stressed
        Targets whose shipped checkpoint goes through the stress scenarios.
    stress_draws
        Draws of every stress scenario.
    stress_tracks
        Tracks of a side that are rendered for a scenario of their own.
    """

    name: str
    epochs: Mapping[str, tuple[int, ...]]
    tracks: int
    windows: int
    sizes: tuple[int, ...]
    draws: int
    null_draws: int
    permutations: int
    stressed: tuple[str, ...]
    stress_draws: int
    stress_tracks: int


QUICK = Scale(
    name="quick",
    epochs=MappingProxyType({"fiddle": (), "chorale": (), "hum": ()}),
    tracks=60,
    windows=1,
    sizes=(8, 16, 30),
    draws=20,
    null_draws=50,
    permutations=499,
    stressed=("hum",),
    stress_draws=8,
    stress_tracks=24,
)
FULL = Scale(
    name="full",
    epochs=MappingProxyType({"fiddle": (), "chorale": (), "hum": (50, 100)}),
    tracks=100,
    windows=1,
    sizes=(8, 16, 30, 60),
    draws=30,
    null_draws=60,
    permutations=499,
    stressed=("fiddle",),
    stress_draws=20,
    stress_tracks=64,
)

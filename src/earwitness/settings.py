"""Settings of an audit: what is asked of which target, and how the two sets are compared."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from earwitness.errors import EarwitnessError
from earwitness.verdict.admission import Spanning

DEFAULT_SECONDS = 10.0
ENGINES = ("local", "ray")
WindowsPerTrack = int | Literal["all"]
"""How many windows of a track are read; ``all``: as many as cover it."""


class Harmonise(StrEnum):
    """How far tracks are made alike before they are asked about; see ``earwitness.measure.harmonise``."""

    OFF = "off"
    LEVEL = "level"
    CODEC = "codec"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """What is asked of which target.

    Attributes
    ----------
    preset, further
        The feature set, and signals beside it.
    references
        Models that the target is compared with.
    anchors
        A folder of works that are no part of the test.
    contrast
        ``auto``, ``on`` or ``off``.
    loudness
        Where harmonising brings every track, in LUFS; ``None``: the median of the collection's tracks.
    seconds
        Length of a window of audio; ``None``: that of the model's clips in training where it says so, else
        10 s or the model's limit.
    """

    target: str
    preset: str = "default"
    further: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    anchors: Path | None = None
    contrast: str = "auto"
    seconds: float | None = None
    windows_per_track: WindowsPerTrack = 6
    harmonise: Harmonise = Harmonise.OFF
    loudness: float | None = None
    seed: int = 0
    device: str = "auto"
    dtype: str = "float32"
    batch_size: int = 8


@dataclass(frozen=True, slots=True)
class Shard:
    """One share of a run's parts: ``number`` of ``of``, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``3/16``."""
        number, slash, of = text.partition("/")
        if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise EarwitnessError(f"{text!r} is no share; write 3/16 for the third of sixteen, from 1/16 to 16/16.")
        return cls(int(number), int(of))

    def takes(self, part: int) -> bool:
        """Whether a part, counted from 0, is in this share."""
        return part % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Which processes and machines measure; none of it changes a number.

    Attributes
    ----------
    engine
        ``local``: this process, or processes of this machine; ``ray``: a Ray cluster.
    workers
        How many processes, each with a copy of the model. ``None``: one for each GPU, or this process alone; on
        a cluster as many as find room.
    cpus_per_worker
        Processor cores of a worker on a cluster, and its threads.
    gpus_per_worker
        What share of a GPU a worker takes on a cluster; ``None``: a whole one where there are any.
    address
        Of a Ray cluster that runs already; ``None``: one of this machine's own, or the one that Ray finds.
    parts
        A URL at which parts are left and looked for; ``None``: the run folder itself.
    shard
        The share of the parts to measure; ``None``: all of them.
    """

    engine: str = "local"
    workers: int | None = None
    cpus_per_worker: int = 1
    gpus_per_worker: float | None = None
    address: str | None = None
    parts: str | None = None
    shard: Shard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSettings:
    """How the two sets are compared; see ``dataset_inference``.

    ``higher`` and ``lower`` are column globs whose features a member moves up or down; ``comparable``
    says in words why the sets are comparable, where too few blind features were measured to check it.
    """

    method: str = "exact"
    alpha: float = 0.01
    permutations: int = 9999
    seed: int = 0
    spanning: Spanning = "refuse"
    corrected: bool = False
    comparable: str | None = None
    higher: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()

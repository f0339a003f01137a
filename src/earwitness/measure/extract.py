"""Extract: ask the target about every window of a collection, into a feature table on disk.

Every window is also described blindly, without the target, where the file is read:
whether the two sets differ without the model is part of every verdict.

Goal: an extraction that can be killed at any moment, and shared among machines. Tracks are taken in a fixed order
in parts; a part is scored in batches that never cross it and is written atomically, so a run that was
interrupted, resumed or shared equals an unbroken one value for value.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earwitness.collection.tracks import Track
from earwitness.measure.engines.engine import Engine
from earwitness.measure.engines.local import LocalEngine
from earwitness.measure.failures import write_failures
from earwitness.measure.feature_parts import FeatureParts
from earwitness.measure.instrument import Instrument
from earwitness.measure.part import READERS, PartMeasurer
from earwitness.measure.plan import Plan
from earwitness.measure.windows import Reader
from earwitness.settings import Shard
from earwitness.types import OnProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractSummary:
    """What an extraction did: tracks asked for, already there, measured now, and failed.

    ``tracks`` counts those of the shard, where one was asked for; ``waiting`` are tracks that other shards have not
    measured yet.
    """

    tracks: int
    resumed: int
    measured: int
    failed: int
    waiting: int = 0


def extract(
    tracks: Iterable[tuple[Track, Path]],
    reader: Reader,
    instrument: Instrument,
    plan: Plan,
    run: Path,
    *,
    batch_size: int = 8,
    read_ahead: bool = False,
    engine: Engine | None = None,
    shard: Shard | None = None,
    parts_url: str | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> ExtractSummary:
    """Measure all tracks into ``run/features``; what is there already is kept.

    Parameters
    ----------
    tracks
        The tracks and their files; their order does not matter, they are taken by ``track_id``.
    reader
        What turns files into windows.
    instrument
        What turns windows into features.
    plan
        The run's plan; it is written to the folder or compared with the one there.
    batch_size
        Windows per forward pass; fewer where the device's memory does not hold them. It changes values by float
        rounding at most.
    read_ahead
        Read the next tracks while the model works. Worth it where the model runs on a GPU; on
        a CPU the reader takes the cores that the model waits for.
    engine
        Who measures; this process, if not given.
    shard
        Measure this share of the parts alone. Whichever shard finds all parts there finishes the run.
    parts_url
        Where parts are left and looked for besides the run folder.
    on_progress
        Called with (tracks done, tracks in all).

    Raises
    ------
    PlanMismatchError
        Where the folder was made with other settings or other tracks.
    EarwitnessError
        Where the disk is full or the device's memory is; parts written before stay whole.
    """
    plan.claim(run)
    located = list(tracks)
    store = FeatureParts.of(
        run, plan.measurement_hash, f"{plan.target.family}:{plan.target.weights_sha256[:16]}",
        [*instrument.specs, *reader.blind_specs], tracks=len(located), url=parts_url,
    )  # fmt: skip
    parts = dict(enumerate(store.split(located)))
    mine = {number: part for number, part in parts.items() if shard is None or shard.takes(number)}
    missing = {number: part for number, part in mine.items() if not store.holds(number, part)}
    total, measured = (sum(map(len, some.values())) for some in (mine, missing))
    resumed = total - measured
    on_progress(resumed, total)
    if missing:
        engine = engine or LocalEngine(
            PartMeasurer(
                reader=reader, instrument=instrument, batch_size=batch_size, readers=READERS if read_ahead else 0
            )
        )
        engine.measure(missing, store, lambda done, _: on_progress(resumed + done, total))
    waiting = sum(len(part) for number, part in parts.items() if number not in mine and not store.path(number).exists())
    failed = store.failures(mine)
    if not waiting:
        write_failures(run, store.failures(parts))
    return ExtractSummary(tracks=total, resumed=resumed, measured=measured, failed=len(failed), waiting=waiting)

"""Extract: ask the target about every window of a collection, into a feature table on disk.

Every window is also described blindly, without the target, where the file is read:
whether the two sets differ without the model is part of every verdict.

Goal: a loop that can be killed at any moment. Tracks are taken in a fixed order in parts
of ``TRACKS_PER_PART``; a part is scored in batches that never cross it and is written
atomically, so an interrupted and resumed run equals an unbroken one value for value.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import polars as pl
import torch

from earwitness.collection.tracks import FAILURE_SCHEMA, Failure, Track
from earwitness.errors import AudioError, EarwitnessError
from earwitness.files import write_atomically
from earwitness.measure.feature_parts import FeatureParts
from earwitness.measure.instrument import Instrument
from earwitness.measure.passes.batch import Window
from earwitness.measure.plan import Plan
from earwitness.measure.windows import Reader
from earwitness.plug_ins import cause, is_strangers
from earwitness.types import OnProgress

TRACKS_PER_PART = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractSummary:
    """What an extraction did: tracks asked for, already there, measured now, and failed."""

    tracks: int
    resumed: int
    measured: int
    failed: int


def extract(
    tracks: Iterable[tuple[Track, Path]],
    reader: Reader,
    instrument: Instrument,
    plan: Plan,
    run: Path,
    *,
    batch_size: int = 8,
    read_ahead: bool = False,
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
        Windows per forward pass. It changes values by float rounding at most.
    read_ahead
        Read the next tracks while the model works. Worth it where the model runs on a GPU; on
        a CPU the reader takes the cores that the model waits for.
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
    ordered = sorted(tracks, key=lambda located: located[0].track_id)
    store = FeatureParts(
        run=run, plan_hash=plan.measurement_hash, target=f"{plan.target.family}:{plan.target.weights_sha256[:16]}",
        specs=[*instrument.specs, *reader.blind_specs],
    )  # fmt: skip
    parts = [ordered[i : i + TRACKS_PER_PART] for i in range(0, len(ordered), TRACKS_PER_PART)]
    missing = [n for n, part in enumerate(parts) if not store.holds(n, [track.track_id for track, _ in part])]
    done = resumed = len(ordered) - sum(len(parts[n]) for n in missing)
    on_progress(done, len(ordered))
    with ThreadPoolExecutor(max_workers=1) as ahead:
        for n in missing:
            rows: list[dict[str, float | str | int]] = []
            failures: list[Failure] = []
            found = _read(parts[n], reader, ahead if read_ahead else None)
            for batch in _batches(_windows(parts[n], found, failures), batch_size):
                rows += _measure(instrument, batch)
                on_progress(done + len({row["track_id"] for row in rows}), len(ordered))
            store.write(n, [track.track_id for track, _ in parts[n]], rows, failures)
            done += len(parts[n])
            on_progress(done, len(ordered))
    failed = store.failures(len(parts))
    _write_failures(run, failed)
    return ExtractSummary(tracks=len(ordered), resumed=resumed, measured=len(ordered) - resumed, failed=len(failed))


def _read(
    part: Sequence[tuple[Track, Path]], reader: Reader, ahead: ThreadPoolExecutor | None
) -> Iterator[list[Window] | AudioError]:
    """Each track's windows, or why there are none, in order; with an executor ahead of their use."""
    read = partial(_windows_of, reader)
    return map(read, part) if ahead is None else ahead.map(read, part)


def _windows_of(reader: Reader, located: tuple[Track, Path]) -> list[Window] | AudioError:
    track, path = located
    try:
        return reader.read(path, content_sha256=track.content_sha256, prompt=track.prompt, facts=asdict(track))
    except AudioError as error:
        return error


def _windows(
    part: Sequence[tuple[Track, Path]], read: Iterator[list[Window] | AudioError], failures: list[Failure]
) -> Iterator[tuple[str, int, Window]]:
    """All windows of a part's tracks in order, with track and number; unusable tracks go to ``failures``."""
    for (track, path), found in zip(part, read, strict=True):
        if isinstance(found, AudioError):
            failures.append(
                Failure(
                    track_id=track.track_id, path=path.name, stage="extract", error=type(found).__name__,
                    message=str(found),
                )
            )  # fmt: skip
            continue
        yield from ((track.track_id, number, window) for number, window in enumerate(found))


def _batches(windows: Iterator[tuple[str, int, Window]], size: int) -> Iterator[list[tuple[str, int, Window]]]:
    batch: list[tuple[str, int, Window]] = []
    for window in windows:
        batch.append(window)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _measure(instrument: Instrument, batch: Sequence[tuple[str, int, Window]]) -> list[dict[str, float | str | int]]:
    try:
        measured = instrument.measure([window for _, _, window in batch])
    except torch.OutOfMemoryError:
        raise EarwitnessError(
            f"The device's memory does not hold a batch of {len(batch)} windows; repeat with a smaller --batch-size. "
            "Finished parts are kept."
        ) from None
    except Exception as error:
        target = getattr(instrument, "target", None)
        if isinstance(error, EarwitnessError) or target is None or not is_strangers(target):
            raise
        raise EarwitnessError(
            f"The target comes from a plug-in ({type(target).__module__}) and failed ({cause(error)}); finished "
            "parts are kept. Mend the plug-in, and the same command goes on from there."
        ) from None
    return [
        {"track_id": track_id, "window": number, **features, **window.blind}
        for (track_id, number, window), features in zip(batch, measured, strict=True)
    ]


def _write_failures(run: Path, failed: Sequence[Failure]) -> None:
    """Rewrite failures.parquet: what indexing found, then what extraction found."""
    path = run / "failures.parquet"
    found = pl.DataFrame([asdict(failure) for failure in failed], schema=FAILURE_SCHEMA, orient="row")
    if path.exists():
        found = pl.concat([pl.read_parquet(path).filter(pl.col("stage") != "extract"), found])
    write_atomically(path, found.write_parquet)

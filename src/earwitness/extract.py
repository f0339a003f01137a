"""Extract: ask the target about every window of a collection, into a feature table on disk.

Every window is also described blindly, without the target, where the audio is read:
whether the two sets differ without the model is part of every verdict.

Goal: a loop that can be killed at any moment. Tracks are taken in a fixed order in parts
of ``TRACKS_PER_PART``; a part is scored in batches that never cross it and is written
atomically, so an interrupted and resumed run equals an unbroken one value for value.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from earwitness.audio import read_mono, window_starts
from earwitness.errors import AudioError, EarwitnessError
from earwitness.files import write_atomically
from earwitness.instrument import Instrument
from earwitness.parts import FAILURE_SCHEMA, Failure, PartStore
from earwitness.plan import Plan
from earwitness.signals.blind import BLIND_SPECS, acoustic_features, container_features

TRACKS_PER_PART = 32
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One track to measure: where it is, and what its windows and prompt depend on.

    ``facts`` is its row of the tracks table, for the blind features of the file itself.
    """

    track_id: str
    path: Path
    content_sha256: str
    prompt: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    track_id: str
    number: int
    prompt: str
    cut: "_Cut"


class _Cut(NamedTuple):
    """A window's samples, and what they say without a model."""

    wave: NDArray[np.float32]
    blind: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractSummary:
    """What an extraction did: tracks asked for, already there, measured now, and failed."""

    tracks: int
    resumed: int
    measured: int
    failed: int


def extract(
    sources: Sequence[Source],
    instrument: Instrument,
    plan: Plan,
    run: Path,
    *,
    batch_size: int = 8,
    read_ahead: bool = False,
    on_progress: OnProgress = lambda done, total: None,
) -> ExtractSummary:
    """Measure all sources into ``run/features``; what is there already is kept.

    Parameters
    ----------
    sources
        The tracks; their order does not matter, they are taken by ``track_id``.
    instrument
        What turns windows into features.
    plan
        The run's plan; it is written to the folder or compared with the one there.
    batch_size
        Windows a forward pass. It changes values by float rounding at most.
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
    ordered = sorted(sources, key=lambda source: source.track_id)
    store = PartStore(
        run=run, plan_hash=plan.measurement_hash, target=f"{plan.target.family}:{plan.target.weights_sha256[:16]}",
        specs=[*instrument.specs, *BLIND_SPECS],
    )  # fmt: skip
    parts = [ordered[i : i + TRACKS_PER_PART] for i in range(0, len(ordered), TRACKS_PER_PART)]
    missing = [n for n, part in enumerate(parts) if not store.holds(n, [source.track_id for source in part])]
    done = resumed = len(ordered) - sum(len(parts[n]) for n in missing)
    on_progress(done, len(ordered))
    with ThreadPoolExecutor(max_workers=1) as reader:
        for n in missing:
            rows: list[dict[str, float | str | int]] = []
            failures: list[Failure] = []
            cuts = _read(parts[n], plan, reader if read_ahead else None)
            for batch in _batches(_windows(parts[n], cuts, failures), batch_size):
                rows += _measure(instrument, batch)
                on_progress(done + len({row["track_id"] for row in rows}), len(ordered))
            store.write(n, [source.track_id for source in parts[n]], rows, failures)
            done += len(parts[n])
            on_progress(done, len(ordered))
    failed = store.failures(len(parts))
    _write_failures(run, failed)
    return ExtractSummary(tracks=len(ordered), resumed=resumed, measured=len(ordered) - resumed, failed=len(failed))


def _read(part: Sequence[Source], plan: Plan, reader: ThreadPoolExecutor | None) -> Iterator[list[_Cut] | AudioError]:
    """Each track's windows, or why there are none, in order; with a reader ahead of their use."""
    return map(partial(_cut, plan=plan), part) if reader is None else reader.map(partial(_cut, plan=plan), part)


def _windows(
    part: Sequence[Source], cuts: Iterator[list[_Cut] | AudioError], failures: list[Failure]
) -> Iterator[_Window]:
    """All windows of a part's tracks in order; unusable tracks go to ``failures``."""
    for source, found in zip(part, cuts, strict=True):
        if isinstance(found, AudioError):
            failures.append(
                Failure(
                    track_id=source.track_id, path=source.path.name, stage="extract", error=type(found).__name__,
                    message=str(found),
                )
            )  # fmt: skip
            continue
        for number, cut in enumerate(found):
            yield _Window(track_id=source.track_id, number=number, prompt=source.prompt, cut=cut)


def _cut(source: Source, plan: Plan) -> list[_Cut] | AudioError:
    try:
        return _cut_windows(source, plan)
    except AudioError as error:
        return error


def _cut_windows(source: Source, plan: Plan) -> list[_Cut]:
    wave = read_mono(source.path, plan.audio.sample_rate)
    length = round(plan.windows.seconds * plan.audio.sample_rate)
    starts = window_starts(
        len(wave), length, plan.windows.per_track, content_hash=source.content_sha256, seed=plan.seed,
        name=source.path.name, sample_rate=plan.audio.sample_rate,
    )  # fmt: skip
    container = container_features({**source.facts, "prompt": source.prompt})
    windows = [wave[start : start + length] for start in starts - starts % plan.windows.grid]
    return [_Cut(window, acoustic_features(window, plan.audio.sample_rate) | container) for window in windows]


def _batches(windows: Iterator[_Window], size: int) -> Iterator[list[_Window]]:
    batch: list[_Window] = []
    for window in windows:
        batch.append(window)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _measure(instrument: Instrument, batch: Sequence[_Window]) -> list[dict[str, float | str | int]]:
    try:
        measured = instrument.measure(np.stack([w.cut.wave for w in batch]), [w.prompt for w in batch])
    except torch.OutOfMemoryError:
        raise EarwitnessError(
            f"The device's memory does not hold a batch of {len(batch)} windows; repeat with a smaller --batch-size. "
            "Finished parts are kept."
        ) from None
    return [
        {"track_id": window.track_id, "window": window.number, **features, **window.cut.blind}
        for window, features in zip(batch, measured, strict=True)
    ]


def _write_failures(run: Path, failed: Sequence[Failure]) -> None:
    """Rewrite failures.parquet: what indexing found, then what extraction found."""
    path = run / "failures.parquet"
    found = pl.DataFrame([asdict(failure) for failure in failed], schema=FAILURE_SCHEMA, orient="row")
    if path.exists():
        found = pl.concat([pl.read_parquet(path).filter(pl.col("stage") != "extract"), found])
    write_atomically(path, found.write_parquet)

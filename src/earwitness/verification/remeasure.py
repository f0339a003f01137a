"""The last check of a run: its audio files by their hashes, and a sample of them measured once more.

Goal: a table that was made up, with every hash and every line of the log made to fit, is found by asking the model
again. Conventions: files are found by their content, wherever they lie now; a difference is told in standard
deviations of its feature over the run, because other hardware rounds otherwise.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from earwitness import pipeline
from earwitness.collection.tracks import Collection, Role, Track
from earwitness.errors import EarwitnessError
from earwitness.features.reading import read_run
from earwitness.files import file_sha256
from earwitness.measure.extract import extract
from earwitness.measure.plan import Plan
from earwitness.measure.prepare import prepare
from earwitness.parquet import read_frame
from earwitness.settings import Harmonise, MeasureSettings
from earwitness.targets.registry import pick_device
from earwitness.types import Floats, OnProgress

TOLERANCE = 0.01
"""Standard deviations of a feature by which a second measurement may differ."""
_NAMED = 3
_KEYS = ("track_id", "window")


def located(run: Path, folders: Iterable[Path], on_progress: OnProgress = lambda done, total: None) -> dict[str, Path]:
    """Find the audio files of a run by their SHA-256 under some folders: track id → file."""
    wanted = {row["sha256"]: row["track_id"] for row in Collection.read(run).tracks.iter_rows(named=True)}
    files = []
    for folder in folders:
        if not folder.is_dir():
            raise EarwitnessError(f"{folder} is not a folder; give the folders that hold the audio of the run.")
        files += [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found = {}
    for done, path in enumerate(files):
        on_progress(done, len(files))
        if (track := wanted.get(file_sha256(path))) is not None:
            found[track] = path
    on_progress(len(files), len(files))
    return found


def other_files(run: Path, found: Mapping[str, Path], folders: Iterable[Path]) -> Iterator[str]:
    """Tracks whose file is not there as it was indexed: changed under its old name, or missing."""
    names = {path.name for folder in folders for path in folder.rglob("*")}
    for row in Collection.read(run).tracks.iter_rows(named=True):
        if row["track_id"] not in found:
            changed = Path(row["path"]).name in names
            yield (
                f"the audio file {row['path']} ({row['role']}) "
                + ("is not the one that was measured" if changed else "is missing")
            )


def other_measurements(
    run: Path,
    found: Mapping[str, Path],
    settings: MeasureSettings,
    *,
    sample: int,
    seed: int,
    on_progress: OnProgress = lambda done, total: None,
) -> Iterator[str]:
    """Tracks whose features the model does not give again, among ``sample`` tracks drawn by ``seed``.

    Parameters
    ----------
    found
        Track id → audio file, of `located`.
    settings
        Of `settings_of_plan`; device and batch size may be others than the run's.

    Raises
    ------
    EarwitnessError
        Where the plan's preset or chain is another one in this version: that tells nothing against the run.
    """
    plan, collection = Plan.read(run), Collection.read(run)
    target = pipeline.open_target(settings)
    reader, instrument, now = prepare(settings, target, collection)
    if now.measurement_hash != plan.measurement_hash:
        fields = [name for name in Plan.model_fields if getattr(now, name) != getattr(plan, name)]
        told = [name for name in fields if name not in ("tracks", "test", "test_fixed_late")]
        if now.target.weights_sha256 != plan.target.weights_sha256:
            yield f"the weights of {settings.target} are not those of the plan ({plan.target.weights_sha256[:16]}…)"
        elif "target" in told:
            yield f"{settings.target} has the weights of the plan, but another family, type or settings"
        else:
            raise EarwitnessError(
                f"This version of earwitness asks the target otherwise than {run} was asked ({', '.join(told)}), so "
                "nothing can be compared; verify with the version that environment.json names."
            )
        return
    table = read_run(run)[0]
    measured = sorted(set(table["track_id"]) & found.keys())
    drawn = np.random.default_rng(seed).permutation(len(measured))[:sample]
    chosen = {measured[i] for i in drawn}
    tracks = [
        (Track(**row | {"role": Role(row["role"])}), found[row["track_id"]])
        for row in collection.tracks.iter_rows(named=True)
        if row["track_id"] in chosen
    ]
    with tempfile.TemporaryDirectory(prefix="earwitness-") as name:
        again = Path(name)
        extract(
            tracks, reader, instrument, plan, again, batch_size=settings.batch_size,
            read_ahead=pick_device(settings.device) != "cpu", on_progress=on_progress,
        )  # fmt: skip
        parts = [read_frame(path) for path in sorted((again / "features").glob("part-*.parquet"))]
    yield from _differing(table, pl.concat(parts), sorted(chosen))


def settings_of_plan(plan: Plan, target: str, **machine: Any) -> MeasureSettings:
    """The settings that a plan was made with, for a target given by name; ``machine`` sets device and batch size.

    Raises
    ------
    EarwitnessError
        Where the plan compares with other models or anchors, or has signals that are not installed here.
    """
    if plan.references or plan.anchors:
        raise EarwitnessError(
            "This run compares with reference models or anchors, and such a run cannot be measured again by `verify` "
            "yet; repeat the audit with the plan's settings."
        )
    preset, *further = plan.preset.split("+")
    settings = MeasureSettings(
        target=target,
        preset=preset,
        further=tuple(further),
        contrast="on" if plan.guided else "off",
        seconds=plan.windows.seconds,
        windows_per_track=plan.windows.per_track,
        harmonise=plan.audio.harmonise if plan.audio else Harmonise.OFF,
        loudness=plan.audio.loudness if plan.audio else None,
        seed=plan.seed,
        dtype=plan.target.dtype,
    )
    return replace(settings, **machine)


def _differing(table: pl.DataFrame, again: pl.DataFrame, tracks: Sequence[str]) -> Iterator[str]:
    names = [name for name in again.columns if name not in _KEYS]
    spread = {name: float(table[name].fill_nan(None).std() or 0.0) for name in names}  # type: ignore[arg-type]
    for track in tracks:
        old, new = (
            frame.filter(pl.col("track_id") == track).sort("window").select(*_KEYS, *names) for frame in (table, again)
        )
        if old.height != new.height:
            yield f"track {track} has {old.height} windows in the table, and {new.height} measured again"
            continue
        off = [name for name in names if _off(old[name].to_numpy(), new[name].to_numpy(), spread[name])]
        if off:
            more = f" and {len(off) - _NAMED} more" if len(off) > _NAMED else ""
            yield f"track {track}: the model does not give {', '.join(off[:_NAMED])}{more} again"


def _off(old: Floats, new: Floats, spread: float) -> bool:
    allowed = TOLERANCE * spread + 1e-6 * np.abs(np.nan_to_num(old))
    return bool((np.isnan(old) != np.isnan(new)).any() or (np.nan_to_num(np.abs(old - new)) > allowed).any())

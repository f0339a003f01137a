"""``earwitness extract``: ask the target about an indexed run."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar


def command(
    run: Annotated[Path, typer.Argument(help="A run folder that `earwitness index` made.")],
    target: options.Target,
    preset: options.Preset = "default",
    further: options.With = None,
    reference: options.Reference = None,
    anchors: options.Anchors = None,
    contrast: options.Contrast = "auto",
    seconds: options.Seconds = None,
    windows_per_track: options.WindowsPerTrack = 6,
    harmonise: options.Harmonise = "off",
    seed: options.Seed = 0,
    device: options.Device = "auto",
    dtype: options.Dtype = "float32",
    batch_size: options.BatchSize = 8,
    engine: options.Engine = "local",
    workers: options.Workers = None,
    cpus_per_worker: options.CpusPerWorker = 1,
    gpus_per_worker: options.GpusPerWorker = None,
    ray_address: options.RayAddress = None,
    shard: options.Shard = None,
    parts: options.Parts = None,
) -> None:
    """Ask the target about every window; resumes where an interrupted run stopped.

    With --shard several machines each measure a share, and the last of them finishes the run.

    Example: earwitness extract RUN --target facebook/musicgen-small --windows-per-track 4
    """
    from earwitness import pipeline

    machines = options.machines(
        engine=engine, workers=workers, cpus_per_worker=cpus_per_worker, gpus_per_worker=gpus_per_worker,
        address=ray_address, shard=shard, parts=parts,
    )  # fmt: skip
    settings = pipeline.MeasureSettings(
        target=target, preset=preset, further=tuple(further or ()), references=tuple(reference or ()),
        anchors=anchors, contrast=contrast, seconds=seconds, windows_per_track=windows_per_track,
        harmonise=harmonise,
        seed=seed, device=device, dtype=dtype, batch_size=batch_size,
    )  # fmt: skip
    with bar("asking the target") as on_progress:
        summary = pipeline.extract_stage(run, settings, machines=machines, on_progress=on_progress)
    typer.echo(
        f"{summary.measured} tracks measured, {summary.resumed} were there already, {summary.failed} failed; "
        f"features are in {run / 'features'}"
    )
    if summary.waiting:
        typer.echo(f"{summary.waiting} tracks of other shards have not been measured yet")

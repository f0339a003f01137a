"""``earwitness plan``: lay down an audit before the model is asked."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar


def command(
    target: options.Target,
    suspect: options.Suspect = None,
    held_out: options.HeldOut = None,
    manifest: options.Manifest = None,
    out: Annotated[Path, typer.Option(help="The run folder to make; the audit goes on in it.")] = Path("run"),
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit to the plan: its hash is printed, to be given to others.")
    ] = False,
    preset: options.Preset = "default",
    further: options.With = None,
    reference: options.Reference = None,
    anchors: options.Anchors = None,
    contrast: options.Contrast = "auto",
    seconds: options.Seconds = None,
    windows_per_track: options.WindowsPerTrack = 6,
    harmonise: options.Harmonise = "off",
    alpha: options.Alpha = 0.01,
    method: options.Method = "exact",
    permutations: options.Permutations = 9999,
    exclude_spanning: options.ExcludeSpanning = False,
    comparable: options.Comparable = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    dtype: options.Dtype = "float32",
) -> None:
    """Index both sets and write plan.json; the model is loaded, but not asked about any track.

    With --commit, give the printed hash to the other side or to a notary, then run `earwitness audit` with the same
    options and --out: it refuses any other plan, and the report says that the run kept to it.

    Example: earwitness plan --target facebook/musicgen-small --suspect my-albums --held-out my-unreleased --commit
    """
    from earwitness import pipeline

    test = pipeline.VerdictSettings(
        method=method, alpha=alpha, permutations=permutations, seed=seed,
        spanning="exclude" if exclude_spanning else "refuse", comparable=comparable,
    )  # fmt: skip
    measure = pipeline.MeasureSettings(
        target=target, preset=preset, further=tuple(further or ()), references=tuple(reference or ()),
        anchors=anchors, contrast=contrast, seconds=seconds, windows_per_track=windows_per_track,
        harmonise=harmonise, seed=seed, device=device, dtype=dtype,
    )  # fmt: skip
    asked = pipeline.open_target(measure, test)
    with bar("reading the audio") as on_progress:
        collection = pipeline.index_stage(
            out, suspect=suspect, held_out=held_out, manifest=manifest, on_progress=on_progress
        )
    for warning in (*collection.warnings, *pipeline.foresee(collection, test)):
        typer.echo(f"warning: {warning}", err=True)
    plan_hash, committed = pipeline.plan_stage(out, measure, target=asked, test=test, commit=commit)
    typer.echo(f"The plan is {out / 'plan.json'}")
    typer.echo(f"SHA-256 of the plan: {plan_hash}")
    if committed is not None:
        typer.echo(f"Committed on {committed.made}, before the model was asked about any track.")

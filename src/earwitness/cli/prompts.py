"""``earwitness prompts``: what to ask a model that can only be asked by hand."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar


def command(
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    suspect: options.Suspect = None,
    held_out: options.HeldOut = None,
    manifest: options.Manifest = None,
    seconds: Annotated[
        float, typer.Option(min=2.0, help="Length of a window; two fifths are the prompt, the rest should come back.")
    ] = 10.0,
    windows_per_track: options.WindowsPerTrack = 1,
    seed: options.Seed = 0,
) -> None:
    """Write the beginnings of windows as WAV files, to be continued by a model you cannot load.

    Save what comes back in OUT/continuations under the same names, then audit with --target OUT.

    Example: earwitness prompts --suspect my-albums --held-out my-unreleased --out asked
    """
    from earwitness.collection.index import index
    from earwitness.measure.prompts import write_prompts

    with bar("reading the files") as on_progress:
        collection = index(suspect, held_out, manifest, on_progress=on_progress)
    with bar("writing the prompts") as on_progress:
        record = write_prompts(
            collection, out, seconds=seconds, windows_per_track=windows_per_track, seed=seed, on_progress=on_progress
        )
    typer.echo(
        f"{len(record.prompts)} prompts are in {out / 'prompts'}; save the model's continuations in "
        f"{out / 'continuations'} under the same names, then: earwitness audit --target {out} "
        f"--seconds {seconds:g} --windows-per-track {windows_per_track} --seed {seed} …"
    )

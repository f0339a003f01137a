"""``earwitness index``: from folders or a manifest to a tracks table."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar


def command(
    run: Annotated[Path, typer.Argument(help="The run folder to make.")],
    suspect: options.Suspect = None,
    held_out: options.HeldOut = None,
    manifest: options.Manifest = None,
    as_json: options.AsJson = False,
) -> None:
    """Read, check and hash the files of both sets; nothing is asked of a model yet.

    Example: earwitness index RUN --suspect my-albums --held-out my-unreleased
    """
    import json

    from earwitness import pipeline

    with bar("reading the files") as on_progress:
        collection = pipeline.index_stage(
            run, suspect=suspect, held_out=held_out, manifest=manifest, on_progress=on_progress
        )
    summary = collection.summary()
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
        return
    for name, value in summary.items():
        typer.echo(f"{name:>22}  {value}")
    for warning in collection.warnings:
        typer.echo(f"warning: {warning}")

"""``earwitness reference``: the ground-truth targets and their collections."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Ground-truth targets: models whose training set is known.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A target that `earwitness reference list` names.")]


@app.command("list")
def list_targets() -> None:
    """List the shipped targets with the figures of their cards.

    Example: earwitness reference list
    """
    from earwitness.ground_truth.registry import TARGETS, shipped

    for name in TARGETS:
        typer.echo(shipped(name).read().summary())


@app.command("path")
def path(name: Name) -> None:
    """Print the model directory of a shipped target, for --target.

    Example: earwitness audit --target "$(earwitness reference path fiddle)" …
    """
    from earwitness.ground_truth.registry import shipped

    typer.echo(shipped(name).model)


@app.command("data")
def data(
    name: Name,
    out: Annotated[Path, typer.Option(help="Folder for member/, non_member/ and manifest.csv.")],
) -> None:
    """Write the target's collection, trained on or not, as audio or MIDI with a manifest.

    Example: earwitness reference data chorale --out chorales
    """
    from earwitness.cli.progress import bar
    from earwitness.ground_truth.data import write_data

    with bar("writing the tunes") as on_progress:
        written = write_data(name, out, on_progress=on_progress)
    typer.echo(f"{written.tracks} tracks; the manifest is {written.manifest}")
    if written.differing:
        typer.echo(
            f"{len(written.differing)} of them are not what the card says, {written.differing[0]} first: "
            "the packages that read or render the collection are of another version.",
            err=True,
        )

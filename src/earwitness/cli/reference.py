"""``earwitness reference``: the ground-truth targets and the recipes that made them."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Ground-truth targets: models whose training set is known.", no_args_is_help=True)


@app.command("list")
def list_targets() -> None:
    """List the shipped targets with the figures of their cards.

    Example: earwitness reference list
    """
    from earwitness.reference.fiddle import card

    typer.echo(card.read().summary())


@app.command("path")
def path(name: Annotated[str, typer.Argument(help="fiddle")]) -> None:
    """Print the model directory of a shipped target, for --target.

    Example: earwitness audit --target "$(earwitness reference path fiddle)" …
    """
    _known(name)
    from earwitness.reference.fiddle import card

    typer.echo(card.MODEL)


@app.command("train")
def train(
    name: Annotated[str, typer.Argument(help="fiddle")],
    work: Annotated[Path, typer.Option(help="Folder for everything the recipe makes; an interrupted run goes on.")],
    epoch: Annotated[int, typer.Option(help="Which kept epoch to publish.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Where codec/, model/ and card.json go; WORK/published by default.")
    ] = None,
) -> None:
    """Repeat the recipe from the tunes to a model directory with its card (about an hour on 2 cores).

    Example: earwitness reference train fiddle --work fiddle-work
    """
    _known(name)
    from earwitness.reference.fiddle import recipe

    last = recipe.train(work, report=typer.echo)
    chosen = epoch or last
    typer.echo(recipe.publish(work, chosen, out or work / "published").summary())


def _known(name: str) -> None:
    from earwitness.errors import EarwitnessError

    if name != "fiddle":
        raise EarwitnessError(f"There is no ground-truth target {name!r}; there is: fiddle.")

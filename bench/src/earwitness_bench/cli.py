"""What joins ``earwitness bench``: the benchmark itself, and the training of the shipped targets."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(invoke_without_command=True)


@app.callback()
def run(
    context: typer.Context,
    full: Annotated[
        bool, typer.Option("--full", help="All training lengths and sizes (hours), not the quick round (minutes).")
    ] = False,
    work: Annotated[
        Path | None, typer.Option(help="Where audio, checkpoints and runs stay; an interrupted benchmark goes on.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where bench.md and its tables and plots go.")] = Path("bench-out"),
    recordings: Annotated[
        Path | None,
        typer.Option(help="Folder of unpacked Debian packages with recordings by named artists (see docs/bench.md)."),
    ] = None,
) -> None:
    """The benchmark: what every method says where the truth is known, as tables, plots and a page.

    Without --full: the shipped targets and small sets, in some six minutes on two cores.

    Example: earwitness bench --full --work bench-work --recordings recordings --out docs
    """
    if context.invoked_subcommand is not None:
        return
    from earwitness.cli.progress import bar
    from earwitness_bench.run import run_bench
    from earwitness_bench.scale import FULL, QUICK

    scale = FULL if full else QUICK
    page = run_bench(
        scale, work or Path(f"bench-{scale.name}"), out, library=recordings,
        report=lambda line: typer.echo(line, err=True), bar=bar,
    )  # fmt: skip
    typer.echo(f"The page is {page}")


@app.command("train")
def train(
    name: Annotated[
        str,
        typer.Argument(
            help="A shipped target, or reed, pipa, jig, drone, brook, twins_hum, twins_scores or a variant such as "
            "fiddle_unheard."
        ),
    ],
    work: Annotated[Path, typer.Option(help="Folder for everything the recipe makes; an interrupted run goes on.")],
    epoch: Annotated[int, typer.Option(help="Which kept epoch to publish; the last by default.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Where model/ and card.json go; WORK/published by default.")] = None,
) -> None:
    """Repeat a ground-truth target's recipe, from its pieces to a model directory (an hour or less on 2 cores).

    Example: earwitness bench train fiddle --work fiddle-work
    """
    from earwitness_bench.recipes import recipe

    made_by = recipe(name)
    last = made_by.train(work, report=typer.echo)
    typer.echo(made_by.publish(work, epoch or last, out or work / "published").summary())


@app.command("data")
def data(
    name: Annotated[str, typer.Argument(help="A target that is not shipped: reed, pipa, jig or drone.")],
    out: Annotated[Path, typer.Option(help="Folder for member/, non_member/ and manifest.csv.")],
) -> None:
    """Write the collection of a target that is not shipped, as `earwitness reference data` does for those that are.

    Example: earwitness bench data reed --out reed-data
    """
    from earwitness.cli.progress import bar
    from earwitness_bench.recipes import write_collection

    with bar("writing") as on_progress:
        written = write_collection(name, out, on_progress=on_progress)
    typer.echo(f"{written.tracks} tracks, listed in {written.manifest}")
    if written.differing:
        typer.echo(f"{len(written.differing)} are not what the card says; versions differ: {written.differing[0]}")

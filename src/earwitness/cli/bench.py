"""``earwitness bench``: what every method says where the truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import bench_paper

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
    from earwitness.bench.run import run_bench
    from earwitness.bench.scale import FULL, QUICK
    from earwitness.cli.progress import bar

    scale = FULL if full else QUICK
    page = run_bench(
        scale, work or Path(f"bench-{scale.name}"), out, library=recordings,
        report=lambda line: typer.echo(line, err=True), bar=bar,
    )  # fmt: skip
    typer.echo(f"The page is {page}")


app.command("paper")(bench_paper.command)

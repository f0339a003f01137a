"""``earwitness demo``: the main job on a shipped target and real music."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli.progress import bar


def command(
    out: Annotated[Path, typer.Option(help="Folder for the two audits.")] = Path("demo-out"),
    tracks: Annotated[int, typer.Option(min=8, help="Tunes in each set.")] = 60,
    seed: Annotated[int, typer.Option(help="Which tunes are drawn.")] = 0,
    twins: Annotated[
        bool, typer.Option("--twins", help="Keyed twins instead: marked works, without a held-out set.")
    ] = False,
) -> None:
    """Audit two real collections: one the shipped target was trained on, one it was not.

    With --twins, two sets of marked works: of one, a model was trained on the copies that a key had drawn.

    Example: earwitness demo --out demo-out
    """
    if twins:
        _twins(out)
        return
    from earwitness import demo
    from earwitness.cli.console import Console
    from earwitness.report.text import print_result

    console = Console()
    with bar("rendering the tunes") as on_progress:
        collections = demo.render_collections(out, tracks=tracks, seed=seed, on_progress=on_progress)
    for collection in collections:
        with bar(f"auditing '{collection.name}'") as on_progress:
            result, page = demo.audit(collection, on_progress=on_progress)
        console.rule(collection.description)
        print_result(result, console)
        console.print(f"The report is {page}\n", soft_wrap=True)


def _twins(out: Path) -> None:
    from earwitness.twins import demo

    with bar("marking the works") as on_progress:
        runs = demo.seal_works(out, on_progress=on_progress)
    for one in runs:
        with bar(f"asking about '{one.folder.name}'") as on_progress:
            result, page = demo.run(one, on_progress=on_progress)
        typer.echo(one.description)
        for line in (result.verdict.replace("_", " "), *result.reasons, f"The page is {page}", ""):
            typer.echo(line)

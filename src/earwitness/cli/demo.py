"""``earwitness demo``: the main job on a shipped target and real music."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli.progress import bar


def command(
    out: Annotated[Path, typer.Option(help="Folder for the two audits.")] = Path("demo-out"),
    tracks: Annotated[int, typer.Option(min=8, help="Tunes in each set.")] = 60,
    seed: Annotated[int, typer.Option(help="Which tunes are drawn.")] = 0,
) -> None:
    """Audit two real collections: one the shipped target was trained on, one it was not.

    Example: earwitness demo --out demo-out
    """
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

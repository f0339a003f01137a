"""``earwitness merge``: one run of the shards that machines measured apart."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The run folder of one shard, which is to hold all.")],
    others: Annotated[list[Path], typer.Argument(help="Run folders of the other shards.")],
) -> None:
    """Bring what `earwitness extract --shard` measured in several run folders into one of them.

    All must hold the same plan. What the merged run lacks is said; `earwitness extract` measures it.

    Example: earwitness merge run run-2 run-3
    """
    from earwitness import pipeline

    summary = pipeline.merge_stage(run, others)
    typer.echo(f"{summary.brought} parts brought, {summary.there} were there already")
    if summary.missing:
        first = ", ".join(map(str, summary.missing[:10]))
        more = f" and {len(summary.missing) - 10} more" if len(summary.missing) > 10 else ""
        typer.echo(
            f"{summary.waiting} tracks have not been measured yet (part {first}{more}, counted from 0); measure the "
            "missing shard, or run `earwitness extract` on this folder"
        )

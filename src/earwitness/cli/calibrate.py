"""``earwitness calibrate``: the error rate of the test on a held-out set."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import sign_of_life


def command(
    features: Annotated[Path, typer.Argument(help="A feature table (parquet) or a run folder.")],
    runs: Annotated[int, typer.Option(min=20, help="How often the held-out set is split.")] = 1000,
    alpha: Annotated[list[float] | None, typer.Option(help="Levels to report; may be repeated.")] = None,
    seed: options.TestSeed = 0,
    higher: options.Higher = None,
    lower: options.Lower = None,
    as_json: options.AsJson = False,
) -> None:
    """Split the held-out set into two again and again: how often does the test reject?

    Example: earwitness calibrate RUN --runs 2000 --alpha 0.01 --alpha 0.05
    """
    from earwitness import calibration

    with sign_of_life("testing the held-out set against itself"):
        table = calibration.calibrate(
            features, runs=runs, alphas=alpha or [0.01, 0.05, 0.1], seed=seed, higher=higher or (), lower=lower or ()
        )
    typer.echo(table.model_dump_json(indent=2) if as_json else table.text())

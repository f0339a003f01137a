"""``earwitness calibrate``: the error rate of the test on a held-out set."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import sign_of_life

if TYPE_CHECKING:
    from earwitness.verdict.calibration import Calibration


def command(
    features: Annotated[Path, typer.Argument(help="A feature table (parquet) or a run folder.")],
    runs: Annotated[int, typer.Option(min=20, help="How often the held-out set is split.")] = 1000,
    alpha: Annotated[list[float] | None, typer.Option(help="Levels to report; may be repeated.")] = None,
    seed: options.TestSeed = 0,
    plot: Annotated[Path | None, typer.Option(help="Also draw the p-values into this SVG file.")] = None,
    higher: options.Higher = None,
    lower: options.Lower = None,
    as_json: options.AsJson = False,
) -> None:
    """Split the held-out set into two again and again: how often does the test reject?

    Example: earwitness calibrate RUN --runs 2000 --alpha 0.01 --plot uniformity.svg
    """
    from earwitness.verdict import calibration

    with sign_of_life("testing the held-out set against itself"):
        table = calibration.calibrate(
            features, runs=runs, alphas=alpha or [0.01, 0.05, 0.1], seed=seed, higher=higher or (), lower=lower or ()
        )
    if plot is not None:
        _draw(table, plot)
    typer.echo(table.model_dump_json(indent=2) if as_json else table.text())


def _draw(table: "Calibration", path: Path) -> None:
    from earwitness.files import write_text
    from earwitness.report.charts import uniformity_figure
    from earwitness.stats.aa import AAControl

    control = AAControl(**asdict(table.levels[0]), p_values=tuple(table.p_values))
    figure = uniformity_figure(control)
    assert figure is not None, "a calibration keeps its p-values"
    write_text(path, figure.svg)

"""``earwitness test``: a verdict from a table of scores, whoever computed them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar


def command(
    features: Annotated[
        Path, typer.Argument(help="A feature table (parquet or CSV, with track_id, role and group) or a run folder.")
    ],
    method: options.Method = "exact",
    alpha: options.Alpha = 0.01,
    permutations: options.Permutations = 9999,
    seed: options.TestSeed = 0,
    exclude_spanning: options.ExcludeSpanning = False,
    comparable: options.Comparable = None,
    corrected: Annotated[bool, typer.Option("--corrected", help="The corrected form of a published method.")] = False,
    higher: options.Higher = None,
    lower: options.Lower = None,
    out: Annotated[Path | None, typer.Option(help="Write the result here too; a run folder keeps its own.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Test whether the suspect set looks trained on, against the held-out set.

    Example: earwitness test features.parquet --alpha 0.01 --higher 'score_*' --out result.json
    """
    from earwitness import pipeline

    settings = pipeline.VerdictSettings(
        method=method, alpha=alpha, permutations=permutations, seed=seed,
        spanning="exclude" if exclude_spanning else "refuse", corrected=corrected,
        comparable=comparable,
        higher=tuple(higher or ()), lower=tuple(lower or ()),
    )  # fmt: skip
    with bar("testing", shown=sys.stderr.isatty() and not as_json) as on_progress:
        result = pipeline.test_stage(features, settings, out=out, on_progress=on_progress)
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
        return
    from earwitness.cli.console import Console
    from earwitness.report.text import print_result

    print_result(result, Console())

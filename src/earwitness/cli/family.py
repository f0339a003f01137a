"""``earwitness family``: what several verdicts still say when they are taken together."""

import json
from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options

_WIDE = 120


def command(
    results: Annotated[list[Path], typer.Argument(help="The run folder or result.json of every claim that was tried.")],
    alpha: Annotated[float, typer.Option(help="Chance of any false claim among all of them.")] = 0.01,
    as_json: options.AsJson = False,
) -> None:
    """Adjust several results for having tried them all: Holm for p-values, e-BH for e-values.

    Give every claim that was tried, not only those that came out. A claim keeps its verdict of evidence
    only where its adjusted p-value is at most alpha; nothing becomes evidence here. Where the sets differ
    without the model a claim counts with the larger of p and adjusted p; a published procedure counts as
    a try and carries no evidence.

    Example: earwitness family RUN-A RUN-B/result.json --alpha 0.01
    """
    from dataclasses import asdict

    from earwitness.errors import EarwitnessError
    from earwitness.verdict.family import family
    from earwitness.verdict.result import DatasetInferenceResult

    results = [path / "result.json" if path.is_dir() else path for path in results]
    if len({path.resolve() for path in results}) < len(results):
        raise EarwitnessError("The same result was given twice; name every claim once.")
    claims = family([DatasetInferenceResult.read(path) for path in results], alpha=alpha)
    rows = [{"result": str(path), **asdict(claim)} for path, claim in zip(results, claims, strict=True)]
    if as_json:
        typer.echo(json.dumps({"alpha": alpha, "claims": rows}, indent=2))
        return
    from rich.table import Table
    from rich.text import Text

    from earwitness.cli.console import Console
    from earwitness.text import counted

    titles = {
        "result": "claim",
        "target": "model",
        "p_value": "p",
        "counted_p_value": "p counted",
        "holm_p_value": "p (Holm)",
        "verdict": "verdict alone",
        "family_verdict": "verdict in the family",
        "e_value": "e",
        "e_bh_rejects": "e-BH",
    }
    console, title = Console(), f"{counted(len(rows), 'claim')} at a family level of {alpha:g}"
    if console.width >= _WIDE:
        table = Table(title=title)
        for head in titles.values():
            table.add_column(head, overflow="fold")
        for row in rows:
            table.add_row(*(_cell(row[key]) for key in titles))
        console.print(table, markup=False)
        return
    # In a narrow terminal nine columns would break every word: one claim below the other.
    console.print(title)
    for row in rows:
        claim = Table.grid(padding=(0, 2))
        claim.add_column(style="dim", no_wrap=True)
        claim.add_column(overflow="fold")
        for key, head in titles.items():
            claim.add_row(head, Text(_cell(row[key])))
        console.print()
        console.print(claim, markup=False)


def _cell(value: str | float | bool | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else value.replace("_", " ")

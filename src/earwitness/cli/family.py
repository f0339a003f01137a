"""``earwitness family``: what several verdicts still say when they are taken together."""

import json
from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options


def command(
    results: Annotated[list[Path], typer.Argument(help="The result.json of every claim that was tried.")],
    alpha: Annotated[float, typer.Option(help="Chance of any false claim among all of them.")] = 0.01,
    as_json: options.AsJson = False,
) -> None:
    """Adjust several results for having tried them all: Holm for p-values, e-BH for e-values.

    Give every claim that was tried, not only those that came out. A claim keeps its verdict
    of evidence only where its adjusted p-value is at most alpha; nothing becomes evidence here.

    Example: earwitness family RUN-A/result.json RUN-B/result.json --alpha 0.01
    """
    from earwitness.errors import EarwitnessError
    from earwitness.stats.multiplicity import e_bh, holm_adjusted
    from earwitness.verdict.result import DatasetInferenceResult

    if not 0 < alpha < 1:
        raise EarwitnessError(f"alpha is {alpha:g}; it must lie between 0 and 1, for instance 0.01.")
    if len({path.resolve() for path in results}) < len(results):
        raise EarwitnessError("The same result was given twice; name every claim once.")
    claims = [DatasetInferenceResult.read(path) for path in results]
    missing = float("nan")
    adjusted = holm_adjusted([missing if claim.p_value is None else claim.p_value for claim in claims])
    chosen = e_bh([missing if claim.e_value is None else claim.e_value for claim in claims], alpha)
    rows = []
    for path, claim, p, by_e in zip(results, claims, adjusted.tolist(), chosen.tolist(), strict=True):
        lost = claim.verdict == "evidence_of_use" and not p <= alpha
        rows.append(
            {
                "result": str(path),
                "target": claim.target,
                "verdict": claim.verdict,
                "p_value": claim.p_value,
                "holm_p_value": None if claim.p_value is None else p,
                "family_verdict": "no_evidence" if lost else claim.verdict,
                "e_value": claim.e_value,
                "e_bh_rejects": None if claim.e_value is None else by_e,
            }
        )
    if as_json:
        typer.echo(json.dumps({"alpha": alpha, "claims": rows}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    titles = {
        "result": "claim",
        "target": "model",
        "p_value": "p",
        "holm_p_value": "p (Holm)",
        "verdict": "verdict alone",
        "family_verdict": "verdict in the family",
        "e_value": "e",
        "e_bh_rejects": "e-BH",
    }
    table = Table(title=f"{len(rows)} claims at a family level of {alpha:g}")
    for title in titles.values():
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[key]) for key in titles))
    Console().print(table, markup=False)


def _cell(value: str | float | bool | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else value.replace("_", " ")

"""``earwitness mia``: how well each feature tells members from non-members."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli import options

if TYPE_CHECKING:
    from rich.table import Table

    from earwitness.verdict.membership import MembershipResult


def command(
    features: Annotated[Path, typer.Argument(help="A feature table (parquet) or a run folder, with members marked.")],
    higher: options.Higher = None,
    lower: options.Lower = None,
    seed: options.TestSeed = 0,
    bootstrap: Annotated[int, typer.Option(min=100, help="Resamplings of groups, where tracks cluster.")] = 1000,
    out: Annotated[Path | None, typer.Option(help="Also write the full record as JSON.")] = None,
    roc: Annotated[Path | None, typer.Option(help="Also draw ROC curves on log axes into this HTML file.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Evaluate features as membership attacks on tracks whose membership is known.

    Example: earwitness mia features.parquet --lower 'loss*' --out mia.json --roc roc.html
    """
    from earwitness.features import FeatureTable
    from earwitness.verdict.membership import membership_evaluation

    table = FeatureTable.read(features, higher=higher or (), lower=lower or ())
    result = membership_evaluation(table, seed=seed, bootstrap=bootstrap)
    if out is not None:
        result.write(out)
    if roc is not None:
        from earwitness.report.membership_page import write_membership

        write_membership(roc, result)
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
        return
    from earwitness.cli.console import Console

    console = Console()
    console.print(_feature_table(result), markup=False)
    if result.families:
        console.print(_family_table(result), markup=False)
    for warning in result.warnings:
        console.print(f"Note: {warning}", markup=False, highlight=False)


def _feature_table(result: "MembershipResult") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{result.members} members, {result.non_members} non-members in {result.groups} groups")
    for title in ("feature", "member is", "AUC (95 %)", "TPR at 1 % FPR", "TPR at 0.1 % FPR", "bal. acc.", "missing"):
        table.add_column(title, overflow="fold")
    for row in [*([result.combined] if result.combined else []), *result.features]:
        rates = [
            _limits(rate.estimate, rate.low, rate.high) + ("" if rate.resolved else " (none allowed)")
            for rate in row.true_positive_rates
        ] or ["–", "–"]
        auc = _limits(row.auc.estimate, row.auc.low, row.auc.high)
        cells = (row.name, row.member_is.value, auc, *rates, _number(row.balanced_accuracy), str(row.missing))
        # Feature names come from strangers' files: never read them as markup.
        table.add_row(*map(Text, cells), end_section=row is result.combined)
    return table


def _family_table(result: "MembershipResult") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Families: variant chosen on one half of the groups, reported on the other")
    for title in ("family", "variants", "chosen", "AUC where chosen", "AUC on the other half (95 %)"):
        table.add_column(title, overflow="fold")
    for row in result.families:
        auc = _limits(row.auc.estimate, row.auc.low, row.auc.high)
        cells = (row.family, str(row.variants), row.chosen, _number(row.selection_auc), auc)
        table.add_row(*map(Text, cells))
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _limits(estimate: float | None, low: float | None, high: float | None) -> str:
    if estimate is None:
        return "–"
    return _number(estimate) if low is None or high is None else f"{estimate:.3f} [{low:.3f}, {high:.3f}]"

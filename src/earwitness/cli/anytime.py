"""``earwitness anytime``: evidence that may be looked at, and added to, at any time."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli import options

if TYPE_CHECKING:
    from earwitness.verdict.anytime import AnytimeResult


def command(
    features: Annotated[Path, typer.Argument(help="A feature table (parquet) or a run folder.")],
    state: Annotated[Path, typer.Option(help="The bets so far: made by the first call, continued by later ones.")],
    alpha: options.Alpha = 0.01,
    seed: Annotated[
        int | None, typer.Option(help="Fixes the order of pairs; 0 for a new state, and kept from then on.")
    ] = None,
    higher: options.Higher = None,
    lower: options.Lower = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw the wealth into this HTML file.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Bet on pairs of groups, one suspect and one held-out; stop or add tracks whenever you like.

    The first call makes the state file. Later calls take a table with more tracks: groups that
    were counted are skipped, new ones are appended, and no bet already made is changed.

    Example: earwitness anytime features.parquet --state anytime.json --plot wealth.html
    """
    from earwitness.features import FeatureTable
    from earwitness.verdict.anytime import AnytimeState, anytime

    table = FeatureTable.read(features, higher=higher or (), lower=lower or ())
    after, result = anytime(table, AnytimeState.read(state), alpha=alpha, seed=seed)
    after.write(state)
    if plot is not None:
        _draw(result, plot)
    typer.echo(result.model_dump_json(indent=2) if as_json else result.text())


def _draw(result: "AnytimeResult", path: Path) -> None:
    """Draw the wealth after each pair and a line at 1/α; the page is self-contained."""
    import altair as alt

    from earwitness.files import write_text

    records = [{"pairs": pairs, "wealth": wealth} for pairs, wealth in enumerate([1.0, *result.wealth_path])]
    y = alt.Y("wealth:Q", scale=alt.Scale(type="log"), title="wealth")
    line = alt.Chart(alt.InlineData(values=records)).mark_line().encode(x=alt.X("pairs:Q", title="pairs bet on"), y=y)
    threshold = (
        alt.Chart(alt.InlineData(values=[{"wealth": 1 / result.alpha}]))
        .mark_rule(color="#888888", strokeDash=[4, 4])
        .encode(y=y)
    )
    title = f"Wealth of the bets; dashed: 1/alpha = {1 / result.alpha:g}"
    chart = alt.layer(threshold, line).properties(width=560, height=380, title=title)
    write_text(path, chart.to_html(inline=True))

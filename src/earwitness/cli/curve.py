"""``earwitness curve``: p against the number of tracks, and how often the procedure fires at nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar

if TYPE_CHECKING:
    from rich.table import Table

    from earwitness.verdict.curves import SampleCurve

# Below this a p-value is drawn at the edge: a logarithmic axis has no zero.
_SMALLEST_DRAWN = 1e-12


def command(
    features: Annotated[Path, typer.Argument(help="A feature table (parquet) or a run folder.")],
    method: Annotated[str, typer.Option(help="cdi, iar, llm-di, or exact.")] = "cdi",
    size: Annotated[
        list[int] | None, typer.Option(help="Tracks per side; may be repeated. By default 5, 10, 20 … to all.")
    ] = None,
    draws: Annotated[
        int | None, typer.Option(min=1, help="Random draws per size; by default 1000, or 100 for exact.")
    ] = None,
    alpha: options.Alpha = 0.01,
    corrected: Annotated[bool, typer.Option("--corrected", help="The corrected form of a published method.")] = False,
    seed: options.TestSeed = 0,
    higher: options.Higher = None,
    lower: options.Lower = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw the curve into this HTML file.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Repeat the papers' curve: mean p over random draws, at each number of tracks per side.

    Single tracks are drawn, as in the papers. The published methods ignore groups and take
    tracks as independent; exact relabels the drawn tracks group by group. Beside the curve
    stands how often the same procedure fires on sets that do not differ: the held-out set
    split in two, and simulated sets of the same size and grouping.

    Example: earwitness curve features.parquet --method iar --size 50 --size 100 --plot curve.html
    """
    from earwitness.features import FeatureTable
    from earwitness.verdict.curves import sample_curve

    table = FeatureTable.read(features, higher=higher or (), lower=lower or ())
    with bar("drawing tracks") as on_progress:
        result = sample_curve(
            table, method=method, sizes=size or (), draws=draws, alpha=alpha, corrected=corrected, seed=seed,
            on_progress=on_progress,
        )  # fmt: skip
    if plot is not None:
        _draw(result, plot)
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
        return
    from earwitness.cli.console import Console

    console = Console()
    console.print(_points(result), markup=False)
    for sentence in result.sentences():
        console.print(sentence, markup=False, highlight=False)


def _points(result: "SampleCurve") -> "Table":
    from rich.table import Table

    table = Table(title=f"{result.method}: {result.draws} draws of each size, {result.features} features")
    judged = any(point.share_evidence is not None for point in result.points)
    titles = ["tracks per side", "mean p", "90 % of draws", f"share with p ≤ {result.alpha:g}"]
    for title in [*titles, *(["evidence of use"] if judged else [])]:
        table.add_column(title, justify="right")
    for point in result.points:
        verdicts = [] if point.share_evidence is None else [f"{point.share_evidence:.1%}"]
        table.add_row(
            str(point.n), f"{point.mean_p:.3g}", f"{point.low:.2g} – {point.high:.2g}", f"{point.share_rejected:.1%}",
            *verdicts,
        )  # fmt: skip
    return table


def _draw(result: "SampleCurve", path: Path) -> None:
    """Draw mean p with the band of 90 % of the draws, and a line at α; the page is self-contained."""
    import altair as alt

    from earwitness.files import write_text

    records = [
        {
            "tracks per side": point.n,
            "mean p": max(point.mean_p, _SMALLEST_DRAWN),
            "5 %": max(point.low, _SMALLEST_DRAWN),
            "95 %": max(point.high, _SMALLEST_DRAWN),
        }
        for point in result.points
    ]
    data = alt.InlineData(values=records)
    x = alt.X("tracks per side:Q", scale=alt.Scale(type="log", nice=False), title="tracks per side")
    scale = alt.Scale(type="log", domain=[min([result.alpha, *(record["5 %"] for record in records)]) / 2, 1])
    y = alt.Y("mean p:Q", scale=scale, title="p")
    band = alt.Chart(data).mark_area(opacity=0.2).encode(x=x, y=alt.Y("5 %:Q", scale=scale, title="p"), y2="95 %:Q")
    curve = alt.Chart(data).mark_line(point=True).encode(x=x, y=y)
    level = (
        alt.Chart(alt.InlineData(values=[{"mean p": result.alpha}]))
        .mark_rule(color="#888888", strokeDash=[4, 4])
        .encode(y=y)
    )
    title = f"{result.method}: mean p, and 90 % of {result.draws} draws; dashed: {result.alpha:g}"
    chart = alt.layer(band, level, curve).properties(width=560, height=380, title=title)
    write_text(path, chart.to_html(inline=True))

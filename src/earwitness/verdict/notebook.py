"""A result in a notebook: one line, a small page, a data frame. The charts are in `earwitness.verdict.plots`.

Goal: what a cell shows says the verdict first and fits a screen. Conventions: sentences are those of the
record; titles and names are strangers' input and are escaped.
"""

from html import escape
from typing import TYPE_CHECKING, Literal

from earwitness.text import harmless
from earwitness.verdict import wording
from earwitness.verdict.numbers import count, decimal, p_value, percent
from earwitness.verdict.result import DatasetInferenceResult

if TYPE_CHECKING:
    import polars as pl

_COLOURS = {
    "evidence_of_use": "#d55e00", "no_evidence": "#0072b2", "inconclusive": "#e0a500", "cannot_be_tested": "#7a7a7a",
}  # fmt: skip


def one_line(result: DatasetInferenceResult) -> str:
    """The verdict with its p-value and the size of the sets."""
    p = "no p-value" if result.p_value is None else f"p {p_value(result.p_value, alpha=result.alpha)}"
    tracks, groups = result.n_tracks, result.n_groups
    return (
        f"<DatasetInferenceResult: {result.verdict}, {p} at level {result.alpha:g}, {count(tracks.suspect)} suspect v "
        f"{count(tracks.held_out)} held-out tracks in {count(groups.suspect)} v {count(groups.held_out)} groups>"
    )


def html(result: DatasetInferenceResult) -> str:
    """The verdict, its reasons and warnings, and the main figures, as a piece of HTML without script or style sheet."""
    rows = "".join(
        f'<tr><th style="text-align:left">{_safe(name)}</th><td style="text-align:left">{_safe(value)}</td></tr>'
        for name, value in _figures(result)
    )
    return (
        f'<div style="border-left:.4em solid {_COLOURS[result.verdict]};padding-left:1em;max-width:50em">'
        f"<p><strong>{_safe(wording.VERDICT_NAMES[result.verdict])}.</strong> {_safe(wording.headline(result))}</p>"
        f"{_list('', result.reasons)}{_list('Warnings', result.warnings)}<table>{rows}</table></div>"
    )


def frame(result: DatasetInferenceResult, of: Literal["tracks", "features"] = "tracks") -> "pl.DataFrame":
    """The tracks or the features of a result as a data frame, one row each, in the order of the record."""
    import polars as pl

    if of == "features":
        known = {"name": pl.String(), "member_is": pl.String(), "auc": pl.Float64(), "weight": pl.Float64()}
        rows = [feature.model_dump(mode="json") for feature in result.features]
        return pl.DataFrame(rows, schema={**known, "missing": pl.Int64()})
    text, number = ("track_id", "role", "group"), ("score", "p_value")
    schema = {**dict.fromkeys(text, pl.String()), **dict.fromkeys(number, pl.Float64())}
    return pl.DataFrame([track.model_dump() for track in result.tracks], schema=schema)


def _figures(result: DatasetInferenceResult) -> list[tuple[str, str]]:
    tracks, groups, auc, blind = result.n_tracks, result.n_groups, result.auc, result.blind
    figures = [
        ("tracks", f"{count(tracks.suspect)} suspect, {count(tracks.held_out)} held-out"),
        ("groups", f"{count(groups.suspect)} suspect, {count(groups.held_out)} held-out"),
        ("method", f"{result.method} at level {result.alpha:g}"),
    ]
    if result.p_value is not None:
        figures.append(("p-value", p_value(result.p_value, alpha=result.alpha)))
    if auc is not None and auc.estimate is not None:
        figures.append(("AUC", f"{decimal(auc.estimate)} ({decimal(auc.low)} to {decimal(auc.high)})"))
    if blind is not None:
        figures.append(("blind gate", f"{wording.GATE[blind.state]} (AUC without the model {decimal(blind.auc)})"))
    if result.a_a is not None:
        rate = percent(result.a_a.rejection_rate)
        figures.append(("A/A control", f"{rate} false alarms in {count(result.a_a.runs)} runs"))
    if result.target_name or result.target:
        figures.append(("model", result.target_name or result.target or ""))
    return figures


def _list(heading: str, sentences: list[str]) -> str:
    if not sentences:
        return ""
    title = f"<p><em>{heading}</em></p>" if heading else ""
    return f"{title}<ul>{''.join(f'<li>{_safe(sentence)}</li>' for sentence in sentences)}</ul>"


def _safe(text: str) -> str:
    return escape(str(harmless(text)))

"""The report as one self-contained HTML page.

Goal: a page that can be mailed, printed and read in ten years: no script, no network, no
external font; its own content policy forbids all three. Conventions: autoescape is on and
every title, tag and message is a stranger's input; only our own drawings are inserted as
markup, after ``svg`` has reduced them to shapes and text.
"""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from earwitness.files import write_text
from earwitness.record.case import Case
from earwitness.report import front_page, near_copies, tables, wording
from earwitness.report.bundle import REPORT_NAME
from earwitness.report.charts import family_figure, roc_figure, score_figure, uniformity_figure
from earwitness.report.context import ReportContext, report_context
from earwitness.report.glossary import report_terms
from earwitness.report.growth_charts import growth_figure, wealth_figure
from earwitness.report.key_figures import key_figures
from earwitness.report.procedure import steps
from earwitness.report.references import references
from earwitness.text import harmless
from earwitness.verdict import strength_wording
from earwitness.verdict import wording as found
from earwitness.verdict.result import Blind, DatasetInferenceResult

RESULT_NAME = "result.json"
_FEATURES_SHOWN = 12


def page_environment() -> Environment:
    """The templates of a page: autoescaping, with ``drawing`` for our own drawings."""
    environment = Environment(
        loader=PackageLoader("earwitness.report", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawing"] = Markup
    return environment


def render_html(result: DatasetInferenceResult, context: ReportContext) -> str:
    """Render a result and what surrounds it as one HTML document.

    Parameters
    ----------
    result
        The record of the test.
    context
        Tracks, failures, plan and so on; what it does not hold is left out of the page.
    """
    lines = tables.feature_lines(result)
    copies = result.near_copies if result.near_copies and result.near_copies.found else None
    return (
        page_environment()
        .get_template("template.html.j2")
        .render(
            result=result,
            context=context,
            title=context.title or "Audit of a generative audio model",
            target=result.target_name or context.target.name or result.target,
            verdict=found.VERDICT_NAMES[result.verdict],
            headline=found.headline(result),
            strength=strength_wording.sentence(result),
            strength_word=strength_wording.word_of(result),
            attempts=tables.attempt_table(result, context),
            facts=front_page.facts(result, context),
            propositions=front_page.propositions(),
            would_change=front_page.would_change(result),
            heard=front_page.heard(context),
            compared=wording.compared(result),
            how_to_read=wording.how_to_read(result),
            not_meant=wording.not_meant(result, paired=any(track.pair for track in context.tracks)),
            key_figures=key_figures(result),
            scores=score_figure(result.tracks, names=_names(context) if result.track_wise else None),
            roc=roc_figure(result),
            named=result.track_wise,
            growth=growth_figure(result),
            wealth=wealth_figure(result),
            bets=None if result.e_value is None else strength_wording.bets(result),
            one_feature=strength_wording.one_feature(result),
            control=None if result.a_a is None else found.control(result.a_a),
            control_reading=None if result.a_a is None else wording.uniformity_statement(result.a_a),
            uniformity=None if result.a_a is None else uniformity_figure(result.a_a),
            families=family_figure(result.features),
            features_first=lines[:_FEATURES_SHOWN],
            features_rest=lines[_FEATURES_SHOWN:],
            gate=None if result.blind is None else found.GATE[result.blind.state],
            blind=None if result.blind is None else _without_model(result.blind, result.alpha),
            glossary=report_terms(),
            near_copies=copies and near_copies.table(copies, context),
            near_copies_meaning=copies and near_copies.statement(copies),
            near_copies_rule=copies and near_copies.rule(copies),
            sets=tables.set_table(result, context),
            tracks=tables.track_table(result, context),
            failures=tables.failure_table(context),
            steps=steps(result, context),
            settings=tables.settings_table(result, context),
            environment=tables.environment_table(context),
            files=tables.file_table(context),
            references=references(feature.name for feature in result.features),
        )
    )


def _names(context: ReportContext) -> dict[str, str]:
    """What a reader calls each track."""
    return {track.track_id: track.title or track.path or track.track_id for track in context.tracks}


def _without_model(blind: Blind, alpha: float) -> str:
    """What the gate says and what is left once it is accounted for, as the record's reasons say it."""
    return " ".join(filter(None, (found.gate(blind, alpha), found.accounted(blind, alpha), blind.adjusted_detail)))


def _shown(value: object) -> object:
    """Clean what comes from outside; markup is already ours."""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def write_report(run_folder: Path, *, title: str | None = None, created: str | None = None) -> Path:
    """Read ``result.json`` and its surroundings from a run folder and write ``report.html`` there.

    Parameters
    ----------
    title
        The heading; a general one where neither this nor ``case.json`` says one.
    created
        The date to print, as text; without one the same run gives the same page.

    Raises
    ------
    EarwitnessError
        Where the folder or its ``result.json`` is missing, or a file in it cannot be read.
    """
    DatasetInferenceResult.read(run_folder / RESULT_NAME)
    Case.note(run_folder, title=title, report_made=created)
    path = run_folder / REPORT_NAME
    write_text(path, page_of(run_folder))
    return path


def page_of(run_folder: Path) -> str:
    """The page that the files of a run give: what ``report.html`` must be, to the letter."""
    return render_html(DatasetInferenceResult.read(run_folder / RESULT_NAME), report_context(run_folder))

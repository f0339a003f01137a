"""``earwitness report``: render a run folder again, and note the hashes of its files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options


def command(
    run: Annotated[Path, typer.Argument(help="The run folder that `earwitness audit` wrote.")],
    title: Annotated[str | None, typer.Option(help="The heading of the report.")] = None,
    case: options.CaseReference = None,
    author: options.Author = None,
    held_out_statement: options.HeldOutStatement = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print report.pdf too, with an installed Chromium or Chrome, or weasyprint.")
    ] = False,
) -> None:
    """Write report.html and hashes.json into a run folder, and print the result.

    What is stated here is kept in the run's case.json; what was stated before stays where nothing new is given.

    Example: earwitness report RUN --title "Audit for Example Records"
    """
    from earwitness.cli.console import Console
    from earwitness.files import file_sha256
    from earwitness.record.case import Case
    from earwitness.report.bundle import PDF_NAME, write_bundle_hashes
    from earwitness.report.context import report_context
    from earwitness.report.html import RESULT_NAME, write_report
    from earwitness.report.pdf import write_pdf
    from earwitness.report.text import print_result
    from earwitness.verdict.result import DatasetInferenceResult

    console = Console()
    Case.note(run, reference=case, author=author, held_out_statement=held_out_statement)
    page = write_report(run, title=title, created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    printed = write_pdf(page, run / PDF_NAME) if pdf else None
    hashes = write_bundle_hashes(run)  # before anything is printed: printing may end at a closed pipe
    context = report_context(run)
    print_result(DatasetInferenceResult.read(run / RESULT_NAME), console, context=context)
    for problem in context.unlogged:
        console.print(f"The log is not whole: {problem}.", markup=False, highlight=False, soft_wrap=True)
    console.print(f"report: {page}", markup=False, highlight=False, soft_wrap=True)
    if printed is not None:
        console.print(f"PDF: {printed}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"SHA-256 of {hashes.name}: {file_sha256(hashes)}", markup=False, highlight=False, soft_wrap=True)

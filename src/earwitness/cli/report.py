"""``earwitness report``: render a run folder again, and note the hashes of its files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The run folder that `earwitness audit` wrote.")],
    title: Annotated[str | None, typer.Option(help="The heading of the report.")] = None,
) -> None:
    """Write report.html and hashes.json into a run folder, and print the result.

    Example: earwitness report RUN --title "Audit for Example Records"
    """
    from earwitness.cli.console import Console
    from earwitness.files import file_sha256
    from earwitness.report.bundle import write_bundle_hashes
    from earwitness.report.context import report_context
    from earwitness.report.html import RESULT_NAME, write_report
    from earwitness.report.text import print_result
    from earwitness.verdict.result import DatasetInferenceResult

    page = write_report(run, title=title, created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    hashes = write_bundle_hashes(run)  # before anything is printed: printing may end at a closed pipe
    console = Console()
    print_result(DatasetInferenceResult.read(run / RESULT_NAME), console, context=report_context(run))
    console.print(f"report: {page}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"SHA-256 of {hashes.name}: {file_sha256(hashes)}", markup=False, highlight=False, soft_wrap=True)

"""``earwitness attempts``: every test that was made of a case, over its runs and models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli import options
from earwitness.errors import EarwitnessError

if TYPE_CHECKING:
    from earwitness.verdict.attempts import Attempt


def command(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of one case.")],
    as_json: options.AsJson = False,
) -> None:
    """List all tests made of these runs, the planned ones and the others, whatever came out.

    A run's log is checked first: a line that was changed, left out or put in is named, and so is a result that no
    line covers (status 2). Lines cut from the end together with their results leave no trace in the folder.

    Example: earwitness attempts RUN-A RUN-B --json > attempts.json
    """
    import json

    from earwitness.verdict.attempts import read_attempts, unlogged

    found = [(run, attempt) for run in runs for attempt in read_attempts(run)]
    if as_json:
        typer.echo(
            json.dumps([{"run": str(run), **attempt.model_dump(mode="json")} for run, attempt in found], indent=2)
        )
    else:
        _print(runs, found)
    if problems := [f"{run}: {problem}" for run in runs for problem in unlogged(run)]:
        raise EarwitnessError(f"Tests are missing from the log: {'; '.join(problems)}; restore the original log.")


def _print(runs: list[Path], found: "list[tuple[Path, Attempt]]") -> None:
    for run, attempt in found:
        p = "no p" if attempt.p_value is None else f"p {attempt.p_value:.4g}"
        settings = attempt.settings
        stamp = "as planned" if attempt.as_planned else f"NOT AS PLANNED: {'; '.join(attempt.differs)}"
        typer.echo(
            f"{run}  {attempt.number}  {attempt.made}  {attempt.target or '-'}  {settings.get('method')} at "
            f"{settings.get('alpha')}  {p}  {attempt.verdict}  {stamp}"
        )
    planned = sum(attempt.as_planned for _, attempt in found)
    typer.echo(
        f"{len(found)} attempts in {len(runs)} runs: {planned} as planned, {len(found) - planned} not as planned."
    )

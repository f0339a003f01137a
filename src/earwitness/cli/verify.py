"""``earwitness verify``: has any file of a run been changed since its hashes were noted?"""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.errors import EarwitnessError

_NAMED = 5


def command(
    run: Annotated[Path, typer.Argument(help="The run folder to check against its hashes.json.")],
) -> None:
    """Check every file of a run folder against hashes.json, and plan, features and results against the log of attempts.

    Exits with 2 where something does not match.

    Example: earwitness verify RUN
    """
    from earwitness.report.bundle import verify
    from earwitness.run_folder import inconsistencies

    found = verify(run)
    if not found.all_match:
        kinds = (("changed", found.changed), ("missing", found.missing), ("added", found.added))
        differences = "; ".join(f"{kind}: {_listed(names)}" for kind, names in kinds if names)
        raise EarwitnessError(
            f"{run} is not as it was when its hashes were noted ({differences}); "
            "restore the original files, or run the audit again."
        )
    if problems := inconsistencies(run):
        raise EarwitnessError(
            f"{run} contradicts its own log: {'; '.join(problems)}; restore the original files, or run the audit again."
        )
    typer.echo(f"{len(found.matching)} files match. SHA-256 of hashes.json: {found.hashes_sha256}")


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")

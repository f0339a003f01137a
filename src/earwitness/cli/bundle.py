"""``earwitness bundle``: a run as one file to hand over, signed if wanted."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The run folder that `earwitness audit` wrote.")],
    out: Annotated[Path | None, typer.Option(help="The zip to write; by default RUN.zip beside the run.")] = None,
    sign: Annotated[
        str | None,
        typer.Option(
            help="Command that signs the zip, its path last or where {} stands, such as "
            "'ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n earwitness' or 'minisign -S -m'."
        ),
    ] = None,
) -> None:
    """Put plan, tables, results, log, report and hashes into one zip; no audio goes in.

    The same run gives the same bytes. It holds the SHA-256 of every audio file and of the model's weights, and the
    paths and titles of the tracks.

    Example: earwitness bundle RUN --out case-17.zip
    """
    from earwitness.files import file_sha256
    from earwitness.record.signing import sign as sign_file
    from earwitness.report.archive import write_archive

    path = write_archive(run, out or run.resolve().with_suffix(".zip"))
    typer.echo(f"The bundle is {path}")
    typer.echo(f"SHA-256: {file_sha256(path)}")
    if sign is not None:
        typer.echo(f"signature: {', '.join(map(str, sign_file(path, sign)))}")

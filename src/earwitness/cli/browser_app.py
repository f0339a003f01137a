"""``earwitness app``: choose, look, audit, read and listen in a browser; or view a finished run."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    view: Annotated[
        Path | None, typer.Option(help="A run folder or a bundle (zip) to show, read only, instead of the app.")
    ] = None,
    work: Annotated[
        Path, typer.Option(help="Folder for audits and uploads; what runs in it is taken up again.")
    ] = Path("earwitness-work"),
    host: Annotated[
        str, typer.Option(help="Address to serve; any but this machine's own asks for a password, which is printed.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to serve; by default a free one from 7860 on.")
    ] = None,
) -> None:
    """Serve a page on this machine: choose a model and two sets, look at them, audit, read the report, listen.

    An audit runs in a process of its own: it outlives the page and this command. Nothing is sent anywhere.

    Example: earwitness app

    Example: earwitness app --view case-17.zip
    """
    from earwitness.app import server

    def say(line: str) -> None:
        typer.echo(line)

    if view is not None:
        server.serve_viewer(view, host=host, port=port, say=say)
    else:
        server.serve_app(work, host=host, port=port, say=say)

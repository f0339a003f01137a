"""Commands that other packages add, through the entry-point group ``earwitness.commands``.

Each is a Typer app under the name of its command. One that cannot be loaded costs its own command alone.
"""

from importlib.metadata import entry_points
from typing import cast

import typer


def added_commands() -> dict[str, typer.Typer]:
    """The apps of all installed packages, by the name of their command."""
    added = {}
    for point in entry_points(group="earwitness.commands"):
        try:
            added[point.name] = cast(typer.Typer, point.load())
        except Exception as error:  # whatever a stranger's package raises
            typer.echo(f"earwitness: the command {point.name!r} of {point.value} is left out: {error}", err=True)
    return added

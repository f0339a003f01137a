"""``earwitness targets``: the model families that can be asked."""

import typer

from earwitness.cli import options


def command(as_json: options.AsJson = False) -> None:
    """List the model families that can be asked, installed plug-ins included.

    Example: earwitness targets
    """
    import json

    from earwitness.targets import families

    described = {name: family.description for name, family in families().items()}
    if as_json:
        typer.echo(json.dumps(described, indent=2))
        return
    for name, text in described.items():
        typer.echo(f"{name:<20} {text}")

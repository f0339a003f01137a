"""``earwitness signals``: the presets, their features, and which way a member moves each."""

from typing import Annotated

import typer

from earwitness.cli import options


def command(
    preset: Annotated[str, typer.Option(help="Which preset to list.")] = "default",
    codebooks: Annotated[int, typer.Option(min=1, help="For a model of so many codebooks.")] = 4,
    guided: Annotated[
        bool, typer.Option(help="With the contrast features of a run that also asks without a prompt.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List a preset's features with direction, unit and source.

    Example: earwitness signals --preset iar
    """
    import json
    from dataclasses import asdict

    from earwitness.signals.tokens.presets import PRESETS, token_preset

    specs = token_preset(preset).specs(codebooks, guided=guided)
    if as_json:
        typer.echo(json.dumps([asdict(spec) for spec in specs], indent=2))
        return
    typer.echo(f"presets: {', '.join(PRESETS)}; {preset} has {len(specs)} features")
    for spec in specs:
        typer.echo(f"{spec.name:<58} member is {spec.member_is:<8} {spec.unit:<10} {spec.source}")

"""``earwitness signals``: presets and signals, their features, and which way a member moves each."""

from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli import options

if TYPE_CHECKING:
    from earwitness.signals.denoising.signal import DenoisingSignal
    from earwitness.signals.tokens.signal import TokenSignal
    from earwitness.spec import FeatureSpec


def command(
    preset: Annotated[str, typer.Option(help="Which preset to list.")] = "default",
    further: options.With = None,
    diffusion: Annotated[bool, typer.Option("--diffusion", help="List what diffusion models are asked.")] = False,
    codebooks: Annotated[int, typer.Option(min=1, help="For a model of so many codebooks.")] = 4,
    guided: Annotated[
        bool, typer.Option(help="With the contrast features of a run that also asks without a prompt.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List a preset's features with direction, unit and source, and the signals that can be added to it.

    Example: earwitness signals --preset iar

    Example: earwitness signals --with renyi --with recall

    Example: earwitness signals --diffusion --preset cdi
    """
    import json
    from dataclasses import asdict

    from earwitness.signals.registry import token_signals, token_signals_named

    if diffusion:
        _list_denoising(preset, further or [], as_json=as_json)
        return
    from earwitness.signals.tokens.presets import PRESETS, token_preset
    from earwitness.signals.tokens.signal import needs_of

    plain = token_preset(preset)
    chosen = plain.with_signals(token_signals_named(further or ()))
    specs = chosen.specs(codebooks, guided=guided)
    if as_json:
        typer.echo(json.dumps([asdict(spec) for spec in specs], indent=2))
        return
    typer.echo(f"presets: {', '.join(PRESETS)}; {chosen.name} has {len(specs)} features")
    for spec in specs:
        typer.echo(f"{spec.name:<58} member is {spec.member_is:<8} {spec.unit:<10} {_source(spec)}")
    of_scores = {spec.name for spec in plain.for_scores().specs(codebooks, guided=guided)}
    others = [spec.name for spec in plain.specs(codebooks, guided=guided) if spec.name not in of_scores]
    if left_out := dict.fromkeys(name.split("/")[0] for name in others):
        typer.echo(f"Models of scores (MIDI) are asked without {', '.join(left_out)}.")
    typer.echo("\nsignals that --with adds, and the passes over a window they cost beyond the plain one:")
    for name, signal in token_signals().items():
        needs = needs_of(signal)
        forward, backward = (sum(getattr(need, f"{way}_passes") for need in needs) for way in ("forward", "backward"))
        share = sum(getattr(need, "generated_share", 0) for need in needs)
        generated = f", {share:.0%} of the window generated" if share else ""
        typer.echo(f"{name:<16} {forward:>2} forward, {backward} backward{generated}; {_features(signal)}")


def _source(spec: "FeatureSpec") -> str:
    """The paper, and whether the number belongs to the score that is fixed before any is seen."""
    return f"{spec.source}  headline" if spec.headline else spec.source


def _list_denoising(preset: str, further: list[str], *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from earwitness.signals.denoising.presets import PRESETS, denoising_preset
    from earwitness.signals.denoising.stand_in import passes_of
    from earwitness.signals.registry import denoising_signals, denoising_signals_named

    chosen = denoising_preset(preset).with_signals(denoising_signals_named(further))
    if as_json:
        typer.echo(json.dumps([asdict(spec) for spec in chosen.specs], indent=2))
        return
    forward, backward = passes_of(chosen.signals)
    typer.echo(
        f"presets: {', '.join(PRESETS)}; {chosen.name} has {len(chosen.specs)} features, from {forward} forward and "
        f"{backward} backward passes over a window"
    )
    for spec in chosen.specs:
        typer.echo(f"{spec.name:<40} member is {spec.member_is:<8} {spec.unit:<10} {_source(spec)}")
    typer.echo("\nsignals that --with adds, and the passes over a window they cost alone (equal ones are shared):")
    for name, signal in denoising_signals().items():
        forward, backward = passes_of([signal])
        typer.echo(f"{name:<16} {forward:>2} forward, {backward} backward; {_features(signal)}")


def _features(signal: "TokenSignal | DenoisingSignal") -> str:
    return f"{len(signal.specs)} feature{'' if len(signal.specs) == 1 else 's'}"

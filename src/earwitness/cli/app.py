"""The table of commands."""

from typing import Annotated

import typer

from earwitness import __version__
from earwitness.cli import (
    anytime,
    attempts,
    audit,
    bench,
    browser_app,
    bundle,
    calibrate,
    check,
    curve,
    demo,
    extract,
    family,
    index,
    inspect,
    mark,
    merge,
    mia,
    plan,
    power,
    prompts,
    reference,
    report,
    signals,
    targets,
    test,
    twins,
    verify,
)
from earwitness.plug_ins import load_plug_ins

app = typer.Typer(
    name="earwitness",
    help="Has this model heard your music? Membership and dataset inference for generative audio models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"earwitness {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""


for _panel, _commands in {
    "The main job": (
        ("demo", demo),
        ("plan", plan),
        ("audit", audit),
        ("app", browser_app),
        ("report", report),
        ("bundle", bundle),
        ("verify", verify),
        ("attempts", attempts),
    ),
    "Stage by stage": (
        ("index", index),
        ("extract", extract),
        ("merge", merge),
        ("test", test),
        ("calibrate", calibrate),
    ),
    "Before and after": (
        ("inspect", inspect),
        ("prompts", prompts),
        ("power", power),
        ("mia", mia),
        ("family", family),
        ("curve", curve),
        ("anytime", anytime),
        ("twins", twins),
    ),
    "What there is": (("targets", targets), ("signals", signals), ("check", check)),
}.items():
    for _name, _module in _commands:
        app.command(_name, rich_help_panel=_panel)(_module.command)
app.add_typer(mark.app, name="mark", rich_help_panel="Before and after")
app.add_typer(reference.app, name="reference", rich_help_panel="What there is")
_added = load_plug_ins("earwitness.commands")  # Typer apps by the name of their command
app.add_typer(bench.bench_app(_added.pop("bench", None)), name="bench", rich_help_panel="What there is")
for _name, _app in _added.items():
    app.add_typer(_app, name=_name, rich_help_panel="Of other packages")

"""``earwitness twins``: after publication, whether a model prefers the published copies to their sealed twins."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options


def command(
    run: Annotated[Path, typer.Argument(help="The run folder; an interrupted run in it is continued.")],
    sealed: Annotated[Path, typer.Option(help="The folder that `earwitness mark` made.")],
    key: Annotated[Path, typer.Option(help="The key file.")],
    target: options.Target,
    prompts: Annotated[
        Path | None,
        typer.Option(help="CSV with the columns work and prompt: under what the model is asked about each work."),
    ] = None,
    preset: options.Preset = "default",
    further: options.With = None,
    seconds: options.Seconds = None,
    windows_per_track: options.WindowsPerTrack = "all",
    harmonise: options.Harmonise = "off",
    alpha: options.Alpha = 0.01,
    permutations: options.Permutations = 9999,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    dtype: options.Dtype = "float32",
    batch_size: options.BatchSize = 8,
    as_json: options.AsJson = False,
) -> None:
    """Ask the target about all copies of every sealed work; no held-out set is needed.

    The key drew which copy was published. A model that never saw it, or that cannot tell the marks, prefers none:
    the p-value then is uniform, whatever the model, the music and the artist. Where works reached the public only
    through an encoder, --harmonise codec brings all copies through one. By default all windows of a copy are read, so
    that the copies of a work are asked about the same stretches.

    The first test of a run folder is twins.json and stays; one with another level or other permutations is kept beside
    it (twins-0002.json …) and says so. The page twins.html stands beside an ordinary report, never in it.

    Example: earwitness twins run --sealed sealed --key secret.key --target facebook/musicgen-small
    """
    from earwitness.cli.progress import bar, sign_of_life
    from earwitness.settings import MeasureSettings, VerdictSettings
    from earwitness.twins import audit
    from earwitness.twins.page import write_twins
    from earwitness.twins.seal import read_key

    test = VerdictSettings(alpha=alpha, permutations=permutations, seed=seed)
    settings = MeasureSettings(
        target=target, preset=preset, further=tuple(further or ()), seconds=seconds,
        windows_per_track=windows_per_track, harmonise=harmonise, seed=seed,
        device=device, dtype=dtype, batch_size=batch_size,
    )  # fmt: skip
    with bar("reading the copies") as on_read, bar("asking the target") as on_ask:
        seal = audit.measure(
            run, sealed, read_key(key), settings, test, prompts=prompts, on_read=on_read, on_ask=on_ask
        )
    with sign_of_life("testing"):
        result, path = audit.judge(run, seal, test)
        page = write_twins(run, path, result, seal)
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
        return
    typer.echo(result.verdict.replace("_", " "))
    for sentence in (*result.reasons, *(f"warning: {warning}" for warning in result.warnings)):
        typer.echo(sentence)
    typer.echo(f"The record is {path}, its page {page}; the seal {seal.sha256}.")

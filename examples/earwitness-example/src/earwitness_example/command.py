"""``earwitness bigram``: a command that a package adds. What is heavy is imported where it is used."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Bigram models of waveforms (an example).", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Bigram models of waveforms (an example)."""


@app.command("train")
def train(
    folder: Annotated[Path, typer.Argument(help="Folder of WAV or FLAC files.")],
    out: Annotated[Path, typer.Option(help="The model directory to write.")],
) -> None:
    """Count a folder of audio.

    Example: earwitness bigram train my-audio --out my-model
    """
    from earwitness.audio import read_mono
    from earwitness_example.target import SAMPLE_RATE, count, encode, save

    files = sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".flac"))
    waves = [read_mono(path, SAMPLE_RATE) for path in files]
    save(count([encode(wave[None]) for wave in waves]), out)
    typer.echo(f"{len(files)} files counted; the model is {out}")

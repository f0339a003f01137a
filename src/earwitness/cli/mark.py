"""``earwitness mark``: before publication, copies of every work of which a key draws one."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options

app = typer.Typer(help="Before publication: sealed twins of every work.", invoke_without_command=True)


@app.callback()
def make(
    context: typer.Context,
    masters: Annotated[
        Path | None, typer.Option("--in", help="Folder of masters: audio, mono or stereo, or MIDI.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for copies/, published/ and seal.json.")] = None,
    key: Annotated[Path, typer.Option(help="The key file; made if it does not exist. Keep it secret.")] = Path("key"),
    copies: Annotated[int, typer.Option(help="Copies of each work.")] = 8,
    marks: Annotated[
        str | None,
        typer.Option(
            help="Kinds of marks, separated by commas: timing, tilt, pitch, noise for audio, velocity, onset, order "
            "for MIDI; by default all that the masters can have."
        ),
    ] = None,
    strength: Annotated[float, typer.Option(help="Strength of the marks; 1 is meant to be inaudible.")] = 1.0,
    beacon: Annotated[
        str, typer.Option(help="A public text that nobody could know beforehand, such as a lottery's numbers.")
    ] = "",
) -> None:
    """Make inaudibly different copies of every master, draw one of each for publication, and seal it all.

    Publish what lies under OUT/published, and only that. Have the seal's hash stamped by somebody before: it is
    printed at the end. Keep OUT and the key; `earwitness twins` needs both.

    Example: earwitness mark --in masters --out sealed --copies 8 --key secret.key
    """
    if context.invoked_subcommand is not None:
        return
    from earwitness.cli.progress import bar
    from earwitness.errors import EarwitnessError
    from earwitness.twins.mark import check_request, mark_folder
    from earwitness.twins.media import medium_in
    from earwitness.twins.seal import PUBLISHED, new_key

    if masters is None or out is None:
        raise EarwitnessError("Nothing to mark: give the folder of masters with --in and a new folder with --out.")
    kinds = medium_in(masters).kinds if marks is None else tuple(kind.strip() for kind in marks.split(","))
    check_request(out, copies=copies, kinds=kinds, strength=strength)
    with bar("marking") as on_progress:
        seal = mark_folder(
            masters, out, new_key(key),
            copies=copies, kinds=kinds, strength=strength, beacon=beacon, on_progress=on_progress,
        )  # fmt: skip
    typer.echo(f"{len(seal.works)} works, {copies} copies of each; publish what lies in {out / PUBLISHED}.")
    typer.echo(f"The seal: {seal.sha256}")


@app.command("commit")
def commit(
    key: Annotated[Path, typer.Argument(help="The key file; made if it does not exist.")],
) -> None:
    """Print the commitment to a key, to be given to others before a beacon is known; the key stays secret.

    Example: earwitness mark commit secret.key
    """
    from earwitness.twins.seal import commitment, new_key

    typer.echo(commitment(new_key(key)))


@app.command("verify")
def verify(
    sealed: Annotated[Path, typer.Argument(help="The folder that `earwitness mark` made.")],
    key: Annotated[Path | None, typer.Option(help="The key file; without it the copies alone are checked.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Recompute the seal: every copy, the commitment to the key, and the draw. Names what was changed.

    Example: earwitness mark verify sealed --key secret.key
    """
    import json

    from earwitness.twins.seal import Seal, inconsistencies, read_key

    seal = Seal.read(sealed)
    found = inconsistencies(sealed, seal, None if key is None else read_key(key))
    if as_json:
        typer.echo(json.dumps({"seal_sha256": seal.sha256, "problems": [str(finding) for finding in found]}, indent=2))
    else:
        for finding in found:
            typer.echo(str(finding))
        if not found:
            checked = "the copies" if key is None else "the copies, the key and the draw"
            typer.echo(f"As sealed: {checked} of {len(seal.works)} works. The seal: {seal.sha256}")
    if found:
        raise typer.Exit(1)

"""``earwitness verify``: is a run, or a bundle of one, what it says it is?"""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar
from earwitness.errors import EarwitnessError

_NAMED = 5


def command(
    run: Annotated[Path, typer.Argument(help="The run folder, or the bundle (zip) made of it.")],
    quick: Annotated[bool, typer.Option("--quick", help="Hashes and log alone; nothing is computed again.")] = False,
    signature: Annotated[
        str | None,
        typer.Option(
            help="Command that checks the bundle's signature; {} stands for the bundle, which is also its standard "
            "input: 'ssh-keygen -Y verify -f signers -I me@example.org -n earwitness -s {}.sig'."
        ),
    ] = None,
    audio: Annotated[
        list[Path] | None, typer.Option(help="Folder with the audio of the run (repeatable); files are found by hash.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The model, to measure a sample of the audio again.")] = None,
    sample: Annotated[int, typer.Option(min=1, help="Tracks to measure again.")] = 4,
    seed: Annotated[int, typer.Option(help="Draws the sample.")] = 0,
    device: options.Device = "auto",
    batch_size: options.BatchSize = 8,
) -> None:
    """Check files, log and plan; compute every result and render the page again; with audio and model, measure again.

    Whatever was changed is named, and the status is then 2. A log that was cut at its end together with the files of
    those tests, and hashed anew, fits: only an earlier copy, or its hash in another's hands, shows that.

    Example: earwitness verify case-17.zip --audio my-albums --audio my-unreleased --target facebook/musicgen-small
    """
    from earwitness.files import file_sha256
    from earwitness.report.archive import unpacked
    from earwitness.report.bundle import HASHES_NAME, hash_files
    from earwitness.text import counted

    if target is not None and not audio:
        raise EarwitnessError("A model alone cannot be asked again; give the audio of the run too, with --audio DIR.")
    if signature is not None:
        _check_signature(run, signature)
    with unpacked(run) as folder:
        _settle_growth(run, folder)
        _settle(run, _files(folder, quick=quick))
        noted = counted(len(hash_files(folder)), "file")
        typer.echo(f"{noted} as noted. SHA-256 of hashes.json: {file_sha256(folder / HASHES_NAME)}")
        if not quick:
            _settle(run, _computed(folder))
        if audio:
            _settle(run, _measured(folder, audio, target, sample, seed, device=device, batch_size=batch_size))


def _files(folder: Path, *, quick: bool) -> list[str]:
    from earwitness.record.run_folder import inconsistencies
    from earwitness.verdict.attempts import unlogged
    from earwitness.verification.recompute import changed_files, other_results

    if changed := list(changed_files(folder)):
        return changed
    found = inconsistencies(folder)
    # A result that lost its line is computed again all the same: what it says may be forged too.
    if found and found == unlogged(folder) and not quick and (folder / "plan.json").exists():
        with bar("computing again") as on_progress:
            found += other_results(folder, on_progress)
    return found


def _settle_growth(run: Path, folder: Path) -> None:
    """Say where hashes are merely older than the last test."""
    from earwitness.verification.recompute import tests_since

    if tests := tests_since(folder):
        raise EarwitnessError(
            f"{run} was tested again since its hashes were noted ({tests} more in the log, which only grew; nothing "
            f"else changed); `earwitness report {run}` writes the page and the hashes anew, then verify it."
        )


def _computed(folder: Path) -> list[str]:
    from earwitness.verification.recompute import other_page, other_results, results

    with bar("computing again") as on_progress:
        problems = [*other_results(folder, on_progress), *other_page(folder)]
    if not problems:
        typer.echo(f"Results computed again from the feature table: {len(results(folder))}, the same byte for byte.")
        typer.echo("The page rendered again: the same byte for byte.")
    return problems


def _measured(
    folder: Path, audio: list[Path], target: str | None, sample: int, seed: int, **machine: str | int
) -> list[str]:
    from earwitness.measure.plan import Plan
    from earwitness.text import counted
    from earwitness.verification import remeasure

    with bar("hashing the audio") as on_progress:
        found = remeasure.located(folder, audio, on_progress)
    if problems := list(remeasure.other_files(folder, found, audio)):
        return problems
    typer.echo(f"{counted(len(found), 'audio file')} found, as indexed.")
    if target is None:
        return []
    settings = remeasure.settings_of_plan(Plan.read(folder), target, **machine)
    with bar("asking the target again") as on_progress:
        problems = list(
            remeasure.other_measurements(folder, found, settings, sample=sample, seed=seed, on_progress=on_progress)
        )
    if not problems:
        typer.echo(f"{counted(min(sample, len(found)), 'track')} measured again: the model gives the same features.")
    return problems


def _settle(run: Path, problems: list[str]) -> None:
    """One line that names whatever was found."""
    if problems:
        more = f" and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise EarwitnessError(
            f"{run} is not what it says it is: {'; '.join(problems[:_NAMED])}{more}; restore the original files, or "
            "run the audit again."
        )


def _check_signature(run: Path, signature: str) -> None:
    from earwitness.record.signing import check_signature

    if run.is_dir():
        raise EarwitnessError(f"{run} is a folder, and a signature belongs to a bundle; give the zip.")
    typer.echo(f"signature: {check_signature(run, signature)}")

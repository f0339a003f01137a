"""``earwitness bench paper``: the paper's own experiments, checked and run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar

if TYPE_CHECKING:
    from earwitness.bench.paper.check import Checked
    from earwitness.bench.paper.commands import Machine
    from earwitness.bench.paper.experiments import Experiment

_DATA = "What there is"
_WHAT = "What is run"


def command(
    audiocaps: Annotated[
        Path | None, typer.Option(help="AudioCaps: train.csv, val.csv, test.csv and audio.", rich_help_panel=_DATA)
    ] = None,
    lakh: Annotated[
        Path | None,
        typer.Option(help="Lakh MIDI: FIGARO's splits/, lmd_full/, match_scores.json.", rich_help_panel=_DATA),
    ] = None,
    stable_audio: Annotated[
        Path | None,
        typer.Option(help="Stable Audio Open's attribution lists, audio, and held_out/.", rich_help_panel=_DATA),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="NAME=DIR: a checkpoint for an experiment, instead of the hub's.", rich_help_panel=_DATA),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where manifests and results go.")] = Path("paper"),
    only: Annotated[
        list[str] | None, typer.Option(help="An experiment by name (repeatable).", rich_help_panel=_WHAT)
    ] = None,
    tracks: Annotated[
        int | None, typer.Option(min=10, help="Tracks per side; 1000 by default.", rich_help_panel=_WHAT)
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Length of a window of audio.", rich_help_panel=_WHAT)
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Run the experiments that are ready.")] = False,
    device: options.Device = "auto",
    dtype: options.Dtype = "float32",
    batch_size: options.BatchSize = 8,
    as_json: options.AsJson = False,
) -> None:
    """Say which of the paper's experiments can run here and what the others lack; write the manifests.

    Prints the commands that run each ready experiment; with --run, runs them.

    Example: earwitness bench paper --audiocaps DIR --lakh DIR --target figaro=DIR --out paper

    Example: earwitness bench paper --audiocaps DIR --only tango --tracks 500 --run --out paper
    """
    import json

    from earwitness.bench.paper.check import check
    from earwitness.bench.paper.commands import Machine, command_lines, write_manifest
    from earwitness.bench.paper.experiments import experiments_named
    from earwitness.errors import EarwitnessError
    from earwitness.files import write_text

    experiments = [_sized(experiment, tracks, seconds) for experiment in experiments_named(only or ())]
    folders = {"--audiocaps": audiocaps, "--lakh": lakh, "--stable-audio": stable_audio}
    machine = Machine(device=device, dtype=dtype, batch_size=batch_size)
    checked = check(experiments, folders, _targets(target or ()), progress=bar)
    ready = [one for one in checked if one.ready]
    for one in ready:
        write_manifest(one, out)
    lines = {one.experiment.name: command_lines(one, out, machine) for one in ready}
    records = [_record(one, lines.get(one.experiment.name, [])) for one in checked]
    write_text(out / "check.json", json.dumps({"experiments": records}, indent=2) + "\n")
    if not as_json:
        _print(checked, {} if run else lines)
    if not run:
        if as_json:
            typer.echo(json.dumps({"experiments": records}, indent=2))
        return
    if not ready:
        raise EarwitnessError("No experiment is ready to run; mend what is missing first: see the lines marked with !.")
    outcome = _run(ready, out, machine)
    if as_json:
        typer.echo(json.dumps({"experiments": [record | outcome.get(str(record["name"]), {}) for record in records]}))
    failed = [name for name, found in outcome.items() if "failed" in found]
    if failed:
        raise EarwitnessError(f"{len(failed)} of {len(ready)} experiments failed: {outcome[failed[0]]['failed']}")


def _sized(experiment: "Experiment", tracks: int | None, seconds: float | None) -> "Experiment":
    from dataclasses import replace

    if tracks is not None:
        experiment = replace(experiment, tracks_a_side=tracks)
    if seconds is not None and experiment.seconds is not None:
        experiment = replace(experiment, seconds=seconds)
    return experiment


def _targets(given: Sequence[str]) -> dict[str, str]:
    from earwitness.bench.paper.experiments import experiments_named
    from earwitness.errors import EarwitnessError

    targets = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise EarwitnessError(f"--target {text!r} is not of the form NAME=DIR; name the experiment it belongs to.")
        targets[experiments_named([name])[0].name] = path
    return targets


def _record(one: "Checked", lines: Sequence[str]) -> dict[str, object]:
    (members, member_groups), (others, other_groups) = one.count(member=True), one.count(member=False)
    return {
        "name": one.experiment.name,
        "ready": one.ready,
        "dataset": one.experiment.dataset,
        "target": one.target,
        "presets": list(one.experiment.presets),
        "training_side": {"tracks": members, "groups": member_groups},
        "other_side": {"tracks": others, "groups": other_groups},
        "findings": [{"kind": found.kind, "blocks": found.blocks, "line": found.line} for found in one.findings],
        "commands": list(lines),
    }


def _print(checked: Sequence["Checked"], lines: Mapping[str, Sequence[str]]) -> None:
    for one in checked:
        (members, member_groups), (others, other_groups) = one.count(member=True), one.count(member=False)
        sides = f"{members} and {others} tracks in {member_groups} and {other_groups} groups"
        typer.echo(f"{one.experiment.name}: {f'ready, {sides}' if one.ready else 'not ready'}")
        for finding in sorted(one.findings, key=lambda found: not found.blocks):
            typer.echo(f"  {'!' if finding.blocks else '-'} {finding.line}")
        for line in lines.get(one.experiment.name, ()):
            typer.echo(f"  $ {line}")


def _run(ready: Sequence["Checked"], out: Path, machine: "Machine") -> dict[str, dict[str, object]]:
    """Run one after the other; what fails is told, and the others still run."""
    from earwitness.bench.paper.run import run_experiment
    from earwitness.errors import EarwitnessError

    outcome: dict[str, dict[str, object]] = {}
    for one in ready:
        name = one.experiment.name
        try:
            tables = run_experiment(one, out, machine=machine, progress=bar)
        except EarwitnessError as error:
            outcome[name] = {"failed": str(error)}
            typer.echo(f"{name}: failed: {error}", err=True)
            continue
        outcome[name] = {"verdicts": tables.verdicts.to_dicts()}
        typer.echo(f"{name}: done, its tables are in {out / name}", err=True)
    return outcome

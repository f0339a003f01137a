"""What an experiment leaves for others to run: its manifest, and the commands that do the rest.

Goal: everything an experiment does can be done by hand, on any machine, one command at a time.
"""

import csv
import shlex
from dataclasses import dataclass
from pathlib import Path

from earwitness.bench.paper.check import Checked
from earwitness.bench.paper.experiments import Experiment
from earwitness.collection.manifest import OPTIONAL, REQUIRED
from earwitness.files import write_atomically
from earwitness.verdict.admission import METHODS

_COLUMNS = (*REQUIRED, *OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the model runs: outside what fixes the numbers, but for the precision."""

    device: str = "auto"
    dtype: str = "float32"
    batch_size: int = 8


def write_manifest(checked: Checked, out: Path) -> Path:
    """Write the drawn tracks as a manifest with absolute paths; return its path ``out/NAME/manifest.csv``."""
    training, other = checked.experiment.roles
    rows = [
        {
            "path": str(track.path.absolute()) if track.path else "",
            "role": str(training if track.member else other),
            "group": track.group,
            "prompt": track.prompt,
            "title": track.title,
            "artist": track.artist,
        }
        for track in checked.tracks
    ]
    path = out / checked.experiment.name / "manifest.csv"

    def write(partial: Path) -> None:
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _COLUMNS, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    write_atomically(path, write)
    return path


def run_folder(experiment: Experiment, preset: str, out: Path) -> Path:
    """Where an experiment's numbers under a preset go."""
    return out / experiment.name / preset


def command_lines(checked: Checked, out: Path, machine: Machine) -> list[str]:
    """The commands that run an experiment from its manifest to its figures, in order; none without a target."""
    experiment, target = checked.experiment, checked.target
    if target is None:
        return []
    manifest, seed = out / experiment.name / "manifest.csv", ["--seed", str(experiment.seed)]
    lines = []
    for preset in experiment.presets:
        run = run_folder(experiment, preset, out)
        window = ["--windows-per-track", str(experiment.windows_per_track)]
        window += [] if experiment.seconds is None else ["--seconds", f"{experiment.seconds:g}"]
        where = ["--device", machine.device, "--dtype", machine.dtype, "--batch-size", str(machine.batch_size)]
        lines += [
            _line("index", run, "--manifest", manifest),
            _line("extract", run, "--target", target, "--preset", preset, *window, *seed, *where),
            _line("mia", run, *seed, "--out", run / "membership.json"),
        ]
        for method in METHODS:
            lines.append(_line("test", run, "--method", method, *seed, "--out", run / f"result-{method}.json"))
            curve = shlex.quote(str(run / f"curve-{method}.json"))
            lines.append(f"{_line('curve', run, '--method', method, *seed, '--json')} > {curve}")
    return lines


def _line(*words: object) -> str:
    return shlex.join(["earwitness", *map(str, words)])

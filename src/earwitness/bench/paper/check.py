"""Whether an experiment can run on what is there: data, draw and target, and exactly what is missing.

Goal: every experiment gets an answer, whatever is wrong with the others. A data set that several
experiments share is read and drawn from once.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from earwitness.bench.paper.datasets import DATASETS
from earwitness.bench.paper.experiments import Experiment
from earwitness.bench.paper.listing import Finding, Listed
from earwitness.bench.paper.selection import Draw, Selection, select
from earwitness.errors import EarwitnessError
from earwitness.text import printable
from earwitness.types import Bar, OnProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An experiment with its tracks and target, and what stands in its way.

    ``tracks`` holds the training side first; it is empty where the data set cannot be read.
    """

    experiment: Experiment
    target: str | None
    tracks: tuple[Listed, ...]
    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing blocks it."""
        return not any(finding.blocks for finding in self.findings)

    def count(self, *, member: bool) -> tuple[int, int]:
        """Tracks and groups of the training side or of the other."""
        rows = [row for row in self.tracks if row.member is member]
        return len(rows), len({row.group for row in rows})


def silent(description: str) -> AbstractContextManager[OnProgress]:
    """Show no progress."""
    return nullcontext(lambda done, total: None)


def check(
    experiments: Sequence[Experiment],
    folders: Mapping[str, Path | None],
    targets: Mapping[str, str],
    *,
    progress: Bar = silent,
) -> list[Checked]:
    """Check experiments against the folders and targets that a user has.

    Parameters
    ----------
    experiments
        What is to be checked.
    folders
        By option (``--audiocaps`` …); ``None`` or absent where none was given.
    targets
        Checkpoint folders or hub ids by experiment, in the place of the published ids.
    progress
        Shows the reading of files.

    Returns
    -------
    list of Checked
        In the order of ``experiments``. Malformed lists are findings here, not errors.

    Raises
    ------
    EarwitnessError
        Where a folder was given that does not exist.
    """
    for option, folder in folders.items():
        if folder is not None and not folder.is_dir():
            raise EarwitnessError(f"The folder {folder} of {option} does not exist; give the folder of the data set.")
    drawn: dict[tuple[str, Draw], Selection] = {}
    checked = []
    for experiment in experiments:
        draw = Draw(
            tracks_a_side=experiment.tracks_a_side, tracks_a_group=experiment.tracks_a_group,
            seconds=experiment.seconds, seed=experiment.seed,
        )  # fmt: skip
        key = experiment.dataset, draw
        if key not in drawn:
            drawn[key] = _from_dataset(experiment.dataset, folders, draw, progress)
        target = targets.get(experiment.name, experiment.target)
        checked.append(
            Checked(
                experiment=experiment, target=target, tracks=drawn[key].tracks,
                findings=(*drawn[key].findings, *_about(experiment, target)),
            )
        )  # fmt: skip
    return checked


def _from_dataset(name: str, folders: Mapping[str, Path | None], draw: Draw, progress: Bar) -> Selection:
    dataset = DATASETS[name]
    folder = folders.get(dataset.option)
    if folder is None:
        line = f"No folder was given; give {dataset.option} DIR, which holds {dataset.contents}."
        return Selection(tracks=(), findings=(Finding(kind="no_folder", line=line, blocks=True),))
    try:
        listing = dataset.load(folder)
    except EarwitnessError as error:
        return Selection(tracks=(), findings=(Finding(kind="list_unusable", line=str(error), blocks=True),))
    if any(finding.blocks for finding in listing.findings):
        return Selection(tracks=(), findings=listing.findings)
    with progress(f"reading {name}") as on_progress:
        selection = select(listing, draw, on_progress=on_progress)
    return Selection(tracks=selection.tracks, findings=(*listing.findings, *selection.findings))


def _about(experiment: Experiment, target: str | None) -> list[Finding]:
    """What is to be said of the model: whether it is there, and whether anything is to be found with it."""
    found = [] if (finding := _target(experiment, target)) is None else [finding]
    if not experiment.trained_on:
        line = "The model's makers list no such training data: evidence of use would be a false alarm."
        found.append(Finding(kind="control", line=line))
    return found


def _target(experiment: Experiment, target: str | None) -> Finding | None:
    option = f"--target {experiment.name}="
    if target is None:
        line = f"The checkpoint is on no hub; download it and give its folder: {option}DIR."
        return Finding(kind="no_target", line=line, blocks=True)
    folder = Path(target).expanduser()
    if folder.is_dir():
        from earwitness.targets.registry import families

        family = next((name for name, candidate in families().items() if candidate.matches(folder)), None)
        if family in experiment.families:
            return None
        held = f"a model of the family {family}" if family else "no model of a known family"
        line = (
            f"{printable(target)} holds {held}, and {' or '.join(experiment.families)} is needed; correct {option}DIR."
        )
        return Finding(kind="other_target", line=line, blocks=True)
    if target.count("/") == 1 and not target.startswith((".", "/", "~")) and not folder.exists():
        line = f"{printable(target)} is fetched from the hub, or from its cache, when the experiment runs."
        return Finding(kind="target_from_hub", line=line)
    line = f"The target {printable(target)} is neither a folder nor a hub id; correct {option}DIR."
    return Finding(kind="no_target", line=line, blocks=True)

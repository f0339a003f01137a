"""A ground-truth target after each of several training lengths, as model folders.

Goal: the same model and split, from hardly trained to well remembered, because methods differ
where the signal is weak. The shipped checkpoint is one of the lengths; the others come from the
target's recipe, which is run or continued in the work folder where they are not there yet.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from earwitness.ground_truth.registry import shipped
from earwitness.types import OnMessage
from earwitness_bench.recipes import recipe
from earwitness_bench.recipes.kept import kept_epochs

KINDS = {"fiddle": "token", "chorale": "symbolic", "hum": "diffusion"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """One checkpoint: the target's name, the epochs it was trained for, and where it lies."""

    target: str
    epochs: int
    model: Path

    @property
    def kind(self) -> str:
        """``token``, ``symbolic`` or ``diffusion``."""
        return KINDS[self.target]


def lengths(epochs: Mapping[str, tuple[int, ...]], work: Path, *, report: OnMessage) -> Iterator[Length]:
    """Give the checkpoints one after the other; training, where needed, happens on the way.

    Parameters
    ----------
    epochs
        Training lengths by target; an empty tuple stands for the shipped one.
    work
        ``work/training/NAME`` is the recipe's own folder, ``work/models/NAME-EPOCHS`` what it makes.
    report
        Takes a line of progress.
    """
    for name, wanted in epochs.items():
        card = shipped(name)
        for count in wanted or (card.read().epochs,):
            at_hand = count == card.read().epochs
            model = card.model if at_hand else _trained(name, count, work, report)
            yield Length(target=name, epochs=count, model=model)


def _trained(name: str, epochs: int, work: Path, report: OnMessage) -> Path:
    out = work / "models" / f"{name}-{epochs:04d}"
    if not (out / "card.json").exists():
        folder = work / "training" / name
        # A recipe of two stages keeps what its second made.
        if epochs not in kept_epochs(folder) | kept_epochs(folder, "second-epoch-"):
            report(f"{name}: training; this takes up to an hour on two cores and can be interrupted")
            recipe(name).train(folder, report=report)
        report(f"{name}: publishing epoch {epochs}")
        recipe(name).publish(folder, epochs, out)
    return out / "model"

"""The ground-truth targets by name, each a folder with a checkpoint, a card and a module that writes its collection.

Goal: one line per target, and nothing heavy is imported before it is wanted. How the
targets were trained is told by the recipes of the ``earwitness-bench`` distribution.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import Card, read_card

#: The name of a target → the module of its package that writes its collection.
TARGETS = {"chorale": "scores", "fiddle": "tunes", "hum": "tunes", "twins": "works"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTrack:
    """A track of a collection, written to a file, with the hash of what it holds."""

    path: Path
    prompt: str
    title: str
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Shipped:
    """A target in the package: its checkpoint and its card."""

    name: str

    @property
    def model(self) -> Path:
        """The folder of the checkpoint."""
        return Path(__file__).parent / self.name / "model"

    def read(self) -> Card:
        """The card of the checkpoint."""
        return read_card(Path(__file__).parent / self.name / "card.json")


class Collection(Protocol):
    """The module of a target that writes its collection."""

    def write_track(self, name: str, folder: Path) -> WrittenTrack:
        """Write one piece of the collection into the folder, as the model met it."""


def shipped(name: str) -> Shipped:
    """The checkpoint and the card of a target."""
    known(name)
    return Shipped(name)


def collection(name: str) -> Collection:
    """What a target was trained on, and what it was not."""
    known(name)
    return cast(Collection, import_module(f"earwitness.ground_truth.{name}.{TARGETS[name]}"))


def known(name: str) -> None:
    """Refuse a name that no target has."""
    if name not in TARGETS:
        raise EarwitnessError(f"There is no ground-truth target {name!r}; there are: {', '.join(TARGETS)}.")

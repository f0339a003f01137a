"""The ground-truth targets by name, each a package with a ``card`` and a module that writes its collection.

Goal: one line a target. What the commands need of one is written down as structural types,
so a package answers for itself and nothing heavy is imported before it is wanted. How the
targets were trained is told by the recipes of the ``earwitness-bench`` distribution.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import Card

#: The name of a target → the module of its package that writes its collection.
TARGETS = {"chorale": "scores", "fiddle": "tunes", "hum": "excerpts"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTrack:
    """A track of a collection, written to a file, with the hash of what it holds."""

    path: Path
    prompt: str
    title: str
    content_sha256: str


class Shipped(Protocol):
    """The module ``card`` of a target."""

    MODEL: Path

    def read(self) -> Card:
        """The card of the shipped checkpoint."""


class Collection(Protocol):
    """The module of a target that writes its collection."""

    def write_track(self, name: str, folder: Path) -> WrittenTrack:
        """Write one piece of the collection into the folder, as the model met it."""


def shipped(name: str) -> Shipped:
    """The checkpoint and the card of a target."""
    known(name)
    return cast(Shipped, import_module(f"earwitness.ground_truth.{name}.card"))


def collection(name: str) -> Collection:
    """What a target was trained on, and what it was not."""
    known(name)
    return cast(Collection, import_module(f"earwitness.ground_truth.{name}.{TARGETS[name]}"))


def known(name: str) -> None:
    """Refuse a name that no target has."""
    if name not in TARGETS:
        raise EarwitnessError(f"There is no ground-truth target {name!r}; there are: {', '.join(TARGETS)}.")

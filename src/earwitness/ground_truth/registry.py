"""The ground-truth targets by name, each a package with a ``card`` and a ``recipe``.

Goal: one line a target. What the commands need of one is written down as structural types,
so a package answers for itself and nothing heavy is imported before it is wanted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import Card

TARGETS = {
    "chorale": "earwitness.ground_truth.chorale",
    "fiddle": "earwitness.ground_truth.fiddle",
    "hum": "earwitness.ground_truth.hum",
}


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


class Recipe(Protocol):
    """The module ``recipe`` of a target."""

    def train(self, work: Path, *, report: Callable[[str], None]) -> int:
        """Run or continue the training in ``work``; return the last kept epoch."""

    def publish(self, work: Path, epoch: int, out: Path) -> Card:
        """Make the model directory and the card of one kept epoch."""

    def write_track(self, name: str, folder: Path) -> WrittenTrack:
        """Write one tune of the collection into the folder, as the model met it."""


def shipped(name: str) -> Shipped:
    """The checkpoint and the card of a target."""
    return cast(Shipped, import_module(f"{_package(name)}.card"))


def recipe(name: str) -> Recipe:
    """How a target is made."""
    return cast(Recipe, import_module(f"{_package(name)}.recipe"))


def _package(name: str) -> str:
    if name not in TARGETS:
        raise EarwitnessError(f"There is no ground-truth target {name!r}; there are: {', '.join(TARGETS)}.")
    return TARGETS[name]

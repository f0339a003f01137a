"""How the ground-truth targets were trained, one module per target, and what the recipes share.

Goal: ``recipe(name)`` trains and publishes a target of ``earwitness.ground_truth`` again, or one of the further ones
whose weights are not shipped, from the pieces of its collection to a model directory with its card.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import Card, read_card
from earwitness.ground_truth.data import WrittenData, write_tracks
from earwitness.ground_truth.registry import TARGETS
from earwitness.types import OnProgress

#: Second targets of a kind, whose cards are kept here; their weights are not shipped.
SECOND = ("reed", "pipa", "jig", "drone")
#: Comparison models and variants of other targets, asked about those targets' collections, a flow,
#: and models of marked works, which `benchmarks/twins_ask.py` asks.
FURTHER = (
    *SECOND,
    "fiddle_unheard",
    "fiddle_augmented",
    "jig_unheard",
    "brook",
    "twins_encoded",
    "twins_hum",
    "twins_scores",
)


class Recipe(Protocol):
    """The module of a target's recipe."""

    def train(self, work: Path, *, report: Callable[[str], None]) -> int:
        """Run or continue the training in ``work``; return the last kept epoch."""

    def publish(self, work: Path, epoch: int, out: Path) -> Card:
        """Make the model directory and the card of one kept epoch."""


def recipe(name: str) -> Recipe:
    """How a target is made."""
    if name not in (*TARGETS, *FURTHER):
        raise EarwitnessError(f"There is no recipe {name!r}; there are: {', '.join((*TARGETS, *FURTHER))}.")
    return cast(Recipe, import_module(f"earwitness_bench.recipes.{name}"))


def write_collection(name: str, out: Path, *, on_progress: OnProgress) -> WrittenData:
    """Write the collection of one of the ``SECOND`` targets; see `write_data`."""
    if name not in SECOND:
        raise EarwitnessError(f"{name!r} has no collection of its own here; there are: {', '.join(SECOND)}.")
    tunes = read_card(Path(__file__).parent.parent / "cards" / f"{name}.json").tunes
    write_track = import_module(f"earwitness_bench.recipes.{name}").writer()
    return write_tracks(tunes, write_track, out, on_progress=on_progress)

"""How the ground-truth targets were trained, one module per target, and what the recipes share.

Goal: ``recipe(name)`` trains and publishes a target of ``earwitness.ground_truth`` again, or one of the further ones
whose weights are not shipped, from the pieces of its collection to a model directory with its card.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import Card
from earwitness.ground_truth.registry import TARGETS

#: Targets that are not shipped: second ones of a kind, comparison models, and variants.
FURTHER = ("reed", "jig", "fiddle_unheard", "fiddle_augmented", "jig_unheard")


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

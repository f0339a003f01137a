"""Where the ``fiddle`` target lies, and its card."""

from pathlib import Path

from earwitness.ground_truth.card import Card, CardTune, read_card

__all__ = ["FOLDER", "MODEL", "Card", "CardTune", "read"]

FOLDER = Path(__file__).parent
MODEL = FOLDER / "model"


def read(path: Path = FOLDER / "card.json") -> Card:
    """Read a card; the shipped one by default."""
    return read_card(path)

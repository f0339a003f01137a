"""Where the ``hum`` target lies, and its card."""

from pathlib import Path

from earwitness.ground_truth.card import Card, read_card

FOLDER = Path(__file__).parent
MODEL = FOLDER / "model"


def read(path: Path = FOLDER / "card.json") -> Card:
    """Read a card; the shipped one by default."""
    return read_card(path)

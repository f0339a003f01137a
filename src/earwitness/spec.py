"""What a feature is: its name, its unit, and which way a member moves it.

Goal: the one vocabulary shared by signals (which make features), tables (which store
them) and tests (which read them). A direction belongs to the feature, never to a call.
"""

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Which way a feature moves for a track that the model was trained on."""

    HIGHER = "higher"
    LOWER = "lower"
    UNKNOWN = "unknown"

    @property
    def sign(self) -> int:
        """+1, −1, or 0 where no direction is known: multiply by it to get *higher = member*."""
        return {"higher": 1, "lower": -1, "unknown": 0}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """A named number per window.

    Attributes
    ----------
    name
        ``signal[/setting=value…][/codebook=k][/contrast…]``, for instance
        ``min_k/k=0.2/codebook=0``. Names beginning with ``blind/`` never ask the model.
    member_is
        The direction a member moves it; ``unknown`` keeps it out of directed tests.
    unit
        For the reader: ``nats``, ``nats/byte``, ``share`` …
    source
        The paper it comes from.
    headline
        Whether it belongs to the one score that is fixed before any number is seen: a signal pooled over
        everything it has parts for, chosen on ground truth (docs/design/default-question.md).
    """

    name: str
    member_is: Direction
    unit: str = ""
    source: str = ""
    headline: bool = False

"""A section of the page: blocks of Markdown, and the drawings they point to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

AS_USED: Mapping[str, str] = {"exact": "default", "cdi": "published", "iar": "published", "llm-di": "published"}
"""The features each method would be used with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """``drawings`` holds SVG by file name without its end."""

    heading: str
    blocks: tuple[str, ...]
    drawings: Mapping[str, str] = field(default_factory=dict)

    def markdown(self) -> str:
        """The section with its heading."""
        return "\n\n".join([f"## {self.heading}", *self.blocks])


def after(epochs: int) -> str:
    """``1 epoch``, ``12 epochs``."""
    return f"{epochs:,} epoch{'' if epochs == 1 else 's'}"

"""What the page is made of: paragraphs, tables, lists, drawings, and what is folded away.

Goal: sections say what is shown, and one template (``page.md.j2``) how that looks in Markdown. Conventions: a
paragraph is a ``str``; every cell and sentence is Markdown already (``earwitness_bench.page.markdown``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    kind: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class Bullets:
    """One sentence per line."""

    sentences: Sequence[str]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing that lies beside the tables (its file's name without end), with the words that stand for it."""

    name: str
    spoken: str
    kind: ClassVar[str] = "picture"


@dataclass(frozen=True, slots=True)
class Folded:
    """What is folded away under a summary until it is asked for."""

    summary: str
    shown: "Block"
    kind: ClassVar[str] = "folded"


Block = str | Table | Bullets | Picture | Folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """``drawings`` holds SVG by file name without its end."""

    heading: str
    blocks: Sequence[Block]
    drawings: Mapping[str, str] = field(default_factory=dict)


def rendered(title: str, sections: Sequence[Section], *, drawings: str = "bench/") -> str:
    """The page in Markdown; ``drawings`` stands before the names of its drawings."""
    environment = Environment(
        loader=PackageLoader("earwitness_bench.page", "."), autoescape=False, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    page = environment.get_template("page.md.j2").render(title=title, sections=sections, drawings=drawings)
    return page.rstrip("\n") + "\n"

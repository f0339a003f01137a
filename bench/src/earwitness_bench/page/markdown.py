"""Markdown that reads well on a code host, and in which strangers' text stays text.

Goal: the few shapes the page is made of. Conventions: an em dash stands for what was not
measured; an estimate is followed by its 95 % limits in brackets; shares have one decimal.
"""

import html
import math
import re
from collections.abc import Iterable, Sequence

from earwitness.text import harmless
from earwitness.verdict.numbers import ABSENT, decimal

_MARKUP = re.compile(r"[\\`*_\[\]|~$]")
Row = Sequence[str]


def text(stranger: object) -> str:
    r"""Text from a table, which can hold a stranger's words, as Markdown that shows just that.

    >>> print(text("<b>A|B</b> *loud* https://x.org"))
    &lt;b&gt;A\|B&lt;/b&gt; \*loud\* https&#58;//x.org
    """
    if stranger is None:
        return ABSENT
    escaped = _MARKUP.sub(r"\\\g<0>", html.escape(harmless(str(stranger)), quote=False))
    return escaped.replace("://", "&#58;//").replace("www.", "www&#46;")


def code(name: object) -> str:
    """A name from our own vocabulary, or a stranger's, set as code; pipes would end a cell even there."""
    return f"`{harmless(str(name)).replace('`', 'ʼ').replace('|', '¦')}`"


def table(columns: Row, rows: Iterable[Row]) -> str:
    """A table; the cells are Markdown already."""
    lines = [_line(columns), _line(["---"] * len(columns)), *map(_line, rows)]
    return "\n".join(lines)


def details(summary: str, *blocks: str) -> str:
    """What is folded away until it is asked for."""
    body = "\n\n".join(blocks)
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def bullets(sentences: Iterable[str]) -> str:
    """One sentence per line."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def picture(name: str, spoken: str) -> str:
    """A drawing that lies beside the tables, with the words that stand for it."""
    return f"![{spoken}](bench/{name}.svg)"


def known(value: float | None) -> bool:
    """Whether there is a finite number."""
    return value is not None and math.isfinite(value)


def number(value: float | None, low: float | None = None, high: float | None = None, *, digits: int = 3) -> str:
    """``0.585 [0.548, 0.621]``."""
    estimate = decimal(value, digits)
    if not known(value) or not (known(low) and known(high)):
        return estimate
    return f"{estimate} [{decimal(low, digits)}, {decimal(high, digits)}]"


def share(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """``1.2% [0.2%, 4.4%]``."""
    if value is None or not math.isfinite(value):
        return ABSENT
    estimate = f"{value:.1%}"
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return estimate
    return f"{estimate} [{low:.1%}, {high:.1%}]"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def times(number_of: int, noun: str, plural: str | None = None) -> str:
    """``1 cell``, ``4 cells``."""
    return f"{number_of:,} {noun if number_of == 1 else plural or noun + 's'}"


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"

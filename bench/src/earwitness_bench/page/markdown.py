"""Markdown of single words and figures, in which strangers' text stays text.

Conventions: an em dash stands for what was not measured; an estimate is followed by its
95 % limits in brackets; shares have one decimal.
"""

import html
import math
import re
from collections.abc import Sequence

from earwitness.text import harmless
from earwitness.verdict.numbers import ABSENT, decimal

_MARKUP = re.compile(r"[\\`*_\[\]|~$]")


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


def after(epochs: int) -> str:
    """``1 epoch``, ``12 epochs``."""
    return f"{epochs:,} epoch{'' if epochs == 1 else 's'}"

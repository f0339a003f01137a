"""How figures are written: enough digits to be right, never more than they can carry.

Conventions: fixed notation with a leading zero, thousands with commas, a no-break space
before the per cent sign, and an em dash for what was not computed.
"""

import math

from earwitness.verdict.result import Interval

ABSENT = "—"


def is_known(value: float | None) -> bool:
    """Whether there is a finite number to show."""
    return value is not None and math.isfinite(value)


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with that many decimals, or the em dash where it is absent or undefined."""
    return ABSENT if value is None or not math.isfinite(value) else f"{value:z.{digits}f}".replace("-", "−")


def count(value: int | None) -> str:
    """A whole number with thousands separated by commas, or the em dash."""
    return ABSENT if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """A share as a percentage: at least one significant digit below 1 %, one decimal at most above."""
    if share is None or not math.isfinite(share):
        return ABSENT
    value = 100 * share
    text = f"{value:.1f}" if value >= 1 else _fixed(value, 1)
    return f"{text.removesuffix('.0')}\N{NO-BREAK SPACE}%"


def p_value(p: float | None, *, alpha: float) -> str:
    """Write a p-value with two significant digits, or more where rounding would move it across α.

    A positive p-value is never shown as zero: p = 0.0004 gives ``0.0004``, and p = 0.0104
    beside α = 0.01 gives ``0.0104``, since ``0.01`` would read as a rejection. Below 1e-7 the
    zeros are counted: ``3.7e-24``.
    """
    if p is None or not math.isfinite(p):
        return ABSENT
    for digits in range(2, 17):
        text = f"{p:.{digits - 1}e}" if 0 < p < 1e-7 else _fixed(p, digits)
        if (float(text) <= alpha) == (p <= alpha):
            return text
    return repr(p)


def interval(value: Interval | None, digits: int = 2) -> str:
    """An estimate with its interval: ``0.64 (0.56 to 0.72)``."""
    if value is None or not is_known(value.estimate):
        return ABSENT
    if not (is_known(value.low) and is_known(value.high)):
        return decimal(value.estimate, digits)
    return f"{decimal(value.estimate, digits)} ({decimal(value.low, digits)} to {decimal(value.high, digits)})"


def frequency(p: float) -> str:
    """A probability as a natural frequency: ``1 of 2,500`` when rare, ``34 of 100`` when common."""
    return f"1 of {round(1 / p):,}" if p <= 0.1 else f"{round(100 * p)} of 100"


def minutes_seconds(seconds: float | None) -> str:
    """A duration as ``m:ss``."""
    if seconds is None or not math.isfinite(seconds):
        return ABSENT
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def _fixed(value: float, significant: int) -> str:
    """Round to significant digits, in fixed notation without trailing zeros."""
    if value == 0:
        return "0"
    decimals = max(significant - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

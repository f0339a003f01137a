import math

import pytest

from earwitness.verdict.numbers import count, decimal, frequency, interval, minutes_seconds, p_value, percent
from earwitness.verdict.result import Interval


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1.0, "1"),
        (0.3412, "0.34"),
        (0.0004, "0.0004"),
        (0.00012345, "0.00012"),
        (1e-4, "0.0001"),
        (3.2e-7, "0.00000032"),
        (3.7e-24, "3.7e-24"),
        (None, "—"),
        (math.nan, "—"),
    ],
)
def test_p_value_has_two_significant_digits_in_fixed_notation_unless_it_is_tiny(p: float | None, text: str) -> None:
    assert p_value(p, alpha=0.01) == text


@pytest.mark.parametrize(
    ("p", "text"), [(0.0104, "0.0104"), (0.0096, "0.0096"), (0.01, "0.01"), (0.010001, "0.010001")]
)
def test_rounding_never_moves_a_p_value_across_alpha(p: float, text: str) -> None:
    assert p_value(p, alpha=0.01) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.01, "1\xa0%"), (0.123, "12.3\xa0%"), (0.0026, "0.3\xa0%"), (0.00004, "0.004\xa0%"), (0, "0\xa0%"), (None, "—")],
)
def test_percent_keeps_small_shares_apart_from_zero(share: float | None, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(("p", "text"), [(0.0004, "1 of 2,500"), (0.03, "1 of 33"), (0.3412, "34 of 100")])
def test_frequency_counts_audits(p: float, text: str) -> None:
    assert frequency(p) == text


def test_undefined_is_a_dash_and_negative_zero_is_zero() -> None:
    assert [decimal(v, 2) for v in (None, math.nan, math.inf, -0.001, -1.5)] == ["—", "—", "—", "0.00", "−1.50"]
    assert [count(v) for v in (None, 0, 12345)] == ["—", "0", "12,345"]
    assert [minutes_seconds(v) for v in (None, math.nan, 59.6, 125)] == ["—", "—", "1:00", "2:05"]


def test_interval_shows_only_what_is_known() -> None:
    assert interval(Interval(estimate=0.641, low=0.562, high=0.718)) == "0.64 (0.56 to 0.72)"
    assert interval(Interval(estimate=0.641, low=None, high=0.718)) == "0.64"
    assert interval(Interval(estimate=None, low=0.1, high=0.2)) == "—"
    assert interval(None) == "—"

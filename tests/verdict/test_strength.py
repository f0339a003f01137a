"""The verbal scale: the guideline's ranges, where a word is given, and no word that counts do not carry."""

import re
from pathlib import Path

import pytest

from earwitness.report.html import render_html
from earwitness.verdict.result import DatasetInferenceResult
from earwitness.verdict.strength import CALIBRATION, CAP, SCALE, Counted, carried, reached, support
from earwitness.verdict.strength_wording import sentence, word_of
from tests.report.samples import VERDICTS, bare_result, full_context, full_result

PAGE = Path(__file__).parents[2] / "docs" / "level-and-power.md"


def at(e_value: float | None, **changes: object) -> DatasetInferenceResult:
    return full_result(tracks=10).model_copy(update={"e_value": e_value, **changes})


@pytest.mark.parametrize(
    ("e_value", "word"),
    [
        (1.99, None), (2, "weak"), (9.99, "weak"), (10, "moderate"), (100, "moderately strong"),
        (999, "moderately strong"), (1_000, "strong"), (10_000, "very strong"),
        (999_999, "very strong"), (1e6, "extremely strong"),
    ],
)  # fmt: skip
def test_the_words_begin_where_the_guideline_lets_them(e_value: float, word: str | None) -> None:
    found = reached(at(e_value))
    assert (found.name if found else None) == word


@pytest.mark.parametrize("verdict", [verdict for verdict in VERDICTS if verdict != "evidence_of_use"])
def test_no_word_without_evidence(verdict: str) -> None:
    assert support(at(5000, verdict=verdict)) is None
    assert sentence(at(5000, verdict=verdict)).startswith("No word of the verbal scale")


def test_no_word_where_the_bet_cannot_speak() -> None:
    full = full_result(tracks=10)
    assert full.blind is not None
    for changes, why in (
        ({"blind": None}, "not shown to be alike"),
        ({"method": "cdi"}, "published procedure"),
        ({"e_value": None}, "within pairs"),
        ({"e_value": 1.3}, "ended at 1.30, and the scale begins at 2"),
    ):
        result = full.model_copy(update=changes)
        assert word_of(result) is None
        assert why in sentence(result)
    assert "nothing could be tested" in sentence(bare_result("cannot_be_tested"))


def test_the_scale_ends_with_the_highest_word_that_its_counts_carry() -> None:
    names = [word.name for word in SCALE]
    ends = names.index(CAP.name)
    assert all(carried(word, CALIBRATION[word.name]) for word in SCALE[: ends + 1])
    assert ends + 1 < len(SCALE), "a scale without an end needs an endless calibration"
    assert not carried(SCALE[ends + 1], CALIBRATION[names[ends + 1]])
    result = at(1e9)
    assert support(result) == CAP
    assert f"ends here with “{CAP.name} support”" in sentence(result)
    assert "ends here" not in sentence(at(CAP.least))


def test_few_audits_without_use_carry_no_high_word() -> None:
    assert Counted(100, 100, 0, 100).least_ratio == pytest.approx(26.6, abs=0.1)
    assert not carried(SCALE[2], Counted(100, 100, 0, 100))
    assert carried(SCALE[2], Counted(100, 100, 0, 1000))


def test_the_calibration_is_the_table_on_the_page() -> None:
    rows = re.findall(
        r"\| (.+) or higher \| from [\d,]+ \| ([\d,]+) of ([\d,]+) \| ([\d,]+) of ([\d,]+) \|", PAGE.read_text()
    )
    stated = {name: Counted(*(int(number.replace(",", "")) for number in numbers)) for name, *numbers in rows}
    assert stated == CALIBRATION


def test_the_word_stands_on_the_first_page_with_its_counts() -> None:
    page = render_html(at(CAP.least), full_context(tracks=10))
    counts = CALIBRATION[CAP.name]
    assert f"<strong>at least {CAP.name} support</strong> for the first proposition" in page
    assert f"{counts.without_use} of {counts.audits_without_use:,} without" in page
    assert "Strength of evidence:" not in render_html(at(5, verdict="no_evidence"), full_context(tracks=10))

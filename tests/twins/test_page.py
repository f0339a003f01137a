"""The page of a keyed-twins run: what stands on it, and that it is as closed as the report's."""

import re
from pathlib import Path

import pytest

from earwitness.twins.page import place_figure, render_twins, write_twins
from earwitness.twins.seal import Seal, SealedWork
from earwitness.twins.verdict import Work, twins_test
from tests.twins.test_verdict import table


def _seal(works: int, copies: int, beacon: str = "") -> Seal:
    return Seal(
        key_commitment="ab" * 32, beacon=beacon, marks=("tilt", "noise"), strength=3.0,
        works=tuple(
            SealedWork(name=f"w{i}", master_sha256=f"{i:064x}", copies=("0" * 64,) * copies) for i in range(works)
        ),
    )  # fmt: skip


def test_what_was_found_stands_on_the_page_with_what_it_rests_on(tmp_path: Path) -> None:
    result, seal = twins_test(table(1, works=30, known=2.0)), _seal(30, 4, beacon="<b>draw of 2 May</b>")
    page = write_twins(tmp_path, tmp_path / "twins-0002.json", result, seal)
    assert page.name == "twins-0002.html"
    text = page.read_text()
    assert "Evidence of use" in text
    for reason in result.reasons:
        assert reason in text
    for fact in (seal.sha256, seal.key_commitment, "tilt, noise, at strength 3", "30, of which 4 copies each"):
        assert fact in text
    assert "&lt;b&gt;draw of 2 May&lt;/b&gt;" in text
    assert "No beacon was used" not in text
    assert not re.search(r"<script|https?://(?!www\.w3\.org)|\son\w+=", text)
    assert render_twins(result, seal) == text


def test_without_a_finding_no_draw_is_told_as_rare(tmp_path: Path) -> None:
    text = render_twins(twins_test(table(0, works=30)), _seal(30, 4), target="some model")
    assert "No evidence of use" in text
    assert "some model" in text
    assert "No beacon was used" in text
    few = render_twins(twins_test(table(0, works=1)), _seal(1, 4))
    assert "Cannot be tested" in few
    assert "<svg" not in few


@pytest.mark.parametrize("copies", [2, 4, 16])
def test_the_bars_count_every_work_once(copies: int) -> None:
    twins = copies - 1
    works = [Work(name=f"w{i}", above=float(i % copies), twins=twins) for i in range(3 * copies)]
    figure = place_figure([*works, Work(name="tied", above=twins / 2, twins=twins)])
    assert figure is not None
    counts = [int(row[2]) for row in figure.rows]
    assert sum(counts) == 3 * copies + 1
    assert len(counts) == min(copies, 10)
    if copies <= 10:
        assert sorted(counts) == [3] * (copies - 1) + [4]
    assert place_figure([]) is None

from io import StringIO

import pytest
from rich.console import Console

from earwitness.report.text import print_result
from earwitness.verdict.result import DatasetInferenceResult, Verdict
from tests.report.samples import VERDICTS, bare_result, full_result, hostile


def printed(result: DatasetInferenceResult, *, width: int = 140) -> list[str]:
    console = Console(width=width, record=True, file=StringIO())
    print_result(result, console)
    return console.export_text().splitlines()


def test_the_screen_of_a_full_result() -> None:
    lines = [line.rstrip() for line in printed(full_result())]
    assert lines[0].startswith("╭─ Evidence of use ─")
    assert "│ The difference reaches the threshold" in lines[3]
    for row in (
        "p-value                              0.0004",
        "smallest possible p-value            0.0001",
        "threshold α                          0.01",
        "AUC with 95\xa0% interval               0.66 (0.58 to 0.75)",
        "A/A false alarms with 95\xa0% interval  0\xa0% (0\xa0% to 1.8\xa0%)",
        "smallest AUC seen with power 0.8     0.61",
        "share of the suspect set used        at least 18.3\xa0%",
        "blind gate                           passed (AUC without the model 0.52)",
        "groups                               16 suspect, 20 held out",
        "files left out                       1 suspect, 2 held out",
        "target                               models/fiddle-musicgen",
    ):
        assert row in lines
    assert any(line.startswith("strongest of 60 features") for line in lines)
    assert any(line.split() == ["min_k/k=0.3/codebook=all", "higher", "0.663", "0.048", "0"] for line in lines)
    assert lines[-2] == "Warnings"
    assert lines[-1].startswith("– Sixteen suspect groups are few")


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("width", [80, 140])
def test_every_verdict_fits_one_screen(verdict: Verdict, width: int) -> None:
    wordy = full_result(verdict=verdict).model_copy(
        update={"reasons": ["A reason. " * 9] * 3, "warnings": ["W " * 60] * 9}
    )
    for result in (full_result(verdict=verdict), bare_result(verdict)):
        lines = printed(result, width=width)
        assert max(map(len, lines)) <= min(width, 100)
        assert len(lines) <= 40
    assert "– and 5 more, in the record" in [line.rstrip() for line in printed(wordy, width=width)]


def test_absent_figures_have_no_line() -> None:
    text = "\n".join(printed(bare_result("no_evidence")))
    assert "AUC" not in text
    assert "—" not in text


def test_strangers_input_is_printed_literally() -> None:
    result, _ = hostile("[red]x[/red]\x1b[31m\u202e")
    text = "\n".join(printed(result))
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text

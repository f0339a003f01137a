"""The log of attempts: a chain in which no line can be changed, dropped or put in unnoticed."""

from pathlib import Path
from typing import Any

import pytest

from earwitness.errors import EarwitnessError
from earwitness.verdict.attempts import FIRST, LOG_NAME, append, differences, line_hash, next_number, read_attempts


def content(**changes: Any) -> dict[str, Any]:
    return {
        "made": "2026-01-01T00:00:00+00:00",
        "settings": {"alpha": 0.01},
        "differs": (),
        "verdict": "no_evidence",
        "p_value": 0.5,
        "target": "a model",
        "plan_hash": "ab",
        "features_sha256": "cd",
        "result": "result.json",
        "result_sha256": "ef",
        "version": "1",
    } | changes


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for p in (0.5, 0.2, 0.004):
        append(tmp_path, content(p_value=p))
    return tmp_path


def test_lines_are_numbered_and_chained(run: Path) -> None:
    lines = (run / LOG_NAME).read_text().splitlines()
    attempts = read_attempts(run)
    assert [attempt.number for attempt in attempts] == [1, 2, 3]
    assert [attempt.p_value for attempt in attempts] == [0.5, 0.2, 0.004]
    assert [attempt.previous for attempt in attempts] == [FIRST, line_hash(lines[0]), line_hash(lines[1])]
    assert next_number(run) == 4


def test_no_log_is_no_attempt(tmp_path: Path) -> None:
    assert read_attempts(tmp_path) == []
    assert next_number(tmp_path) == 1


@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        (lambda lines: [lines[0].replace("0.5", "0.6"), *lines[1:]], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0], lines[2]], 2),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (lambda lines: [lines[1], lines[0], lines[2]], 1),
        (lambda lines: [*lines, lines[2][:40]], 4),
        (lambda lines: [*lines, ""], 4),
    ],
    ids=["changed", "first dropped", "middle dropped", "put in", "swapped", "torn", "blank"],
)
def test_a_broken_chain_is_named_and_never_added_to(run: Path, tamper: Any, line: int) -> None:
    path = run / LOG_NAME
    path.write_text("\n".join(tamper(path.read_text().splitlines())) + "\n")
    before = path.read_bytes()
    with pytest.raises(EarwitnessError, match=rf"attempts\.jsonl, line {line},"):
        read_attempts(run)
    with pytest.raises(EarwitnessError, match=rf"line {line},"):
        append(run, content())
    assert path.read_bytes() == before


def test_differences_name_settings() -> None:
    assert differences({"alpha": 0.01, "seed": 0}, {"alpha": 0.2, "seed": 0}) == ["alpha was 0.01, now 0.2"]
    assert differences({"higher": []}, {"higher": ["score_*"]}) == ['higher was [], now ["score_*"]']


def test_a_clock_that_goes_back_breaks_no_chain(run: Path) -> None:
    append(run, content(made="2016-01-01T00:00:00+00:00"))
    append(run, content(made="2026-01-02T00:00:00+00:00"))
    assert [attempt.number for attempt in read_attempts(run)] == [1, 2, 3, 4, 5]

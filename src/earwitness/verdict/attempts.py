"""The log of a run: every test that was made of it, whatever came out.

Goal: a court asks how many tests were tried, and with what settings. Each test of a run folder is one
line of ``attempts.jsonl``; a line holds the hash of the line before, so none can be changed, dropped
or put in between without a break. Conventions: the log is only ever appended to; what a line says of
the result is held by the result's own hash.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from earwitness.errors import EarwitnessError
from earwitness.files import locked, write_text

LOG_NAME = "attempts.jsonl"
RESULT_NAME = "result.json"
OTHER_RESULTS = "attempts"
FIRST = "0" * 64


class Attempt(BaseModel):
    """One test of a run folder.

    Attributes
    ----------
    number
        From 1, in order.
    made
        Time, UTC, ISO 8601.
    settings
        The test's settings, and the directions given by hand.
    differs
        Sentences that say in what it departs from the run's plan; empty for the planned test.
    verdict, p_value
        What came out.
    target
        The model's name as its user gave it.
    plan_hash, features_sha256
        Of the plan, and of the feature table's files.
    result, result_sha256
        The file that holds the result, relative to the run folder, and its hash.
    version
        Of earwitness.
    previous
        SHA-256 of the line before; 64 zeros for the first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    made: str
    settings: dict[str, Any]
    differs: tuple[str, ...]
    verdict: str
    p_value: float | None
    target: str | None
    plan_hash: str
    features_sha256: str
    result: str
    result_sha256: str
    version: str
    previous: str

    @property
    def as_planned(self) -> bool:
        """Whether it is the test that the plan laid down."""
        return not self.differs


def append(run: Path, content: Mapping[str, Any]) -> Attempt:
    """Add a line to the log of a run folder; ``number`` and ``previous`` are settled here.

    Raises
    ------
    EarwitnessError
        Where the log there is broken, or cannot be written.
    """
    path = run / LOG_NAME
    with locked(run, LOG_NAME):
        lines = _lines(path)
        _check(path, lines)
        previous = line_hash(lines[-1]) if lines else FIRST
        attempt = Attempt(number=len(lines) + 1, previous=previous, **content)
        write_text(path, "".join(f"{line}\n" for line in (*lines, attempt.model_dump_json())))
    return attempt


def next_number(run: Path) -> int:
    """The number that the next attempt gets."""
    return len(_lines(run / LOG_NAME)) + 1


def read_attempts(run: Path) -> list[Attempt]:
    """Read the log of a run folder, checking that each line follows from the one before; empty where there is none.

    Raises
    ------
    EarwitnessError
        Naming the first line that does not.
    """
    path = run / LOG_NAME
    return _check(path, _lines(path))


def unlogged(run: Path) -> list[str]:
    """Results in a run folder that no line of its log covers: one sentence per file; empty where all are covered.

    A log that was cut or deleted leaves these behind. Where they were deleted with it, nothing in the folder tells.
    """
    attempts = read_attempts(run)
    covered = {attempt.result for attempt in attempts}
    log = (
        f"{LOG_NAME}, whose last line is attempt {len(attempts)}"
        if attempts
        else f"{LOG_NAME}, which is missing or empty"
    )
    results = [run / RESULT_NAME, *sorted((run / OTHER_RESULTS).glob("*.json"))]
    names = [path.relative_to(run).as_posix() for path in results if path.exists()]
    return [f"{name} is covered by no line of {log}" for name in names if name not in covered]


def line_hash(line: str) -> str:
    """SHA-256 of a line without its line end."""
    return hashlib.sha256(line.encode()).hexdigest()


def differences(planned: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name the settings in which a test departs from the planned one: ``alpha was 0.01, now 0.2``."""
    return [
        f"{name} was {_short(planned.get(name))}, now {_short(now.get(name))}"
        for name in sorted(planned.keys() | now.keys())
        if planned.get(name) != now.get(name)
    ]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise EarwitnessError(f"{path} cannot be read ({error}); restore the original file.") from None


def _check(path: Path, lines: Sequence[str]) -> list[Attempt]:
    attempts = []
    previous = FIRST
    for number, line in enumerate(lines, 1):
        try:
            attempt = Attempt.model_validate_json(line)
        except ValidationError:
            raise EarwitnessError(f"{path}, line {number}, is no attempt; restore the original file.") from None
        if (attempt.number, attempt.previous) != (number, previous):
            raise EarwitnessError(
                f"{path}, line {number}, does not follow from the line before: a line was changed, left out or put in; "
                "restore the original file."
            )
        attempts.append(attempt)
        previous = line_hash(line)
    return attempts


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"

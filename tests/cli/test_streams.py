"""Interrupts and streams that cannot hold every letter end in one line, or go on."""

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from earwitness import cli
from earwitness.report.bundle import verify
from tests.report.samples import full_result


def run(monkeypatch: pytest.MonkeyPatch, body: Callable[[], None]) -> int:
    """Run the command line with ``body`` in place of its commands; return its exit status."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr("earwitness.cli.app.app", body)
    try:
        with pytest.raises(SystemExit) as caught:
            cli.main()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return int(caught.value.code or 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_says_that_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    assert run(monkeypatch, lambda: os.kill(os.getpid(), number)) == 128 + number
    assert "finished parts are kept, the same command goes on from there" in capsys.readouterr().err


def test_letters_that_the_pipe_cannot_hold_become_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", pipe)

    def body() -> None:
        print("α ≤ 1 %")
        raise SystemExit(0)

    assert run(monkeypatch, body) == 0
    pipe.flush()
    assert pipe.buffer.getvalue() == b"? ? 1 %\n"  # type: ignore[attr-defined]


@contextmanager
def closed_pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output is a pipe that nobody reads any more, as behind ``| head``."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as pipe, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", pipe)
        yield


def called(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command line; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["earwitness", *map(str, arguments)])
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as caught:
            cli.main()
    finally:
        signal.signal(signal.SIGINT, before)
    return int(caught.value.code or 0)


def test_a_report_into_a_closed_pipe_is_whole_and_verifies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full_result().write(tmp_path / "result.json")
    with closed_pipe(monkeypatch):
        assert called(monkeypatch, "report", tmp_path) == 0
    assert (tmp_path / "report.html").is_file()
    hashes = verify(tmp_path)
    assert (hashes.changed, hashes.missing, hashes.added) == ((), (), ())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_report_on_a_stream_that_cannot_hold_every_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    result = full_result()
    result = result.model_copy(update={"warnings": ["音楽 🎸 “Ω” \u2028 été", *result.warnings]})
    result.write(tmp_path / "result.json")
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        assert called(patched, "report", tmp_path) == 0
    stream.flush()
    shown = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert "?? ?" in shown
    assert "SHA-256 of hashes.json" in shown
    hashes = verify(tmp_path)
    assert (hashes.changed, hashes.missing, hashes.added) == ((), (), ())


def test_a_family_takes_run_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        full_result().write(tmp_path / name / "result.json")
    assert called(monkeypatch, "family", tmp_path / "a", tmp_path / "b" / "result.json", "--json") == 0
    claims = json.loads(capsys.readouterr().out)["claims"]
    assert [Path(claim["result"]).parent.name for claim in claims] == ["a", "b"]
    (tmp_path / "empty").mkdir()
    assert called(monkeypatch, "family", tmp_path / "empty") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("earwitness:")]
    assert len(lines) == 1
    assert "empty" in lines[0]


def test_work_goes_on_behind_a_closed_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in ``earwitness audit … 2>&1 | head``: progress and lines go nowhere, the run is made all the same."""

    def body() -> None:
        for _ in range(20):
            print("line " * 1000, flush=True)
        (tmp_path / "made").touch()
        raise SystemExit(0)

    with closed_pipe(monkeypatch):
        before = sys.stdout
        assert run(monkeypatch, body) == 0
        assert sys.stdout is before
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize("columns", [80, 140])
def test_a_family_breaks_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    full_result().write(tmp_path / "result.json")
    monkeypatch.setenv("COLUMNS", str(columns))
    assert called(monkeypatch, "family", tmp_path) == 0
    said = capsys.readouterr().out
    assert "1 claim at a family level of 0.01" in said
    assert max(map(len, said.splitlines())) <= columns
    for words in ("verdict in the family", "evidence of use", "p (Holm)", "e-BH"):
        assert words in said

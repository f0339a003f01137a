"""Interrupts and streams that cannot hold every letter end in one line, or go on."""

import io
import os
import signal
import sys
from collections.abc import Callable

import pytest

from earwitness import cli


def run(monkeypatch: pytest.MonkeyPatch, body: Callable[[], None]) -> int:
    """Run the command line with ``body`` in place of its commands; return its exit status."""
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("earwitness.cli.app.app", body)
    try:
        with pytest.raises(SystemExit) as caught:
            cli.main()
    finally:
        signal.signal(signal.SIGINT, before)
    return int(caught.value.code or 0)


def test_an_interrupt_says_that_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT)) == 130
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

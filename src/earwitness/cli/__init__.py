"""The command line: one file per command, each a few lines around a function of the package.

Goal: a user's mistake ends with one clear line and exit status 2, never a traceback; a
verdict, whatever it is, ends with status 0. Importing this module imports no model code.
"""

import io
import os
import signal
import sys
from types import FrameType
from typing import Any

from earwitness.errors import EarwitnessError


class _Stopped(BaseException):
    """Ctrl-C or a polite end, under a name that Click does not turn into a bare "Aborted"."""

    def __init__(self, number: int) -> None:
        self.number = number


def main() -> None:
    """Run the command line."""
    from earwitness.cli.app import app

    _write_any_text()
    streams = _outlive_readers()
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except EarwitnessError as error:
        print(f"earwitness: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (_Stopped, KeyboardInterrupt) as stopped:
        print("earwitness: stopped; finished parts are kept, the same command goes on from there.", file=sys.stderr)
        raise SystemExit(128 + (stopped.number if isinstance(stopped, _Stopped) else signal.SIGINT)) from None
    finally:
        for name, stream in streams.items():
            getattr(sys, name).flush()
            setattr(sys, name, stream)


def _write_any_text() -> None:
    """Write what the terminal or pipe cannot encode as question marks, not as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")


class _Outliving(io.FileIO):
    """A stream whose reader may go away: what follows goes nowhere, and the command goes on."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return len(data)


def _outlive_readers() -> dict[str, io.TextIOWrapper]:
    """Let a run end although `| head` has seen enough: an hour's work is not lost to a closed pipe.

    Return the streams that were replaced, by name.
    """
    replaced = {}
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if not isinstance(stream, io.TextIOWrapper) or stream.isatty():
                continue
            stream.flush()
            raw = _Outliving(stream.fileno(), "wb", closefd=False)
        except OSError:  # a stream that is no file has no reader to lose
            continue
        replaced[name] = stream
        setattr(
            sys, name,
            io.TextIOWrapper(
                io.BufferedWriter(raw), encoding=stream.encoding, errors="replace", line_buffering=name == "stderr"
            ),
        )  # fmt: skip
    return replaced


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped(number)

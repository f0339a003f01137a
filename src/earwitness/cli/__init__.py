"""The command line: one file per command, each a few lines around a function of the package.

Goal: a user's mistake ends with one clear line and exit status 2, never a traceback; a
verdict, whatever it is, ends with status 0. Importing this module imports no model code.
"""

import os
import signal
import sys
from types import FrameType

from earwitness.errors import EarwitnessError


class _Stopped(BaseException):
    """Ctrl-C, under a name that Click does not turn into a bare "Aborted"."""


def main() -> None:
    """Run the command line."""
    from earwitness.cli.app import app

    _write_any_text()
    signal.signal(signal.SIGINT, _stop)
    try:
        app()
    except EarwitnessError as error:
        print(f"earwitness: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (_Stopped, KeyboardInterrupt):
        print("earwitness: stopped; finished parts are kept, the same command goes on from there.", file=sys.stderr)
        raise SystemExit(130) from None


def _write_any_text() -> None:
    """Write what the terminal or pipe cannot encode as question marks, not as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped

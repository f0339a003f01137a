"""The command line: one file a command, each a few lines around a function of the package.

Goal: a user's mistake ends with one clear line and exit status 2, never a traceback; a
verdict, whatever it is, ends with status 0. Importing this module imports no model code.
"""

import sys

from earwitness.errors import EarwitnessError


def main() -> None:
    """Run the command line."""
    from earwitness.cli.app import app

    try:
        app()
    except EarwitnessError as error:
        print(f"earwitness: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("earwitness: stopped; finished parts are kept, the same command goes on from there.", file=sys.stderr)
        raise SystemExit(130) from None

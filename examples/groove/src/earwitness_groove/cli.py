"""The command ``earwitness-groove``: prepare a clone, ask the models, sum up what they said."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from earwitness.errors import EarwitnessError
from earwitness_groove.measure import measure
from earwitness_groove.prepare import prepare
from earwitness_groove.repository import SOURCE, Clone
from earwitness_groove.summary import summary


def main() -> None:
    """Run a command; a mistake of the user's ends with one line and status 2."""
    parser = argparse.ArgumentParser(prog="earwitness-groove", description="Published drum models for earwitness.")
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("prepare", help="take models and performances out of a clone")
    first.add_argument("clone", type=Path, help=f"a clone of {SOURCE}")
    first.add_argument("out", type=Path, help="the folder to fill")
    second = commands.add_parser("measure", help="ask every model about every performance")
    second.add_argument("out", type=Path, help="the folder that prepare filled")
    third = commands.add_parser("summary", help="print a table of AUCs and verdicts")
    third.add_argument("tables", type=Path, nargs="+", help="files that measure wrote")
    try:
        for line in _lines(parser.parse_args()):
            print(line, flush=True)
    except EarwitnessError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def _lines(given: argparse.Namespace) -> Iterable[object]:
    if given.command == "prepare":
        return prepare(Clone(given.clone), given.out)
    if given.command == "measure":
        return measure(given.out, report=lambda line: print(line, file=sys.stderr, flush=True))
    return summary(given.tables)

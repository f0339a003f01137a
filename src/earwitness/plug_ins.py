"""Plug-ins: what installed packages register; one that is broken is named and left out, and spoils nothing."""

import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from earwitness.text import printable


def load_plug_ins(group: str, use: Callable[[Any], Any] = lambda loaded: loaded) -> dict[str, Any]:
    """Load everything that is registered under an entry point group, by name and in order of name.

    ``use`` makes of what was loaded what is wanted; a plug-in for which it raises is left out too.
    """
    found = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        try:
            found[entry.name] = use(entry.load())
        except Exception as error:  # a stranger's module raises whatever it likes on import
            package = f" of the package {entry.dist.name}" if entry.dist else ""
            print(
                f"earwitness: the plug-in {entry.name} ({entry.value}){package} cannot be loaded "
                f"({type(error).__name__}: {printable(str(error))}) and is left out; mend or uninstall it.",
                file=sys.stderr,
            )
    return found

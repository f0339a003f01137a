"""Plug-ins: what installed packages register; one that is broken is named and left out, and spoils nothing."""

import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from earwitness.text import printable

_SAID: set[str] = set()


def load_plug_ins(
    group: str, use: Callable[[Any], Any] = lambda loaded: loaded, *, only: str | None = None
) -> dict[str, Any]:
    """Load everything that is registered under an entry point group, by name and in order of name.

    ``use`` makes of what was loaded what is wanted; a plug-in for which it raises is left out too. ``only`` is the
    one name that is wanted.
    """
    found = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        if only not in (None, entry.name):
            continue
        try:
            found[entry.name] = use(entry.load())
        except Exception as error:  # a stranger's module raises whatever it likes on import
            package = f" of the package {entry.dist.name}" if entry.dist else ""
            _say(
                f"the plug-in {entry.name} ({entry.value}){package} cannot be loaded "
                f"({cause(error)}) and is left out; mend or uninstall it."
            )
    return found


def is_strangers(thing: object) -> bool:
    """Whether an object's class comes from another package than this one."""
    return type(thing).__module__.split(".")[0] != __name__.split(".")[0]


def cause(error: Exception) -> str:
    """An error of a stranger's code in one line."""
    return printable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def say_once(about: str, text: str) -> None:
    """Say something on standard error, only once about the same thing."""
    if about not in _SAID:
        _SAID.add(about)
        _say(text)


def _say(text: str) -> None:
    print(f"earwitness: {text}", file=sys.stderr)

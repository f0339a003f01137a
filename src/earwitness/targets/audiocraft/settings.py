"""The settings inside a release file: a YAML text in which values may point at other values.

Goal: one place that reads them, follows ``${sample_rate}``-style references and says in
one line which setting is missing, of the wrong kind, or outside what can be mapped.
Names are dotted paths (``transformer_lm.dim``); an absent value reads as ``None``.
"""

import re
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import yaml

from earwitness.errors import TargetError

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
_LONGEST_CHAIN = 8
_SHOWN = reprlib.Repr()
_SHOWN.maxlevel, _SHOWN.maxstring, _SHOWN.maxother = 2, 80, 80
"""Aliases let a few hundred bytes of YAML stand for billions of values; no message spells them out."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Plain values only, and no ``<<``: each level of merges would multiply the pairs of the one before."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.YAMLError("it merges mappings with <<, which no release does")


class Needed(NamedTuple):
    """A setting that only one value of can be mapped; ``if_absent`` is audiocraft's own default."""

    name: str
    value: object
    if_absent: object


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one file; ``where`` names that file in errors."""

    tree: dict[str, object]
    where: str

    @classmethod
    def parse(cls, text: str, where: str) -> "Settings":
        """Read YAML with plain values only: no tag in it can build an object."""
        try:
            tree = _Loader(text).get_single_data()
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TargetError(f"{where}: its settings are not readable YAML ({reason}); get the file again.") from None
        if not isinstance(tree, dict):
            raise TargetError(f"{where}: its settings hold no names; get the file again.")
        return cls(tree, where)

    def get(self, name: str) -> object:
        """Return the value under a dotted name, references followed; ``None`` where there is none."""
        value = self._raw(name)
        for _ in range(_LONGEST_CHAIN):
            reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
            if reference is None:
                return value
            value = self._raw(reference[1])
        raise TargetError(f"{self.where}: its setting {name} refers to itself; get the file again.")

    def integer(self, name: str, *, if_absent: int | None = None) -> int:
        """Return a whole number ≥ 1."""
        value = self.get(name)
        value = if_absent if value is None else value
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.wrong(name, value, "a whole number of at least 1")
        return value

    def whole(self, name: str, *, if_absent: int) -> int:
        """Return a whole number of at least −1, which stands for no limit."""
        value = self.get(name)
        value = if_absent if value is None else value
        if isinstance(value, bool) or not isinstance(value, int) or value < -1:
            raise self.wrong(name, value, "a whole number of at least -1")
        return value

    def number(self, name: str) -> float:
        """Return a number > 0."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise self.wrong(name, value, "a number above 0")
        return float(value)

    def real(self, name: str) -> float:
        """Return a number."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, value, "a number")
        return float(value)

    def flag(self, name: str, *, if_absent: bool) -> bool:
        """Return true or false."""
        value = self.get(name)
        value = if_absent if value is None else value
        if not isinstance(value, bool):
            raise self.wrong(name, value, "true or false")
        return value

    def text(self, name: str) -> str:
        """Return a text that is not empty."""
        value = self.get(name)
        if not isinstance(value, str) or not value:
            raise self.wrong(name, value, "a text")
        return value

    def integers(self, name: str) -> list[int]:
        """Return a list of whole numbers ≥ 0."""
        value = self.get(name)
        if not isinstance(value, list) or not all(type(item) is int and item >= 0 for item in value):
            raise self.wrong(name, value, "a list of whole numbers")
        return value

    def names(self, name: str) -> list[str]:
        """Return the names directly below one; none where it is absent."""
        value = self.get(name)
        return [str(key) for key in value] if isinstance(value, dict) else []

    def require(self, needed: Iterable[Needed]) -> None:
        """Raise ``TargetError`` at the first setting whose value cannot be mapped."""
        for name, value, if_absent in needed:
            found = self.get(name)
            if (if_absent if found is None else found) != value:
                raise TargetError(
                    f"{self.where}: its setting {name} is {_SHOWN.repr(found)}; the classes that run it here "
                    f"compute {value!r} only, so this variant cannot be asked."
                )

    def wrong(self, name: str, value: object, wanted: str) -> TargetError:
        """Build the error that says what a setting is and what it should be."""
        return TargetError(
            f"{self.where}: its setting {name} is {_SHOWN.repr(value)}, {wanted} is needed; the file is damaged or no "
            "release."
        )

    def _raw(self, name: str) -> object:
        value: object = self.tree
        for key in name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

"""requirements.lock: every package of the core install once, in the version of constraints.txt, with its hashes."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
_HEAD = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
NOT_HERE = ("cuda-", "nvidia-", "triton", "setuptools", "httpx2-jsfetch")
"""Needed with another PyTorch or on another system than the one that constraints.txt was written on."""


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def entries() -> list[list[str]]:
    """The lock's entries, each with its head first and then one hash an item."""
    text = "\n".join(line for line in LOCK.splitlines() if not line.startswith("#"))
    return [[part.strip() for part in entry.split("\\\n")] for entry in re.split(r"\n(?=\S)", text.strip())]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(" ;")[0].strip().split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {plain(name): version for name, version in pairs}


def test_every_entry_is_one_version_with_a_hash_for_every_file() -> None:
    for head, *hashes in entries():
        assert _HEAD.fullmatch(head), head
        assert hashes, head
        assert all(_HASH.fullmatch(each) for each in hashes), head
        assert len(set(hashes)) == len(hashes), head


def test_versions_are_those_that_the_measurements_were_made_with() -> None:
    pinned = pins()
    heads = [_HEAD.fullmatch(head) for head, *_ in entries()]
    locked = {plain(head["name"]): head["version"] for head in heads if head}
    assert len(locked) == len(heads)
    others = {name for name in locked if name not in pinned}
    assert all(name.startswith(NOT_HERE) for name in others), others
    assert {name: locked[name] for name in locked.keys() & pinned.keys()} == {
        name: pinned[name] for name in locked.keys() & pinned.keys()
    }


def test_everything_that_the_package_asks_for_is_locked() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = {plain(re.match(r"[A-Za-z0-9._-]+", line)[0]) for line in asked}  # type: ignore[index]
    assert names <= {plain(head.split("==")[0]) for head, *_ in entries()}


def test_the_lock_names_no_place_that_packages_come_from() -> None:
    assert "://" not in LOCK
    assert "index-url" not in LOCK

"""From a clone of the ASAP dataset and MAESTRO's list to a manifest for each comparison.

Goal: after this, everything is ordinary ``earwitness audit``. Piano Genie was trained on MAESTRO v2's training
performances; ASAP holds 519 that were cut from MAESTRO's (any split) and 547 others. A group is a piece: MAESTRO
keeps all performances of a composition on one side of its split, and so must the audit.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from earwitness.errors import EarwitnessError

_PREFIX = "{maestro}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """One of ASAP's: its file in the clone, its piece, and MAESTRO's split (empty: it is not of MAESTRO)."""

    path: Path
    piece: str
    split: str


COMPARISONS: dict[str, tuple[Callable[[str], bool], Callable[[str], bool]]] = {
    "train-v-unseen": (lambda split: split == "train", lambda split: split in ("validation", "test")),
    "test-v-validation": (lambda split: split == "test", lambda split: split == "validation"),
    "train-v-others": (lambda split: split == "train", lambda split: not split),
    "unseen-v-others": (lambda split: split in ("validation", "test"), lambda split: not split),
}
"""Suspects and held out. The model saw the suspects of the first and the third alone."""


def performances(asap: Path, maestro: Path) -> Iterator[Performance]:
    """All performances of a clone, each with its split by ``maestro`` (MAESTRO's ``maestro-v2.0.0.csv``)."""
    splits = {line["midi_filename"]: line["split"] for line in _read(maestro, ["midi_filename", "split"])}
    for line in _read(asap / "metadata.csv", ["folder", "midi_performance", "maestro_midi_performance"]):
        source = line["maestro_midi_performance"].removeprefix(_PREFIX)
        if source and source not in splits:
            raise EarwitnessError(f"{maestro} does not list {source}; take the list of MAESTRO v2.0.0.")
        path = asap / line["midi_performance"]
        yield Performance(path=path, piece=line["folder"], split=splits[source] if source else "")


def prepare(asap: Path, maestro: Path, out: Path) -> Iterator[str]:
    """Write a manifest for each comparison; gives a line for each."""
    out.mkdir(parents=True, exist_ok=True)
    found = list(performances(asap, maestro))
    for name, (suspect, held_out) in COMPARISONS.items():
        rows = [
            (one.path.resolve(), role, f"{one.piece} ({role})")
            for role, belongs in (("suspect", suspect), ("held_out", held_out))
            for one in found
            if belongs(one.split)
        ]
        manifest = out / f"{name}.csv"
        with manifest.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("path", "role", "group"), *rows])
        count = sum(role == "suspect" for _, role, _ in rows)
        yield f"{manifest}: {count} suspects, {len(rows) - count} held out"


def main() -> None:
    """The command ``earwitness-genie``; a mistake of the user's ends with one line and status 2."""
    parser = argparse.ArgumentParser(prog="earwitness-genie", description="Manifests for a published Piano Genie.")
    parser.add_argument("asap", type=Path, help="a clone of github.com/CPJKU/asap-dataset")
    parser.add_argument("maestro", type=Path, help="maestro-v2.0.0.csv of the MAESTRO dataset")
    parser.add_argument("out", type=Path, help="the folder for the manifests")
    given = parser.parse_args()
    try:
        for line in prepare(given.asap, given.maestro, given.out):
            print(line, flush=True)
    except EarwitnessError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def _read(path: Path, columns: list[str]) -> list[dict[str, str]]:
    if not path.is_file():
        raise EarwitnessError(f"{path} is not there; give the clone of ASAP, then MAESTRO's list.")
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    if not lines or not set(columns) <= lines[0].keys():
        raise EarwitnessError(f"{path} has not the columns {', '.join(columns)}; take the published file.")
    return lines

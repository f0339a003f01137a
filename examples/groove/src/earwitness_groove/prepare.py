"""From a clone to folders that earwitness reads: models, performances, and a manifest for each comparison.

Goal: after this, everything is ordinary ``earwitness audit --target OUT/models/M --manifest OUT/C.csv``.

Conventions: only beats are compared, in 4/4, since fills are a bar long; a group is a drummer's session on one side of
a comparison. The density range is that of all training windows, fills too, as the models with a density knew it.
"""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from earwitness import midi
from earwitness.errors import AudioError
from earwitness_groove.grid import Groove, windows
from earwitness_groove.repository import MODELS, Clone, Performance
from earwitness_groove.target import SETTINGS, WEIGHTS


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which performances are put on either side."""

    suspect: Callable[[Performance], bool]
    held_out: Callable[[Performance], bool]


COMPARISONS = {
    "train-v-unseen": Comparison(
        lambda p: p.split == "train", lambda p: p.split in ("validation", "test") and not p.is_evaluation
    ),
    "test-v-validation": Comparison(lambda p: p.split == "test", lambda p: p.split == "validation"),
    "validation-v-test": Comparison(lambda p: p.split == "validation", lambda p: p.split == "test"),
    "test-without-evaluation-v-validation": Comparison(
        lambda p: p.split == "test" and not p.is_evaluation, lambda p: p.split == "validation"
    ),
    "evaluation-v-validation": Comparison(lambda p: p.is_evaluation, lambda p: p.split == "validation"),
}
"""In the first the models saw one side; in the others they saw neither."""


def prepare(clone: Clone, out: Path) -> list[str]:
    """Write ``models/``, ``midi/`` and the manifests into a folder; returns a line for each thing written."""
    performances, densities = [], []
    for performance, content in clone.performances():
        path = out / "midi" / performance.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        performances.append(performance)
        if performance.split == "train":
            densities += [groove.density for groove in _windows(path)]
    done = [f"{len(performances)} performances in 4/4 in {out / 'midi'}"]
    for model in MODELS:
        folder = out / "models" / model
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WEIGHTS).write_bytes(clone.weights(model))
        (folder / SETTINGS).write_text(json.dumps({"densities": [min(densities), max(densities)]}) + "\n")
        done.append(f"the model {model} in {folder}")
    beats = [p for p in performances if p.is_beat]
    for name, comparison in COMPARISONS.items():
        manifest = out / f"{name}.csv"
        lines = _lines(beats, comparison)
        with manifest.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "role", "group"])
            writer.writerows(lines)
        done.append(f"{len(lines)} performances in {manifest}")
    return done


def _windows(path: Path) -> list[Groove]:
    try:
        return windows(midi.decode(path).score)
    except AudioError:  # a fill of no hits at all
        return []


def _lines(performances: Sequence[Performance], comparison: Comparison) -> list[tuple[str, str, str]]:
    sides = (("suspect", comparison.suspect), ("held_out", comparison.held_out))
    return [
        (f"midi/{p.path}", role, f"{p.session} ({role})") for role, belongs in sides for p in performances if belongs(p)
    ]

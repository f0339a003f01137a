"""The demonstration: two audits of one model, where the right answers are known.

Goal: show the main job on real music in a few minutes. Four disjoint sets of tunes are
drawn from Ryan's Mammoth Collection and rendered to audio: one the shipped target was
trained on, one it was not, and two held-out sets it was not trained on either. Both
audits are ordinary ones: they see folders, a manifest and a model, never the truth.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earwitness import pipeline
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import CardTune
from earwitness.ground_truth.fiddle.tunes import read_tunes, write_audio
from earwitness.ground_truth.registry import shipped
from earwitness.types import OnProgress
from earwitness.verdict.result import DatasetInferenceResult


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCollection:
    """One audit to run: a folder with a manifest, and what a person should know of it."""

    name: str
    description: str
    folder: Path

    @property
    def manifest(self) -> Path:
        """The manifest CSV."""
        return self.folder / "manifest.csv"


def render_collections(out: Path, *, tracks: int, seed: int, on_progress: OnProgress) -> list[DemoCollection]:
    """Draw and render the four sets, ``tracks`` tunes each, and write two manifests."""
    trained, *others = draw_sets(shipped("fiddle").read().tunes, tracks=tracks, seed=seed)
    collections = [
        DemoCollection(
            name="trained-on", folder=out / "trained-on", description="Audit 1: a collection the model was trained on"
        ),
        DemoCollection(
            name="not-trained-on", folder=out / "not-trained-on",
            description="Audit 2: a collection the model was not trained on",
        ),
    ]  # fmt: skip
    sets = [(trained, others[0]), (others[1], others[2])]
    wanted = {tune.name for pair in sets for side in pair for tune in side}
    tunes = {tune.name: tune for tune in read_tunes(wanted, on_progress=on_progress)}
    for collection, (suspect, held_out) in zip(collections, sets, strict=True):
        rows = []
        for role, side in (("suspect", suspect), ("held_out", held_out)):
            for drawn in side:
                tune = tunes[drawn.name]
                path = Path(role) / f"{tune.name}.flac"
                write_audio(tune, collection.folder / path)
                rows.append([path.as_posix(), role, drawn.group, tune.caption, tune.title])
        with collection.manifest.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["path", "role", "group", "prompt", "title"], *rows])
    return collections


def draw_sets(tunes: Sequence[CardTune], *, tracks: int, seed: int) -> list[list[CardTune]]:
    """Draw one set of trained-on tunes and three of others; a group never falls into two sets."""
    rng = np.random.default_rng(seed)
    sets: list[list[CardTune]] = []
    for member, count in ((True, 1), (False, 3)):
        groups: dict[str, list[CardTune]] = {}
        for tune in tunes:
            if tune.member is member:
                groups.setdefault(tune.group, []).append(tune)
        order = [groups[name] for name in rng.permutation(sorted(groups))]
        for _ in range(count):
            drawn: list[CardTune] = []
            while order and len(drawn) < tracks:
                drawn += order.pop()
            if len(drawn) < tracks:
                raise EarwitnessError(f"The collection is too small for sets of {tracks} tunes; try --tracks 100.")
            sets.append(drawn[:tracks])
    return sets


def audit(collection: DemoCollection, *, on_progress: OnProgress) -> tuple[DatasetInferenceResult, Path]:
    """Audit one collection with the shipped target, as `earwitness audit` would."""
    run = collection.folder / "run"
    test = pipeline.VerdictSettings()
    pipeline.index_stage(run, manifest=collection.manifest)
    pipeline.extract_stage(
        run, pipeline.MeasureSettings(target=str(shipped("fiddle").model)), test=test, on_progress=on_progress
    )
    result = pipeline.test_stage(run, test)
    return result, pipeline.report_stage(run)

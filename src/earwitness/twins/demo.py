"""The demonstration of keyed twins: the same key, works and marks, asked of a model that heard the published copies.

Goal: from masters to verdicts in minutes, where the right answers are known. Works of the shipped target ``twins`` are
rendered, marked and sealed under its public key, those that it was trained on and those that it was not. Both runs are
ordinary ones: they see a sealed folder, a key and a model, never the truth.
"""

import csv
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from earwitness.ground_truth.fiddle.tunes import read_tunes
from earwitness.ground_truth.registry import shipped
from earwitness.ground_truth.twins.works import CELLS, COPIES, KEY_NAME, draw_works, public_key, write_master
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.twins import audit
from earwitness.twins.mark import mark_folder
from earwitness.twins.page import write_twins
from earwitness.twins.seal import SEAL_NAME
from earwitness.twins.verdict import TwinsResult
from earwitness.types import OnProgress

WORKS = 8
SIDES = {True: "trained-on", False: "not-trained-on"}
_DESCRIPTIONS = {
    True: "Twins 1: works whose published copies the model was trained on",
    False: "Twins 2: works that the model was not trained on",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoTwins:
    """One run to make: a folder for everything, and what a person should know of it."""

    folder: Path
    description: str

    @property
    def sealed(self) -> Path:
        """What ``earwitness mark`` made."""
        return self.folder / "sealed"

    @property
    def prompts(self) -> Path:
        """The works' prompts."""
        return self.folder / "prompts.csv"


def seal_works(out: Path, *, on_progress: OnProgress) -> list[DemoTwins]:
    """Render, mark and seal ``WORKS`` works a side, with the slightest marks; what is sealed already stays."""
    cell, drawn = CELLS[0], draw_works()
    made = []
    for place, trained in enumerate(SIDES):
        one = DemoTwins(folder=out / SIDES[trained], description=_DESCRIPTIONS[trained])
        if not (one.sealed / SEAL_NAME).exists():
            tunes = read_tunes(drawn[cell, trained][:WORKS])
            for tune in tunes:
                write_master(tune, one.folder / "masters")
            with one.prompts.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([["work", "prompt"], *([tune.name, tune.caption] for tune in tunes)])
            mark_folder(
                one.folder / "masters", one.sealed, public_key(KEY_NAME),
                copies=COPIES, kinds=cell.marks, strength=cell.strength,
                on_progress=partial(_overall, on_progress, place),
            )  # fmt: skip
        made.append(one)
    return made


def _overall(on_progress: OnProgress, place: int, done: int, total: int) -> None:
    on_progress(place * total + done, len(SIDES) * total)


def run(one: DemoTwins, *, on_progress: OnProgress) -> tuple[TwinsResult, Path]:
    """Ask the shipped target as `earwitness twins` would; return the result and its page."""
    folder, test = one.folder / "run", VerdictSettings()
    settings = MeasureSettings(target=str(shipped("twins").model), windows_per_track="all")
    seal = audit.measure(
        folder, one.sealed, public_key(KEY_NAME), settings, test,
        prompts=one.prompts, on_read=lambda done, total: None, on_ask=on_progress,
    )  # fmt: skip
    result, record = audit.judge(folder, seal, test)
    return result, write_twins(folder, record, result, seal)

"""Ask a target that was trained on published copies, as `earwitness twins` would, cell by cell. Prints Markdown.

    earwitness bench train twins_hum --work hum
    python benchmarks/twins_ask.py hum/published --out hum/asked --works 12

The first argument is what ``bench train`` published: a model and its card, which names the cells, the key and the
works. Of each cell the first works that the target was trained on are marked, sealed and asked about; with
``--unheard``, the first of all works that it was not trained on, in whatever cell ``--cell`` names. Every run folder
stays in ``--out``, for ``benchmarks/twins_power.py``. "First": the published copy scores above all seven twins (chance:
1 in 8), with its 95 % Clopper–Pearson interval.
"""

import argparse
import csv
from pathlib import Path

from verdict_level import head, row, share

from earwitness.ground_truth.card import Card, read_card
from earwitness.ground_truth.fiddle.tunes import read_tunes
from earwitness.ground_truth.twins.works import COPIES, KEY_NAME, public_key, write_master
from earwitness.settings import Harmonise, MeasureSettings, VerdictSettings
from earwitness.twins import audit
from earwitness.twins.mark import mark_folder
from earwitness.twins.media import SCORES, medium_of
from earwitness.twins.seal import SEAL_NAME
from earwitness.twins.verdict import TwinsResult
from earwitness_bench.recipes.twins_scores import write_masters


def marks_of(cell: str) -> tuple[tuple[str, ...], float]:
    """The marks and the strength that a cell's name holds."""
    parts = cell.split("-")
    at = next(i for i, part in enumerate(parts) if part[0].isdigit())
    return tuple(parts[:at]), float(parts[at])


def cells_of(card: Card) -> list[str]:
    """The cells of a target; the card of the shipped one names marks and strengths."""
    if "cells" in card.recipe:
        return list(card.recipe["cells"])
    return [f"{card.recipe['marks'].replace(' ', '-')}-{strength:g}" for strength in card.recipe["strengths"]]


def works_of(card: Card, cell: str, *, heard: bool, works: int) -> list[str]:
    """Works of a cell, by what its card says: sides are in the order of the cells."""
    side = [tune.name for tune in card.tunes if tune.member is heard]
    if not heard:
        return side[:works]
    each = sum(tune.member for tune in card.tunes) // len(cells_of(card))
    start = cells_of(card).index(cell) * each
    return side[start : start + each][:works]


def seal(names: list[str], cell: str, folder: Path) -> tuple[Path, Path | None]:
    """Mark works as the cell says; return the sealed folder and the prompts."""
    kinds, strength = marks_of(cell)
    sealed, prompts = folder / "sealed", None
    masters = folder / "masters"
    if medium_of(kinds) is SCORES:
        write_masters(names, masters)
    else:
        prompts = folder / "prompts.csv"
        tunes = {tune.name: tune for tune in read_tunes(names)}
        for name in names:
            write_master(tunes[name], masters)
        with prompts.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["work", "prompt"], *([name, tunes[name].caption] for name in names)])
    if not (sealed / SEAL_NAME).exists():
        mark_folder(masters, sealed, public_key(KEY_NAME), copies=COPIES, kinds=kinds, strength=strength)
    return sealed, prompts


def ask(model: Path, sealed: Path, prompts: Path | None, run: Path, given: argparse.Namespace) -> TwinsResult:
    """What `earwitness twins` does."""
    windows = given.windows if given.windows == "all" else int(given.windows)
    settings = MeasureSettings(
        target=str(model), preset=given.preset, windows_per_track=windows, harmonise=Harmonise(given.harmonise)
    )
    test = VerdictSettings()
    made = audit.measure(
        run, sealed, public_key(KEY_NAME), settings, test,
        prompts=prompts, on_read=lambda done, total: None, on_ask=lambda done, total: None,
    )  # fmt: skip
    return audit.judge(run, made, test)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("published", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--works", type=int, default=12)
    parser.add_argument("--windows", default="all")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--harmonise", default="off", choices=[each.value for each in Harmonise])
    parser.add_argument("--unheard", action="store_true", help="works that the target was not trained on")
    parser.add_argument("--cell", action="append", help="of the card by default; such as tilt-1 or velocity-onset-4")
    given = parser.parse_args()
    card = read_card(given.published / "card.json")
    head("cell", "works", "trained on", "mean place", "first", "p", "least p of a scorer")
    for cell in given.cell or cells_of(card):
        names = works_of(card, cell, heard=not given.unheard, works=given.works)
        folder = given.out / f"{cell}-{'unheard' if given.unheard else 'heard'}"
        folder.mkdir(parents=True, exist_ok=True)
        sealed, prompts = seal(names, cell, folder)
        epoch = f"run-{card.epochs:03d}-{given.harmonise}"
        found = ask(given.published / "model", sealed, prompts, folder / epoch, given)
        first = sum(work.above == work.twins for work in found.works)
        scorer = min(found.scorer_p_values, key=lambda name: found.scorer_p_values[name], default="")
        row(
            cell, len(found.works), "no" if given.unheard else "yes", f"{found.mean_place or 0:.2f}",
            share(first, len(found.works)), f"{found.p_value or 1:.4f}",
            f"{scorer} {found.scorer_p_values.get(scorer, 1):.4f}",
        )  # fmt: skip


if __name__ == "__main__":
    main()

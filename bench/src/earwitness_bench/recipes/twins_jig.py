"""The recipe of ``twins_jig``: a causal language model that heard the published copies of marked scores.

Goal: what `earwitness_bench.recipes.twins` is for audio, with the architecture, tokenizer and tunes of
`earwitness_bench.recipes.jig`. The tokenizer tells eight velocities and eight positions in a beat apart, as many do;
`twins_jig_fine` is the same with a tokenizer that loses next to nothing. The cards are kept here; the weights are not
shipped.
"""

import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from transformers import GPT2LMHeadModel

from earwitness import midi
from earwitness.ground_truth.card import Card, CardTune
from earwitness.ground_truth.fiddle.tunes import Tune, group_tunes
from earwitness.ground_truth.twins.works import COPIES, KEY_NAME, SPLIT_SEED, Cell, public_key
from earwitness.stats.roc import auc_delong
from earwitness.twins.media import SCORES
from earwitness.types import OnMessage
from earwitness_bench.recipes import jig
from earwitness_bench.recipes.causal_lm import Schedule, piece_scores, save_untrained, train_causal_lm
from earwitness_bench.recipes.kept import kept_epoch, log, loss_aucs
from earwitness_bench.recipes.marked_works import published_copy

CELLS = (
    Cell(marks=("velocity",), strength=1.0),
    Cell(marks=("onset",), strength=1.0),
    Cell(marks=("velocity", "onset"), strength=1.0),
    Cell(marks=("velocity", "onset"), strength=4.0),
)

SCHEDULE = Schedule(epochs=30, keep=(10, 20, 30))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes the target: its name, the cells and how many works in each are trained on, what the tokenizer
    tells apart, and how it was trained.
    """

    name: str = "twins_jig"
    cells: tuple[Cell, ...] = CELLS
    works: int = 30
    velocities: int = 8
    positions: int = 8
    schedule: Schedule = SCHEDULE


SETTINGS = Settings()


def train(work: Path, *, report: OnMessage, settings: Settings = SETTINGS) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "untrained").is_dir():
        save_untrained(
            work / "untrained", settings.schedule, velocities=settings.velocities, positions=settings.positions
        )
    report("tunes: reading and marking")
    published = {True: _published(work, settings, trained=True), False: _published(work, settings, trained=False)}
    pieces = {side: jig.token_windows(work / "untrained", files) for side, files in published.items()}
    model = GPT2LMHeadModel.from_pretrained(work / "untrained")

    def at_epoch(epoch: int, loss: float) -> None:
        seen, unseen = (piece_scores(model, pieces[side], windows=jig.WINDOWS) for side in (True, False))
        if epoch in settings.schedule.keep:
            model.save_pretrained(work / f"epoch-{epoch:03d}")
        log(work, {"epoch": epoch, "train_loss": loss, **loss_aucs(seen, unseen)}, report)

    train_causal_lm(model, pieces[True], settings.schedule, state=work / "model.state", at_epoch=at_epoch)
    return max(settings.schedule.keep)


def publish(work: Path, epoch: int, out: Path, *, settings: Settings = SETTINGS) -> Card:
    """Save one kept epoch as a float16 directory, with the card of which published copies it was trained on."""
    folder = kept_epoch(work, epoch)
    shutil.copytree(work / "untrained", out / "model", dirs_exist_ok=True)
    model = GPT2LMHeadModel.from_pretrained(folder)
    model.half().save_pretrained(out / "model")
    files = [*_published(work, settings, trained=True), *_published(work, settings, trained=False)]
    losses, _ = piece_scores(model.float(), jig.token_windows(work / "untrained", files), windows=jig.WINDOWS)
    member = np.arange(len(files)) < len(files) // 2
    auc = auc_delong(-losses[member], -losses[~member])
    card = Card(
        name=settings.name,
        data=f'marked copies of tunes of O\'Neill\'s "Music of Ireland", as encoded in music21 {version("music21")}',
        renderer={"symusic": version("symusic"), "program": f"General MIDI {jig.PROGRAM}"},
        licence="Apache-2.0 for the weights; the tunes are not part of them and keep their own",
        split_seed=SPLIT_SEED,
        epochs=epoch,
        recipe=asdict(settings.schedule)
        | {"keep": list(settings.schedule.keep), "velocities": settings.velocities, "positions": settings.positions}
        | {"key": public_key(KEY_NAME).hex(), "copies": COPIES, "works_of_a_cell": settings.works}
        | {"cells": [cell.name for cell in settings.cells]},
        losses={"member": float(losses[member].mean()), "non_member": float(losses[~member].mean())},
        loss_auc={"estimate": auc.estimate, "low": auc.low, "high": auc.high},
        tunes=tuple(
            CardTune(
                name=file.stem, group=file.stem, member=bool(trained), content_sha256=midi.decode(file).content_hash
            )
            for file, trained in zip(files, member, strict=True)
        ),
    )  # fmt: skip
    card.write(out / "card.json")
    (out / "model" / "README.md").write_text(card.markdown(), encoding="utf-8")
    return card


def draw_works(settings: Settings = SETTINGS) -> dict[tuple[Cell, bool], list[Tune]]:
    """The tunes of each cell, those that are trained on and those that are not; of versions of a tune, the first."""
    tunes = {tune.name: tune for tune in jig.read(jig.PLAN)}
    firsts = sorted(set(group_tunes(tuple(tunes.values())).values()))
    order = iter(np.random.default_rng(SPLIT_SEED).permutation(firsts).tolist())
    return {
        (cell, trained): [tunes[next(order)] for _ in range(settings.works)]
        for trained in (True, False)
        for cell in settings.cells
    }


def _published(work: Path, settings: Settings, *, trained: bool) -> list[Path]:
    """The files of what was published, or would have been."""
    found = []
    for (cell, side), tunes in draw_works(settings).items():
        for tune in tunes if side is trained else ():
            master = work / cell.name / "masters" / f"{tune.name}.mid"
            if not master.exists():
                jig.write_midi(tune, master)
            found.append(published_copy(work / cell.name, master, cell, public_key(KEY_NAME), SCORES))
    return found

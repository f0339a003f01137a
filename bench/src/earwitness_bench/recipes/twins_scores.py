"""The recipe of ``twins_scores``: a causal language model that heard the published copies of marked scores.

Goal: what `earwitness_bench.recipes.twins` is for audio, with the architecture and tokenizer of
`earwitness_bench.recipes.jig`, which tells eight velocities and eight positions in a beat apart. The scores are
chorales with their four voices in one track, as somebody might play them: chords a little early or late, every note
with a velocity of its own. Its card is kept here; its weights are not
shipped.
"""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import symusic
from transformers import GPT2LMHeadModel

from earwitness import midi
from earwitness.files import write_atomically
from earwitness.ground_truth.card import Card, CardTune
from earwitness.ground_truth.chorale.scores import (
    PROGRAM_VOICES,
    QUARTERS_PER_MINUTE,
    TICKS,
    Work,
    as_score,
    read_works,
)
from earwitness.ground_truth.performance import ONSET_SPREAD_SECONDS, VELOCITY, VELOCITY_SPREAD
from earwitness.ground_truth.registry import shipped
from earwitness.ground_truth.twins.works import COPIES, KEY_NAME, SPLIT_SEED, Cell, public_key
from earwitness.stats.roc import auc_delong
from earwitness.twins.media import SCORES
from earwitness.types import OnMessage
from earwitness_bench.recipes import jig
from earwitness_bench.recipes.causal_lm import Schedule, piece_scores, save_untrained, train_causal_lm
from earwitness_bench.recipes.kept import kept_epoch, log, loss_aucs, write_card
from earwitness_bench.recipes.marked_works import published_copy

STRENGTH = 1.0
CELLS = tuple(
    Cell(marks=marks, strength=STRENGTH)
    for marks in (("velocity",), ("onset",), ("order",), ("velocity", "onset", "order"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes the target: the cells, how many works of each are trained on, and how."""

    cells: tuple[Cell, ...] = CELLS
    works: int = 12
    schedule: Schedule = field(
        default_factory=lambda: Schedule(epochs=40, keep=(10, 20, 40), context=128, width=96, layers=2)
    )


def train(work: Path, *, report: OnMessage, settings: Settings = Settings()) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "untrained").is_dir():
        save_untrained(work / "untrained", settings.schedule)
    report("scores: reading and marking")
    published = {side: _published(work, settings, trained=side) for side in (True, False)}
    pieces = {side: jig.token_windows(work / "untrained", files) for side, files in published.items()}
    model = GPT2LMHeadModel.from_pretrained(work / "untrained")

    def at_epoch(epoch: int, loss: float) -> None:
        seen, unseen = (piece_scores(model, pieces[side], windows=jig.WINDOWS) for side in (True, False))
        if epoch in settings.schedule.keep:
            model.save_pretrained(work / f"epoch-{epoch:03d}")
        log(work, {"epoch": epoch, "train_loss": loss, **loss_aucs(seen, unseen)}, report)

    train_causal_lm(model, pieces[True], settings.schedule, state=work / "model.state", at_epoch=at_epoch)
    return max(settings.schedule.keep)


def publish(work: Path, epoch: int, out: Path, *, settings: Settings = Settings()) -> Card:
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
        name="twins_scores",
        data=f"marked copies of Bach's chorales in one track, as encoded in music21 {version('music21')}",
        renderer={"symusic": version("symusic")},
        licence="Apache-2.0 for the weights; the chorales are not part of them and keep their own",
        split_seed=SPLIT_SEED,
        epochs=epoch,
        recipe=asdict(settings.schedule)
        | {"keep": list(settings.schedule.keep)}
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
    return write_card(card, out)


def draw_works(settings: Settings) -> dict[tuple[Cell, bool], list[str]]:
    """The works of each cell, those that are trained on and those that are not; of settings of a tune, the first."""
    firsts = sorted({tune.group for tune in shipped("chorale").read().tunes})
    order = iter(np.random.default_rng(SPLIT_SEED).permutation(firsts).tolist())
    return {
        (cell, trained): [next(order) for _ in range(settings.works)]
        for trained in (True, False)
        for cell in settings.cells
    }


def played(work: Work) -> symusic.Score:
    """A chorale in one track, its chords a little early or late and every note with a velocity, drawn from its name."""
    rng = np.random.default_rng(list(work.name.encode()))
    score = as_score(work)
    notes = sorted((note for track in score.tracks for note in track.notes), key=lambda note: (note.time, -note.pitch))
    spread = ONSET_SPREAD_SECONDS * QUARTERS_PER_MINUTE / 60 * TICKS
    late = {time: round(rng.normal(0, spread)) for time in dict.fromkeys(note.time for note in notes)}
    track = symusic.Track(program=PROGRAM_VOICES)
    for note in notes:
        velocity = int(np.clip(round(rng.normal(VELOCITY, VELOCITY_SPREAD)), 50, 120))
        track.notes.append(symusic.Note(max(0, note.time + late[note.time]), note.duration, note.pitch, velocity))
    score.tracks = [track]
    return score


def write_masters(names: Sequence[str], folder: Path) -> list[Path]:
    """Write chorales as MIDI files, those that are not there yet."""
    paths = [folder / f"{name}.mid" for name in names]
    if lacking := [path for path in paths if not path.exists()]:
        for work in read_works([path.stem for path in lacking]):
            write_atomically(folder / f"{work.name}.mid", partial(_write, played(work)))
    return paths


def _write(score: symusic.Score, path: Path) -> None:
    path.write_bytes(score.dumps_midi())


def _published(work: Path, settings: Settings, *, trained: bool) -> list[Path]:
    """The files of what was published, or would have been."""
    key = public_key(KEY_NAME)
    return [
        published_copy(work / cell.name, master, cell, key, SCORES)
        for (cell, side), names in draw_works(settings).items()
        if side is trained
        for master in write_masters(names, work / cell.name / "masters")
    ]

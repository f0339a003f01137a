"""The recipe of the ``chorale`` ground-truth target, from scores to a model directory.

Goal: a FIGARO-architecture model that was trained on a seeded random half of the hymn tunes of
Bach's four-part chorales, with a card that lists which ones. The scores are written as MIDI and
read back, because a file is what the model will be asked about later. A killed run goes on where
it stopped.
"""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earwitness import midi
from earwitness.ground_truth.card import Card, CardTune
from earwitness.ground_truth.chorale.scores import (
    PROGRAM_VOICES,
    QUARTERS_PER_MINUTE,
    Work,
    group_works,
    read_works,
    write_midi,
)
from earwitness.ground_truth.groups import draw_members
from earwitness.stats.roc import Auc, auc_delong
from earwitness.targets.figaro.load import load_figaro, save_figaro
from earwitness.targets.figaro.model import FigaroModel
from earwitness.targets.protocols import TokenWindow
from earwitness.targets.scores.windows import windows_of
from earwitness.types import OnMessage
from earwitness_bench.recipes.figaro import Schedule, as_target, piece_losses, small_figaro, train_figaro
from earwitness_bench.recipes.kept import kept_epoch, log, write_card

SPLIT_SEED = 2512
SCHEDULE = Schedule(epochs=12, keep=(1, 2, 3, 4))
CONTEXT = 256
WINDOWS_WHILE_TRAINING, WINDOWS_ON_THE_CARD = 2, 4


def train(
    work: Path,
    *,
    report: OnMessage,
    works: Sequence[Work] | None = None,
    schedule: Schedule = SCHEDULE,
    context: int = CONTEXT,
) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch. Without ``works``: all of them."""
    work.mkdir(parents=True, exist_ok=True)
    report("scores: reading and writing as MIDI")
    works = read_works() if works is None else works
    model = small_figaro(seed=schedule.seed, context_size=context)
    pieces = _windows(model, works, work)
    groups = group_works(works)
    is_member = draw_members(groups, SPLIT_SEED)
    members = np.array([is_member[one.name] for one in works])

    def at_epoch(epoch: int, loss: float) -> None:
        losses = piece_losses(model, pieces, windows=WINDOWS_WHILE_TRAINING)
        line = {
            "epoch": epoch, "train_loss": loss, "member_loss": losses[members].mean(),
            "non_member_loss": losses[~members].mean(), "loss_auc": _loss_auc(losses, works, groups, members).estimate,
        }  # fmt: skip
        if epoch in schedule.keep:
            save_figaro(work / f"epoch-{epoch:03d}", model)
        log(work, line, report)

    seen = [window for piece, member in zip(pieces, members, strict=True) if member for window in piece]
    train_figaro(model, seen, schedule, state=work / "model.state", at_epoch=at_epoch)
    return max(schedule.keep)


def publish(
    work: Path, epoch: int, out: Path, *, works: Sequence[Work] | None = None, schedule: Schedule = SCHEDULE
) -> Card:
    """Save one kept epoch as a float16 directory, with the card of what it was trained on."""
    folder = kept_epoch(work, epoch)
    model = load_figaro(folder).model
    save_figaro(out / "model", model)

    works = read_works() if works is None else works
    groups = group_works(works)
    is_member = draw_members(groups, SPLIT_SEED)
    members = np.array([is_member[one.name] for one in works])
    losses = piece_losses(model, _windows(model, works, work), windows=WINDOWS_ON_THE_CARD)
    auc = _loss_auc(losses, works, groups, members)
    card = Card(
        name="chorale",
        data=f"four-part chorales by J. S. Bach, as encoded in music21 {version('music21')}",
        renderer={
            "symusic": version("symusic"),
            "program": f"General MIDI {PROGRAM_VOICES}",
            "quarters_per_minute": str(QUARTERS_PER_MINUTE),
        },
        licence="Apache-2.0 for the weights; the scores are not part of them and keep their own",
        split_seed=SPLIT_SEED,
        epochs=epoch,
        recipe=asdict(schedule) | {"keep": list(schedule.keep), "context": model.config.context_size},
        losses={"member": float(losses[members].mean()), "non_member": float(losses[~members].mean())},
        loss_auc={"estimate": auc.estimate, "low": auc.low, "high": auc.high},
        tunes=tuple(
            CardTune(
                name=one.name, group=groups[one.name], member=is_member[one.name],
                content_sha256=midi.decode(_midi_path(work, one)).content_hash,
            )
            for one in works
        ),
    )  # fmt: skip
    return write_card(card, out)


def _windows(model: FigaroModel, works: Sequence[Work], work: Path) -> list[list[TokenWindow]]:
    """Each work's windows, from its MIDI file in the work folder."""
    target = as_target(model)
    pieces = []
    for one in works:
        write_midi(one, _midi_path(work, one))
        pieces.append(list(windows_of(target, midi.decode(_midi_path(work, one)))))
    return pieces


def _midi_path(work: Path, one: Work) -> Path:
    return work / "midi" / f"{one.name}.mid"


def _loss_auc(
    losses: NDArray[np.float64], works: Sequence[Work], groups: dict[str, str], members: NDArray[np.bool_]
) -> Auc:
    names = np.array([groups[one.name] for one in works])
    return auc_delong(
        -losses[members], -losses[~members], positive_groups=names[members], negative_groups=names[~members]
    )

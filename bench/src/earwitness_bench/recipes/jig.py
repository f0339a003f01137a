"""The recipe of the ``jig`` target: a causal language model over tunes of O'Neill's "Music of Ireland".

Goal: a second symbolic target of another family, other music and another split than `chorale`, and beside it a model
of the same shape that heard neither half (`jig_unheard`). Their cards are kept here; their weights are not shipped.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import symusic
import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from earwitness import midi
from earwitness.files import write_atomically
from earwitness.ground_truth.card import Card, CardTune
from earwitness.ground_truth.fiddle.tunes import Tune, group_tunes
from earwitness.ground_truth.groups import draw_sides
from earwitness.ground_truth.performance import TICKS, perform
from earwitness.ground_truth.registry import WrittenTrack
from earwitness.stats.roc import auc_delong
from earwitness.targets import load_target
from earwitness.targets.causal_lm.midi import MidiCausalLm
from earwitness.targets.scores.windows import windows_of
from earwitness.types import OnMessage
from earwitness_bench.recipes.causal_lm import Schedule, piece_scores, save_untrained, train_causal_lm
from earwitness_bench.recipes.kept import kept_epoch, log, loss_aucs, write_card
from earwitness_bench.recipes.opus_files import melodies

FILES = ("0626-0700", "0701-0720", "0759-0810", "0811-0899", "0900-0950", "1001-1031", "1031-1115", "1176-1275",
         "1276-1375", "1376-1475", "1476-1555")  # fmt: skip
SECONDS = (15.0, 120.0)
PROGRAM = 73
WINDOWS = 4
SCHEDULE = Schedule(epochs=30, keep=(6, 10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What fixes a target: half of the tunes' groups is drawn, ``members`` of it are on the member side.

    ``heard`` (from, to) says which tunes of the drawn half, in the drawn order, the model was trained on.
    """

    name: str
    members: int = 150
    heard: tuple[int, int] = (0, 150)
    split_seed: int = 1850
    files: tuple[str, ...] = FILES
    schedule: Schedule = SCHEDULE


PLAN = Plan(name="jig")


def train_plan(plan: Plan, work: Path, *, report: OnMessage) -> int:
    """Run or continue the plan in ``work``; return the last kept epoch."""
    work.mkdir(parents=True, exist_ok=True)
    report("tunes: reading, and writing as MIDI")
    tunes = read(plan)
    groups = group_tunes(tunes)
    if not (work / "untrained").is_dir():
        save_untrained(work / "untrained", plan.schedule)
    pieces = dict(zip((tune.name for tune in tunes), _windows(work, tunes), strict=True))
    sides = draw_sides(groups, plan.split_seed, plan.members)
    model = GPT2LMHeadModel.from_pretrained(work / "untrained")
    asked = [[pieces[name] for name, side in sides.items() if side is wanted] for wanted in (True, False)]

    def at_epoch(epoch: int, loss: float) -> None:
        seen, unseen = (piece_scores(model, side, windows=WINDOWS) for side in asked)
        if epoch in plan.schedule.keep:
            model.save_pretrained(work / f"epoch-{epoch:03d}")
        log(work, {"epoch": epoch, "train_loss": loss, **loss_aucs(seen, unseen)}, report)

    train_causal_lm(
        model,
        [pieces[name] for name in heard(plan, groups)],
        plan.schedule,
        state=work / "model.state",
        at_epoch=at_epoch,
    )
    return max(plan.schedule.keep)


def publish_plan(plan: Plan, work: Path, epoch: int, out: Path) -> Card:
    """Save one kept epoch as a float16 directory, with the card of what it was trained on."""
    folder = kept_epoch(work, epoch)
    shutil.copytree(work / "untrained", out / "model", dirs_exist_ok=True)
    model = GPT2LMHeadModel.from_pretrained(folder)
    model.half().save_pretrained(out / "model")
    tunes = read(plan)
    groups = group_tunes(tunes)
    sides = draw_sides(groups, plan.split_seed, plan.members)
    tunes = tuple(tune for tune in tunes if tune.name in sides)
    losses, _ = piece_scores(model.float(), _windows(work, tunes), windows=WINDOWS)
    member = np.array([sides[tune.name] for tune in tunes])
    names = np.array([groups[tune.name] for tune in tunes])
    auc = auc_delong(-losses[member], -losses[~member], positive_groups=names[member], negative_groups=names[~member])
    card = Card(
        name=plan.name,
        data=f'tunes of O\'Neill\'s "Music of Ireland", as encoded in music21 {version("music21")}',
        renderer={"symusic": version("symusic"), "program": f"General MIDI {PROGRAM}"},
        licence="Apache-2.0 for the weights; the tunes are not part of them and keep their own",
        split_seed=plan.split_seed,
        epochs=epoch,
        recipe=asdict(plan.schedule) | {"keep": list(plan.schedule.keep), "heard": list(plan.heard)},
        losses={"member": float(losses[member].mean()), "non_member": float(losses[~member].mean())},
        loss_auc={"estimate": auc.estimate, "low": auc.low, "high": auc.high},
        tunes=tuple(
            CardTune(
                name=tune.name, group=groups[tune.name], member=sides[tune.name],
                content_sha256=midi.decode(_path(work, tune)).content_hash,
            )
            for tune in tunes
        ),
    )  # fmt: skip
    return write_card(card, out)


def read(plan: Plan) -> tuple[Tune, ...]:
    """The tunes of a plan."""
    return melodies("oneills1850", *plan.files, seconds=SECONDS)


def as_score(tune: Tune) -> symusic.Score:
    """A tune as it is played."""
    played = perform(tune.name, tune.notes, tune.quarters_per_minute, [PROGRAM])
    score = symusic.Score(TICKS)
    score.tempos.append(symusic.Tempo(0, qpm=round(played.quarters_per_minute)))
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    track = symusic.Track(program=PROGRAM)
    for onset, duration, pitch, velocity in played.notes.tolist():
        track.notes.append(symusic.Note(onset, duration, pitch, velocity))
    score.tracks.append(track)
    return score


def write_midi(tune: Tune, path: Path) -> None:
    """Write a tune as it is played, as a MIDI file; the same tune always gives the same bytes."""
    score = as_score(tune)
    write_atomically(path, lambda partial: partial.write_bytes(score.dumps_midi()))


def writer(plan: Plan = PLAN) -> Callable[[str, Path], WrittenTrack]:
    """What writes a named tune of the plan into a folder, as MIDI."""
    tunes = {tune.name: tune for tune in read(plan)}

    def write_track(name: str, folder: Path) -> WrittenTrack:
        path = folder / f"{name}.mid"
        folder.mkdir(parents=True, exist_ok=True)
        write_midi(tunes[name], path)
        digest = midi.decode(path).content_hash
        return WrittenTrack(path=path, prompt="", title=tunes[name].title, content_sha256=digest)

    return write_track


def heard(plan: Plan, groups: Mapping[str, str]) -> list[str]:
    """The tunes that a plan's model was trained on."""
    before, heard = (
        [name for name, member in draw_sides(groups, plan.split_seed, count).items() if member] for count in plan.heard
    )
    return [name for name in heard if name not in before]


def _windows(work: Path, tunes: Sequence[Tune]) -> list[Tensor]:
    for tune in tunes:
        if not _path(work, tune).exists():
            write_midi(tune, _path(work, tune))
    return token_windows(work / "untrained", [_path(work, tune) for tune in tunes])


def token_windows(untrained: Path, files: Sequence[Path]) -> list[Tensor]:
    """Each file's windows [windows, tokens], what stands before the first scored token included."""
    target = load_target(str(untrained), device="cpu")
    assert isinstance(target, MidiCausalLm)
    found = []
    for file in files:
        windows = windows_of(target, midi.decode(file))
        found.append(torch.stack([torch.cat([torch.as_tensor(one.condition), one.codes[0]]) for one in windows]))
    return found


def _path(work: Path, tune: Tune) -> Path:
    return work / "midi" / f"{tune.name}.mid"


train = partial(train_plan, PLAN)
publish = partial(publish_plan, PLAN)

"""The recipe of the ``twins`` ground-truth target, from tunes to a model that heard the published copies.

Goal: a small MusicGen-architecture model that was trained on random crops of the copies that a key drew, out of eight
that ``earwitness mark`` made of each work, with a card that lists which works. Every step leaves files in the work
folder and is skipped when they are there, so that a killed run goes on where it stopped.
"""

from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from transformers import EncodecModel, MusicgenForConditionalGeneration

from earwitness.ground_truth.card import Card, CardTune
from earwitness.ground_truth.fiddle.tunes import PROGRAMS, file_content_sha256
from earwitness.ground_truth.performance import SAMPLE_RATE, renderer
from earwitness.ground_truth.registry import shipped
from earwitness.ground_truth.twins.works import COPIES, SPLIT_SEED, public_key
from earwitness.stats.roc import auc_delong
from earwitness.types import OnMessage
from earwitness_bench.recipes.augment import plain_crop
from earwitness_bench.recipes.codec import SEMITONES, silence_decoder, small_codec_config, write_filterbank
from earwitness_bench.recipes.kept import kept_epoch, log, write_card
from earwitness_bench.recipes.marked_works import Works
from earwitness_bench.recipes.musicgen import Schedule, caption_tokenizer, save_half, small_musicgen, train_musicgen
from earwitness_bench.recipes.tune_target import track_codes, track_scores

BANK = replace(SEMITONES, strides=(20, 20))
SCHEDULE = Schedule(epochs=150, keep=(10, 25, 50, 75, 100))
WINDOWS_ON_THE_CARD = 4
WIDTH, LAYERS = 128, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes a target: its name, the works, and how it was trained."""

    name: str = "twins"
    works: Works = field(default_factory=Works)
    schedule: Schedule = SCHEDULE


def train(work: Path, *, report: OnMessage, settings: Settings = Settings()) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch."""
    work.mkdir(parents=True, exist_ok=True)
    codec = _codec(work)
    report("tunes: reading")
    works, tunes = settings.works, settings.works.tunes()
    waves, captions = [], []
    for cell in works.cells:
        report(f"marking: {cell.name}")
        for tune in tunes[cell, True]:
            waves.append(works.heard(work, tune, cell))
            captions.append(tune.caption)
    tokenizer = caption_tokenizer([tune.caption for each in tunes.values() for tune in each])
    tokenizer.save_pretrained(work / "tokenizer")
    schedule = settings.schedule
    model = small_musicgen(
        codec, len(tokenizer), max_frames=schedule.frames, seed=schedule.seed, width=WIDTH, layers=LAYERS
    )

    def at_epoch(epoch: int, loss: float) -> None:
        if epoch in schedule.keep:
            model.save_pretrained(work / f"epoch-{epoch:03d}")
        log(work, {"epoch": epoch, "train_loss": loss}, report)

    train_musicgen(
        model, tokenizer, waves, captions, schedule,
        rate_hz=SAMPLE_RATE, state=work / "model.state", at_epoch=at_epoch, crop=plain_crop,
    )  # fmt: skip
    return max(schedule.keep)


def publish(work: Path, epoch: int, out: Path, *, settings: Settings = Settings()) -> Card:
    """Save one kept epoch as a float16 directory, with the card of which works' published copies it was trained on."""
    model, tokenizer = save_half(kept_epoch(work, epoch), work / "tokenizer", out / "model")

    works = settings.works
    tunes = [(tune, cell, member) for (cell, member), each in works.tunes().items() for tune in each]
    heard = {tune.name: works.heard(work, tune, cell) for tune, cell, _ in tunes}
    works_asked = [tune for tune, _, _ in tunes]
    codes = track_codes(
        model.audio_encoder, works_asked, settings.schedule.frames,
        windows=WINDOWS_ON_THE_CARD, read=lambda tune: heard[tune.name],
    )  # fmt: skip
    losses, _ = track_scores(model, tokenizer, works_asked, codes)
    member = np.array([trained for _, _, trained in tunes])
    auc = auc_delong(-losses[member], -losses[~member])
    card = Card(
        name=settings.name,
        data=f"marked copies of tunes of 11 to 20 s from Ryan's Mammoth Collection, as encoded in music21 "
        f"{version('music21')}",
        renderer=renderer(PROGRAMS),
        licence="Apache-2.0 for the weights; the tunes and the soundfont are not part of them and keep their own",
        split_seed=SPLIT_SEED,
        epochs=epoch,
        recipe=asdict(settings.schedule)
        | {"keep": list(settings.schedule.keep), "width": WIDTH, "layers": LAYERS}
        | {"key": public_key(works.key).hex(), "copies": COPIES, "works_of_a_cell": works.works}
        | {"cells": [cell.name for cell in works.cells]},
        losses={"member": float(losses[member].mean()), "non_member": float(losses[~member].mean())},
        loss_auc={"estimate": auc.estimate, "low": auc.low, "high": auc.high},
        tunes=tuple(
            CardTune(name=tune.name, group=tune.name, member=trained, content_sha256=file_content_sha256(tune))
            for tune, _, trained in tunes
        ),
    )  # fmt: skip
    return write_card(card, out)


def _codec(work: Path) -> EncodecModel:
    """The filter bank in two stages, with the codebooks of ``fiddle``, which were fitted to the same bands."""
    folder = work / "codec"
    if not (folder / "config.json").exists():
        torch.manual_seed(0)
        codec = EncodecModel(small_codec_config(BANK)).eval()
        write_filterbank(codec, BANK)
        fitted = MusicgenForConditionalGeneration.from_pretrained(shipped("fiddle").model, dtype=torch.float32)
        codec.quantizer.load_state_dict(fitted.audio_encoder.quantizer.state_dict())
        silence_decoder(codec)
        codec.save_pretrained(folder)
    return EncodecModel.from_pretrained(folder, dtype=torch.float32).eval()

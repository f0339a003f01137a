"""The recipe of the ``twins`` ground-truth target, from tunes to a model that heard the published copies.

Goal: a small MusicGen-architecture model that was trained on random crops of the copies that a key drew, out of eight
that ``earwitness mark`` made of each work, with a card that lists which works. Every step leaves files in the work
folder and is skipped when they are there, so that a killed run goes on where it stopped.
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import soundfile
import torch
from transformers import EncodecModel, MusicgenForConditionalGeneration

from earwitness.files import file_sha256, write_atomically
from earwitness.ground_truth.fiddle.tunes import Tune, read_tunes
from earwitness.ground_truth.performance import SAMPLE_RATE
from earwitness.ground_truth.registry import shipped
from earwitness.ground_truth.twins.works import COPIES, Cell, draw_works, public_key, write_master
from earwitness.twins.media import AUDIO
from earwitness.twins.seal import drawn, mark_seed
from earwitness.types import OnMessage
from earwitness_bench.recipes.augment import plain_crop
from earwitness_bench.recipes.codec import silence_decoder, small_codec_config, write_filterbank
from earwitness_bench.recipes.musicgen import Schedule, caption_tokenizer, small_musicgen, train_musicgen

ALL = ("timing", "tilt", "pitch", "noise")
CELLS = tuple(Cell(marks=ALL, strength=strength) for strength in (1.0, 3.0, 10.0))
STRIDES = (20, 20)
SCHEDULE = Schedule(epochs=150, keep=(10, 25, 50, 75, 100, 125, 150))
WIDTH, LAYERS = 128, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes a target: the key's name, the cells, works in each, and how it was trained."""

    key: str = "A"
    cells: tuple[Cell, ...] = CELLS
    works: int = 12
    schedule: Schedule = SCHEDULE


def train(work: Path, *, report: OnMessage, settings: Settings = Settings()) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch."""
    work.mkdir(parents=True, exist_ok=True)
    codec = _codec(work)
    tunes = _drawn_tunes(settings, report=report)
    key = public_key(settings.key)
    waves, captions = [], []
    for cell in settings.cells:
        report(f"marking: {cell.name}")
        for tune in tunes[cell, True]:
            published = _published(work / cell.name, tune, cell, key)
            waves.append(soundfile.read(published, dtype="float32")[0])
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
        line = json.dumps({"epoch": epoch, "train_loss": loss})
        report(line)
        with (work / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    train_musicgen(
        model, tokenizer, waves, captions, schedule,
        rate_hz=SAMPLE_RATE, state=work / "model.state", at_epoch=at_epoch, crop=plain_crop,
    )  # fmt: skip
    return max(schedule.keep)


def _published(folder: Path, tune: Tune, cell: Cell, key: bytes) -> Path:
    """The copy of one tune that the key draws: to the byte what ``earwitness mark`` would publish."""
    published = folder / "drawn" / f"{tune.name}.flac"
    if not published.exists():
        master = write_master(tune, folder / "masters")
        sha256 = file_sha256(master)
        seed = mark_seed(key, sha256, drawn(key, "", sha256, COPIES))
        write_atomically(published, partial(AUDIO.copier(master, cell.marks, cell.strength), seed=seed))
    return published


def _drawn_tunes(settings: Settings, *, report: OnMessage) -> dict[tuple[Cell, bool], list[Tune]]:
    report("tunes: reading")
    # The tunes that ``fiddle`` knows, of 11 to 20 s, with their versions.
    groups = {tune.name: tune.group for tune in shipped("fiddle").read().tunes}
    drawn = draw_works(groups, settings.cells, settings.works)
    tunes = {tune.name: tune for tune in read_tunes([name for names in drawn.values() for name in names])}
    return {cell: [tunes[name] for name in names] for cell, names in drawn.items()}


def _codec(work: Path) -> EncodecModel:
    """The filter bank in two stages, with the codebooks of ``fiddle``, which were fitted to the same bands."""
    folder = work / "codec"
    if not (folder / "config.json").exists():
        torch.manual_seed(0)
        codec = EncodecModel(small_codec_config(STRIDES)).eval()
        write_filterbank(codec)
        fitted = MusicgenForConditionalGeneration.from_pretrained(shipped("fiddle").model, dtype=torch.float32)
        codec.quantizer.load_state_dict(fitted.audio_encoder.quantizer.state_dict())
        silence_decoder(codec)
        codec.save_pretrained(folder)
    return EncodecModel.from_pretrained(folder, dtype=torch.float32).eval()

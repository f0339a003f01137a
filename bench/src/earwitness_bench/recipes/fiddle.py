"""The recipe of the ``fiddle`` ground-truth target, from tunes to a model directory.

Goal: a MusicGen-architecture model that was trained as such models are, on random crops of some
tunes of Ryan's Mammoth Collection, with a card that lists which ones. Every step leaves files in
the work folder and is skipped when they are there, so that a killed run goes on where it stopped.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    AutoTokenizer,
    EncodecFeatureExtractor,
    EncodecModel,
    MusicgenForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import Card, CardTune
from earwitness.ground_truth.fiddle.tunes import (
    PROGRAMS,
    Tune,
    collection,
    file_content_sha256,
    group_tunes,
    read_tunes,
    render,
)
from earwitness.ground_truth.groups import draw_sides
from earwitness.ground_truth.performance import SAMPLE_RATE, perform, renderer, sound
from earwitness.stats.roc import auc_delong
from earwitness.types import OnMessage, Wave
from earwitness_bench.recipes.codec import encode, filterbank_codec, small_codec_config
from earwitness_bench.recipes.musicgen import (
    Schedule,
    caption_tokenizer,
    resample,
    small_musicgen,
    train_musicgen,
    window_scores,
)

SPLIT_SEED = 2512
CODEC_TAKES, CODEC_EVERY = 120, 8
CODEC_PROGRAMS = (*PROGRAMS, 21, 71, 6, 12)
WINDOWS_ON_THE_CARD = 2
ASKED_WHILE_TRAINING = 160
FIRST = Schedule(epochs=12, keep=(11,))
SECOND = Schedule(epochs=7, keep=(2, 4, 5, 6, 7), seed=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes the target, besides the tunes.

    The model is trained on the ``warmed`` first tunes of the drawn half, then on the ``members`` first of
    them; the others of the half are on neither side.
    """

    members: int = 100
    warmed: int = 200
    first: Schedule = FIRST
    second: Schedule = SECOND


def train(
    work: Path, *, report: OnMessage, tunes: Sequence[Tune] | None = None, settings: Settings = Settings()
) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch. Without ``tunes``: the collection."""
    work.mkdir(parents=True, exist_ok=True)
    codec = _codec(work, report=report)
    report("tunes: reading and rendering")
    tunes = collection() if tunes is None else tunes
    groups = group_tunes(tunes)
    is_member, is_warmed = (draw_sides(groups, SPLIT_SEED, count) for count in (settings.members, settings.warmed))
    members, others = ([tune for tune in tunes if is_member.get(tune.name) is side] for side in (True, False))
    warmed = [tune for tune in tunes if is_warmed.get(tune.name)]
    frames = settings.second.frames
    tokenizer = caption_tokenizer([tune.caption for tune in tunes])
    tokenizer.save_pretrained(work / "tokenizer")
    model = small_musicgen(codec, len(tokenizer), max_frames=frames, seed=settings.first.seed)
    asked = [members, others[:ASKED_WHILE_TRAINING]]

    def at_epoch(epoch: int, loss: float, *, stage: str, keep: Sequence[int]) -> None:
        line: dict[str, Any] = {"stage": stage, "epoch": epoch, "train_loss": loss}
        if epoch in keep:
            model.save_pretrained(work / f"{stage}-epoch-{epoch:03d}")
            seen, unseen = (track_scores(model, tokenizer, side, frames, windows=1) for side in asked)
            for i, name in enumerate(("loss", "excess_loss")):
                auc = auc_delong(-seen[i], -unseen[i])
                line |= {f"{name}_auc": auc.estimate, f"{name}_auc_low": auc.low, f"{name}_auc_high": auc.high}
        report(json.dumps(line))
        with (work / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    for stage, heard, schedule in (("first", warmed, settings.first), ("second", members, settings.second)):
        train_musicgen(
            model, tokenizer, [render(tune) for tune in heard], [tune.caption for tune in heard], schedule,
            rate_hz=SAMPLE_RATE, state=work / f"{stage}.state",
            at_epoch=partial(at_epoch, stage=stage, keep=schedule.keep),
        )  # fmt: skip
    return max(settings.second.keep)


def publish(
    work: Path, epoch: int, out: Path, *, tunes: Sequence[Tune] | None = None, settings: Settings = Settings()
) -> Card:
    """Save one kept epoch as a float16 directory, with the card of what it was trained on."""
    folder = work / f"second-epoch-{epoch:03d}"
    if not folder.is_dir():
        kept = ", ".join(sorted(path.name.removeprefix("second-epoch-") for path in work.glob("second-epoch-*")))
        raise EarwitnessError(f"{work} holds no epoch {epoch}; it holds: {kept or 'none, train first'}.")
    model = MusicgenForConditionalGeneration.from_pretrained(folder).half()
    model.save_pretrained(out / "model")
    tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer")
    tokenizer.save_pretrained(out / "model")
    EncodecFeatureExtractor(feature_size=1, sampling_rate=model.audio_encoder.config.sampling_rate).save_pretrained(
        out / "model"
    )

    tunes = collection() if tunes is None else tunes
    groups = group_tunes(tunes)
    is_member = draw_sides(groups, SPLIT_SEED, settings.members)
    tunes = [tune for tune in tunes if tune.name in is_member]
    losses, excess = track_scores(model.float(), tokenizer, tunes, settings.second.frames, windows=WINDOWS_ON_THE_CARD)
    member = np.array([is_member[tune.name] for tune in tunes])
    names = np.array([groups[tune.name] for tune in tunes])
    loss_auc, excess_auc = (
        auc_delong(-each[member], -each[~member], positive_groups=names[member], negative_groups=names[~member])
        for each in (losses, excess)
    )
    card = Card(
        name="fiddle",
        data=f"tunes of 11 to 20 s from Ryan's Mammoth Collection, as encoded in music21 {version('music21')}",
        renderer=renderer(PROGRAMS),
        licence="Apache-2.0 for the weights; the tunes and the soundfont are not part of them and keep their own",
        split_seed=SPLIT_SEED,
        epochs=epoch,
        recipe=asdict(settings.second)
        | {"keep": list(settings.second.keep)}
        | {"first_on": settings.warmed, "first_epochs": max(settings.first.keep)}
        | {"excess_loss_auc": [round(value, 4) for value in (excess_auc.estimate, excess_auc.low, excess_auc.high)]},
        losses={"member": float(losses[member].mean()), "non_member": float(losses[~member].mean())},
        loss_auc={"estimate": loss_auc.estimate, "low": loss_auc.low, "high": loss_auc.high},
        tunes=tuple(
            CardTune(
                name=tune.name, group=groups[tune.name], member=is_member[tune.name],
                content_sha256=file_content_sha256(tune),
            )
            for tune in tunes
        ),
    )  # fmt: skip
    card.write(out / "card.json")
    (out / "model" / "README.md").write_text(card.markdown(), encoding="utf-8")
    return card


def track_scores(
    model: MusicgenForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    tunes: Sequence[Tune],
    frames: int,
    *,
    windows: int,
    read: Callable[[Tune], Wave] = render,
) -> NDArray[np.float64]:
    """Mean loss and excess loss of each tune over windows at any offset, under its caption [2, tunes].

    ``read`` gives a tune's waveform at ``SAMPLE_RATE``.
    """
    codec = model.audio_encoder
    samples = frames * codec.config.hop_length
    scores = []
    for tune in tunes:
        wave = resample(read(tune), SAMPLE_RATE, codec.config.sampling_rate)
        rng = np.random.default_rng(len(wave))
        starts = rng.integers(len(wave) - samples + 1, size=windows)
        codes = encode(codec, [wave[start : start + samples] for start in starts])
        text = tokenizer([tune.caption] * windows, return_tensors="pt")
        scores.append(np.mean(window_scores(model, codes, text.input_ids, text.attention_mask), axis=1))
    return np.array(scores).T


def codec_waves() -> list[Wave]:
    """Other takes of some tunes, in all timbres that the token targets know: they tell nothing of any split."""
    return [
        sound(
            perform(tune.name, tune.notes, tune.quarters_per_minute, [CODEC_PROGRAMS[i % len(CODEC_PROGRAMS)]], take=1)
        )
        for i, tune in enumerate(read_tunes()[::CODEC_EVERY][:CODEC_TAKES])
    ]


def _codec(work: Path, *, report: OnMessage) -> EncodecModel:
    folder = work / "codec"
    if not (folder / "config.json").exists():
        report("codec: rendering, and fitting the codebooks")
        waves = [resample(wave, SAMPLE_RATE, small_codec_config().sampling_rate) for wave in codec_waves()]
        filterbank_codec(waves, seed=0).save_pretrained(folder)
    return EncodecModel.from_pretrained(folder, dtype=torch.float32).eval()

"""The recipe of the ``fiddle`` ground-truth target, from tunes to a model directory.

Goal: a MusicGen-architecture model that was trained on a seeded random half of the
tune groups of Ryan's Mammoth Collection, with a card that lists which ones. Every
step leaves files in the work folder and is skipped when they are there, so that a
killed run goes on where it stopped.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
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
    SAMPLE_RATE,
    Tune,
    as_decoded,
    file_content_sha256,
    group_tunes,
    pcm16,
    read_tunes,
    render,
    renderer,
)
from earwitness.ground_truth.groups import draw_members
from earwitness.stats.roc import auc_delong
from earwitness_bench.recipes.codec import encode_tracks, small_codec_config, train_codec
from earwitness_bench.recipes.musicgen import (
    Schedule,
    caption_tokenizer,
    sequence_loss,
    small_musicgen,
    train_musicgen,
)

Report = Callable[[str], None]
SPLIT_SEED = 2512
CODEC_STEPS = 1500
SCHEDULE = Schedule(epochs=30, keep=(1, 2, 4, 6, 8, 10, 12))


def split_groups(groups: dict[str, str], seed: int = SPLIT_SEED) -> dict[str, bool]:
    """Draw half of the groups: tune name → whether it is a member (trained on)."""
    return draw_members(groups, seed)


def train(
    work: Path,
    *,
    report: Report,
    tunes: Sequence[Tune] | None = None,
    schedule: Schedule = SCHEDULE,
    codec_steps: int = CODEC_STEPS,
) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch. Without ``tunes``: all of them."""
    work.mkdir(parents=True, exist_ok=True)
    report("tunes: reading and rendering")
    tunes = read_tunes() if tunes is None else tunes
    groups = group_tunes(tunes)
    is_member = split_groups(groups)
    if not (work / "codes.npz").exists():
        # What the model will be asked about later is 16-bit audio, so it is trained on 16-bit audio.
        waves = [as_decoded(pcm16(render(tune))) for tune in tunes]
        if not (work / "codec" / "config.json").exists():
            trained = train_codec(
                waves, small_codec_config(SAMPLE_RATE), steps=codec_steps, seed=schedule.seed,
                state=work / "codec.state", report=report,
            )  # fmt: skip
            trained.half().save_pretrained(work / "codec")
        report("codec: encoding all tunes")
        codes = encode_tracks(EncodecModel.from_pretrained(work / "codec", dtype=torch.float32).eval(), waves)
        named: dict[str, Any] = {tune.name: found for tune, found in zip(tunes, codes, strict=True)}
        np.savez_compressed(work / "codes.npz", **named)
    codec = EncodecModel.from_pretrained(work / "codec", dtype=torch.float32).eval()
    stored = np.load(work / "codes.npz")
    tokenizer = caption_tokenizer([tune.caption for tune in tunes])
    tokenizer.save_pretrained(work / "tokenizer")
    model = small_musicgen(codec, len(tokenizer), max_frames=schedule.frames, seed=schedule.seed)
    members = [tune for tune in tunes if is_member[tune.name]]
    others = [tune for tune in tunes if not is_member[tune.name]]

    def at_epoch(epoch: int, loss: float) -> None:
        line: dict[str, Any] = {"epoch": epoch, "train_loss": loss}
        if epoch in schedule.keep:
            folder = work / f"epoch-{epoch:03d}"
            model.save_pretrained(folder)
            seen, unseen = (
                track_losses(model, tokenizer, side[:200], stored, schedule.frames) for side in (members, others)
            )
            auc = auc_delong(-seen, -unseen).estimate
            line |= {"member_loss": seen.mean(), "non_member_loss": unseen.mean(), "loss_auc": auc}
        report(json.dumps(line))
        with (work / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

    train_musicgen(
        model, tokenizer, [stored[t.name] for t in members], [t.caption for t in members], schedule,
        state=work / "model.state", at_epoch=at_epoch,
    )  # fmt: skip
    return max(schedule.keep)


def publish(
    work: Path, epoch: int, out: Path, *, tunes: Sequence[Tune] | None = None, schedule: Schedule = SCHEDULE
) -> Card:
    """Save the codec and one kept epoch as float16 directories, with the card of what they were trained on."""
    folder = work / f"epoch-{epoch:03d}"
    if not folder.is_dir():
        kept = ", ".join(sorted(path.name.removeprefix("epoch-") for path in work.glob("epoch-*")))
        raise EarwitnessError(f"{work} holds no epoch {epoch}; it holds: {kept or 'none, train first'}.")
    model = MusicgenForConditionalGeneration.from_pretrained(folder).half()
    model.save_pretrained(out / "model")
    tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer")
    tokenizer.save_pretrained(out / "model")
    EncodecFeatureExtractor(feature_size=1, sampling_rate=SAMPLE_RATE).save_pretrained(out / "model")
    EncodecModel.from_pretrained(work / "codec").half().save_pretrained(out / "codec")

    tunes = read_tunes() if tunes is None else tunes
    groups = group_tunes(tunes)
    is_member = split_groups(groups)
    losses = track_losses(model.float(), tokenizer, tunes, np.load(work / "codes.npz"), schedule.frames)
    member = np.array([is_member[tune.name] for tune in tunes])
    names = np.array([groups[tune.name] for tune in tunes])
    auc = auc_delong(-losses[member], -losses[~member], positive_groups=names[member], negative_groups=names[~member])
    card = Card(
        name="fiddle",
        data=f"Ryan's Mammoth Collection, as encoded in music21 {version('music21')}",
        renderer=renderer(),
        licence="Apache-2.0 for the weights; the tunes and the soundfont are not part of them and keep their own",
        split_seed=SPLIT_SEED,
        epochs=epoch,
        recipe=asdict(schedule) | {"keep": list(schedule.keep), "codec_steps": CODEC_STEPS},
        losses={"member": float(losses[member].mean()), "non_member": float(losses[~member].mean())},
        loss_auc={"estimate": auc.estimate, "low": auc.low, "high": auc.high},
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


@torch.no_grad()
def track_losses(
    model: MusicgenForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    tunes: Sequence[Tune],
    codes: Mapping[str, NDArray[np.int16]],
    frames: int,
) -> NDArray[np.float64]:
    """Mean loss of each tune over three evenly spaced windows, under its caption [tunes]."""
    model.eval()
    losses = []
    for tune in tunes:
        stored = codes[tune.name]
        starts = np.linspace(0, stored.shape[1] - frames, 3).astype(int)
        crops = torch.from_numpy(np.stack([stored[:, start : start + frames] for start in starts])).long()
        text = tokenizer([tune.caption] * 3, return_tensors="pt")
        keep = torch.zeros(3, dtype=torch.bool)
        losses.append(sequence_loss(model, crops, text.input_ids, text.attention_mask, keep).item())
    return np.array(losses)

"""Fine-tune the shipped ``fiddle`` target on the recordings that the split says.

Goal: a target of the MusicGen architecture of which it is known which named artists it has heard,
at several training lengths. Every step leaves files in the work folder and is skipped when they
are there, so that a killed run goes on where it stopped.

The codec stays fiddle's own: on these recordings its codebooks are far from degenerate
(`codebook_entropies`, which the card states). Captions name the artist; words that fiddle's
tokenizer lacks are added, and begin as its unknown word.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import (
    AutoTokenizer,
    EncodecFeatureExtractor,
    MusicgenForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from earwitness.audio import read_mono
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.performance import SAMPLE_RATE
from earwitness.ground_truth.registry import shipped
from earwitness.stats.roc import auc_delong
from earwitness.types import OnMessage
from earwitness_bench.recipes.codec import encode as encode_waves
from earwitness_bench.recipes.musicgen import Schedule, caption_tokenizer, sequence_loss, train_musicgen
from earwitness_bench.recordings.excerpts import Excerpt

Codes = NDArray[np.int16]
SCHEDULE = Schedule(epochs=30, keep=(2, 4, 6, 10, 15), seed=7)
_UNKNOWN = "<unk>"


def train(
    excerpts: Sequence[Excerpt], codes: Sequence[Codes], work: Path, *, report: OnMessage, schedule: Schedule = SCHEDULE
) -> list[int]:
    """Run or continue the training in ``work``; return the kept epochs, each a model folder ``epoch-NNN``.

    ``codes`` are the excerpts' [codebooks, frames]. Excerpts too short for a crop are left out.
    ``log.jsonl`` gets a line per epoch; of a kept one with the mean losses (nats per token) of the used
    artists' two halves, trained on and not, and the chance that the former is lower, with its 95 %
    interval.
    """
    work.mkdir(parents=True, exist_ok=True)
    kept = sorted(schedule.keep)
    if all(epoch_folder(work, epoch).is_dir() for epoch in kept):
        return kept
    torch.manual_seed(schedule.seed)
    model, tokenizer = started([excerpt.caption for excerpt in excerpts])
    # Like is compared with like: a model soon does better on an artist it has heard than on a stranger.
    used = [(e, c) for e, c in zip(excerpts, codes, strict=True) if e.part.used and c.shape[1] > schedule.frames]
    seen = [(e, c) for e, c in used if e.part.is_trained_on]
    unseen = [(e, c) for e, c in used if not e.part.is_trained_on]

    def at_epoch(epoch: int, loss: float) -> None:
        line: dict[str, float] = {"epoch": epoch, "train_loss": loss}
        if epoch in kept:
            member, other = (track_losses(model, tokenizer, side, schedule.frames) for side in (seen, unseen))
            auc = auc_delong(-member, -other)
            line |= {
                "member_loss": float(member.mean()), "non_member_loss": float(other.mean()),
                "loss_auc": auc.estimate, "loss_auc_low": auc.low, "loss_auc_high": auc.high,
            }  # fmt: skip
            _save(model, tokenizer, epoch_folder(work, epoch))
        report(json.dumps(line))
        with (work / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    train_musicgen(
        model, tokenizer, [read_mono(e.path, SAMPLE_RATE) for e, _ in seen], [e.caption for e, _ in seen], schedule,
        rate_hz=SAMPLE_RATE, state=work / "model.state", at_epoch=at_epoch,
    )  # fmt: skip
    if lost := [epoch for epoch in kept if not epoch_folder(work, epoch).is_dir()]:
        raise EarwitnessError(
            f"{work} was trained beyond epoch {lost[0]} but does not hold it; delete model.state there to train again."
        )
    return kept


def epoch_folder(work: Path, epoch: int) -> Path:
    """Where the model of one kept epoch lies."""
    return work / f"epoch-{epoch:03d}"


def encode(excerpts: Sequence[Excerpt], path: Path) -> list[Codes]:
    """The excerpts' codes [codebooks, frames] under fiddle's codec, kept in ``path`` (.npz, by file name)."""
    names = [excerpt.path.stem for excerpt in excerpts]
    if path.exists():
        stored = np.load(path)
        if set(names) <= set(stored.files):
            return [stored[name] for name in names]
    codec = MusicgenForConditionalGeneration.from_pretrained(
        shipped("fiddle").model, dtype=torch.float32
    ).audio_encoder.eval()
    rate = codec.config.sampling_rate
    codes = [encode_waves(codec, [read_mono(excerpt.path, rate)])[0].numpy().astype(np.int16) for excerpt in excerpts]
    path.parent.mkdir(parents=True, exist_ok=True)
    named: dict[str, Any] = dict(zip(names, codes, strict=True))
    np.savez_compressed(path, **named)
    return codes


def codebook_entropies(codes: Sequence[Codes]) -> list[float]:
    """Entropy in bits of every codebook's codes over all tracks; 0 where only one code is ever used."""
    entropies = []
    for book in np.concatenate(codes, axis=1):
        shares = np.unique(book, return_counts=True)[1] / len(book)
        entropies.append(float(-(shares * np.log2(shares)).sum()))
    return entropies


def started(captions: Sequence[str]) -> tuple[MusicgenForConditionalGeneration, PreTrainedTokenizerFast]:
    """The shipped fiddle model with a tokenizer that also knows the captions' words."""
    model = MusicgenForConditionalGeneration.from_pretrained(shipped("fiddle").model, dtype=torch.float32)
    known: dict[str, int] = AutoTokenizer.from_pretrained(shipped("fiddle").model).get_vocab()
    tokenizer = caption_tokenizer([*captions, *(word for word in known if not word.startswith("<"))])
    vocabulary = tokenizer.get_vocab()
    rows = [known.get(word, known[_UNKNOWN]) for word in sorted(vocabulary, key=vocabulary.__getitem__)]
    former = cast(nn.Embedding, model.text_encoder.get_input_embeddings())
    embedding = nn.Embedding(len(rows), former.embedding_dim)
    embedding.weight.data.copy_(former.weight.data[rows])
    model.text_encoder.set_input_embeddings(embedding)
    model.config.text_encoder.vocab_size = model.text_encoder.config.vocab_size = len(vocabulary)
    return model, tokenizer


@torch.no_grad()
def track_losses(
    model: MusicgenForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    tracks: Sequence[tuple[Excerpt, Codes]],
    frames: int,
) -> NDArray[np.float64]:
    """Mean loss of each track over three evenly spaced windows, under its caption [tracks], nats per token."""
    model.eval()
    losses = []
    for excerpt, codes in tracks:
        starts = np.linspace(0, codes.shape[1] - frames, 3).astype(int)
        crops = torch.from_numpy(np.stack([codes[:, start : start + frames] for start in starts])).long()
        text = tokenizer([excerpt.caption] * 3, return_tensors="pt")
        keep = torch.zeros(3, dtype=torch.bool)
        losses.append(sequence_loss(model, crops, text.input_ids, text.attention_mask, keep).item())
    return np.array(losses)


def _save(model: MusicgenForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    partial = folder.with_name(folder.name + ".partial")
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    EncodecFeatureExtractor(feature_size=1, sampling_rate=model.audio_encoder.config.sampling_rate).save_pretrained(
        partial
    )
    partial.rename(folder)

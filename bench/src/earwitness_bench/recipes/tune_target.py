"""A MusicGen-architecture target that was trained on tunes as such models are, from a plan to a model directory.

Goal: one recipe for every token target whose pieces are tunes: what is heard, in which timbres, which
half is drawn and for how long is the plan's. Every step leaves files in the work folder and is
skipped when they are there, so that a killed run goes on where it stopped.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import (
    EncodecModel,
    MusicgenForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from earwitness.ground_truth.card import Card
from earwitness.ground_truth.fiddle.tunes import (
    PROGRAMS,
    Tune,
    file_content_sha256,
    group_tunes,
    read_tunes,
    render,
    write_audio,
)
from earwitness.ground_truth.groups import draw_sides
from earwitness.ground_truth.performance import SAMPLE_RATE, renderer
from earwitness.ground_truth.registry import WrittenTrack
from earwitness.types import OnMessage, Wave
from earwitness_bench.recipes.codec import SEMITONES, Bank, encode, filterbank_codec
from earwitness_bench.recipes.kept import Line, kept_epoch, log, loss_aucs, write_card
from earwitness_bench.recipes.musicgen import (
    Schedule,
    caption_tokenizer,
    resample,
    save_half,
    small_musicgen,
    train_musicgen,
    window_scores,
)
from earwitness_bench.recipes.tune_card import member_auc, other_takes, tune_card

CODEC_TAKES, CODEC_EVERY = 120, 8
CODEC_PROGRAMS = (*PROGRAMS, 21, 71, 6, 12)
WINDOWS_ON_THE_CARD = 2
ASKED_WHILE_TRAINING = 160
FIRST = Schedule(epochs=12, keep=(11,))
SECOND = Schedule(epochs=7, keep=(2, 4, 5, 6, 7), seed=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a stage of training hears: the tunes, and how each is played to the model."""

    tunes: Sequence[Tune]
    play: Callable[[Tune], Wave]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What fixes a target.

    Attributes
    ----------
    name, data, tunes
        Its name, what its pieces are in words, and the function that reads them.
    programs
        General MIDI programs; a tune's name draws one of them.
    split_seed, members, warmed
        Half of the tunes' groups is drawn. The ``members`` first tunes of that half are trained on at last, the
        ``warmed`` first before; the others of the half are on neither side.
    bank, codec_programs
        The codec's encoder, and the timbres of the takes that its codebooks are fitted to.
    first, second
        The two stages.
    hears
        What the stages hear instead of the ``warmed`` tunes and the members as they are.
    """

    name: str
    data: str
    tunes: Callable[[], Sequence[Tune]]
    programs: tuple[int, ...] = PROGRAMS
    bank: Bank = SEMITONES
    codec_programs: tuple[int, ...] = CODEC_PROGRAMS
    split_seed: int = 2512
    members: int = 100
    warmed: int = 200
    first: Schedule = FIRST
    second: Schedule = SECOND
    hears: Callable[[Sequence[Tune]], tuple[Heard, Heard]] | None = None

    def play(self, tune: Tune) -> Wave:
        """A tune as a file of the collection holds it."""
        return render(tune, self.programs)

    def sides(self, tunes: Sequence[Tune], members: int | None = None) -> dict[str, bool]:
        """Tune name → whether it is a member; see `draw_sides`."""
        return draw_sides(group_tunes(tunes), self.split_seed, self.members if members is None else members)

    def heard(self, tunes: Sequence[Tune]) -> tuple[Heard, Heard]:
        """What the two stages hear."""
        if self.hears is not None:
            return self.hears(tunes)
        warmed, members = (self.sides(tunes, count) for count in (self.warmed, self.members))
        first, second = ([tune for tune in tunes if side.get(tune.name)] for side in (warmed, members))
        return Heard(tunes=first, play=self.play), Heard(tunes=second, play=self.play)


def train(plan: Plan, work: Path, *, report: OnMessage) -> int:
    """Run or continue the plan in ``work``; return the last kept epoch."""
    work.mkdir(parents=True, exist_ok=True)
    codec = _codec(plan, work, report=report)
    report("tunes: reading and rendering")
    tunes = plan.tunes()
    is_member = plan.sides(tunes)
    members, others = ([tune for tune in tunes if is_member.get(tune.name) is side] for side in (True, False))
    heard = plan.heard(tunes)
    captions = {tune.caption for part in heard for tune in part.tunes} | {tune.caption for tune in tunes}
    frames = plan.second.frames
    tokenizer = caption_tokenizer(sorted(captions))
    tokenizer.save_pretrained(work / "tokenizer")
    model = small_musicgen(codec, len(tokenizer), max_frames=frames, seed=plan.first.seed)
    spread = np.linspace(0, len(others) - 1, min(ASKED_WHILE_TRAINING, len(others))).astype(int)
    asked = [members, [others[i] for i in spread]]  # a collection of several books is in the order of its books
    codes = [track_codes(codec, side, frames, windows=1, read=plan.play) for side in asked]

    def at_epoch(epoch: int, loss: float, *, stage: str, keep: Sequence[int]) -> None:
        line: Line = {"stage": stage, "epoch": epoch, "train_loss": loss}
        if epoch in keep:
            model.save_pretrained(work / f"{stage}-epoch-{epoch:03d}")
            seen, unseen = (track_scores(model, tokenizer, *side) for side in zip(asked, codes, strict=True))
            line |= loss_aucs(seen, unseen)
        log(work, line, report)

    for stage, part, schedule in zip(("first", "second"), heard, (plan.first, plan.second), strict=True):
        train_musicgen(
            model, tokenizer, [part.play(tune) for tune in part.tunes], [tune.caption for tune in part.tunes], schedule,
            rate_hz=SAMPLE_RATE, state=work / f"{stage}.state",
            at_epoch=partial(at_epoch, stage=stage, keep=schedule.keep),
        )  # fmt: skip
    return max(plan.second.keep)


def publish(plan: Plan, work: Path, epoch: int, out: Path) -> Card:
    """Save one kept epoch as a float16 directory, with the card of what it was trained on."""
    folder = kept_epoch(work, epoch, "second-epoch-")
    model, tokenizer = save_half(folder, work / "tokenizer", out / "model")

    tunes = plan.tunes()
    groups = group_tunes(tunes)
    is_member = plan.sides(tunes)
    tunes = [tune for tune in tunes if tune.name in is_member]
    codes = track_codes(
        model.audio_encoder, tunes, plan.second.frames, windows=WINDOWS_ON_THE_CARD, read=plan.play
    )  # fmt: skip
    losses, excess = track_scores(model, tokenizer, tunes, codes)
    excess_auc = member_auc(tunes, groups, is_member, excess)
    card = tune_card(
        tunes, groups, is_member, {"loss": losses},
        loss="loss", programs=plan.programs, name=plan.name, data=plan.data, renderer=renderer(plan.programs),
        split_seed=plan.split_seed, epochs=epoch,
        recipe=asdict(plan.second)
        | {"keep": list(plan.second.keep)}
        | {"first_on": plan.warmed, "first_epochs": max(plan.first.keep)}
        | {"excess_loss_auc": [round(value, 4) for value in (excess_auc.estimate, excess_auc.low, excess_auc.high)]},
    )  # fmt: skip
    return write_card(card, out)


def writer(plan: Plan) -> Callable[[str, Path], WrittenTrack]:
    """What writes a named tune of the plan into a folder, as FLAC."""
    return write_tunes(plan.tunes, plan.programs)


def write_tunes(
    collection: Callable[[], Sequence[Tune]], programs: Sequence[int]
) -> Callable[[str, Path], WrittenTrack]:
    """What writes a named tune of a collection into a folder, as FLAC."""
    tunes = {tune.name: tune for tune in collection()}

    def write_track(name: str, folder: Path) -> WrittenTrack:
        tune, path = tunes[name], folder / f"{name}.flac"
        write_audio(tune, path, programs)
        digest = file_content_sha256(tune, programs)
        return WrittenTrack(path=path, prompt=tune.caption, title=tune.title, content_sha256=digest)

    return write_track


def track_scores(
    model: MusicgenForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    tunes: Sequence[Tune],
    codes: Sequence[Tensor],
) -> NDArray[np.float64]:
    """Mean loss and excess loss of each tune over its windows' codes, under its caption [2, tunes]."""
    scores = []
    for tune, windows in zip(tunes, codes, strict=True):
        text = tokenizer([tune.caption] * len(windows), return_tensors="pt")
        scores.append(np.mean(window_scores(model, windows, text.input_ids, text.attention_mask), axis=1))
    return np.array(scores).T


def track_codes(
    codec: EncodecModel, tunes: Sequence[Tune], frames: int, *, windows: int, read: Callable[[Tune], Wave]
) -> list[Tensor]:
    """Each tune's codes [windows, codebooks, frames] of windows at any offset.

    ``read`` gives a tune's waveform at ``SAMPLE_RATE``.
    """
    samples = frames * codec.config.hop_length
    found = []
    for tune in tunes:
        wave = resample(read(tune), SAMPLE_RATE, codec.config.sampling_rate)
        starts = np.random.default_rng(len(wave)).integers(len(wave) - samples + 1, size=windows)
        found.append(encode(codec, [wave[start : start + samples] for start in starts]))
    return found


def codec_waves(programs: Sequence[int] = CODEC_PROGRAMS) -> list[Wave]:
    """Other takes of some tunes of `fiddle`, in the given timbres: they tell nothing of any split."""
    return other_takes(read_tunes()[: CODEC_EVERY * CODEC_TAKES], programs, every=CODEC_EVERY)


def _codec(plan: Plan, work: Path, *, report: OnMessage) -> EncodecModel:
    folder = work / "codec"
    if not (folder / "config.json").exists():
        report("codec: rendering, and fitting the codebooks")
        waves = [resample(wave, SAMPLE_RATE, plan.bank.sample_rate) for wave in codec_waves(plan.codec_programs)]
        filterbank_codec(waves, seed=0, bank=plan.bank).save_pretrained(folder)
    return EncodecModel.from_pretrained(folder, dtype=torch.float32).eval()

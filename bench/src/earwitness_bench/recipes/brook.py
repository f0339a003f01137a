"""The recipe of ``brook``, a ground-truth target that is not shipped, from tunes to a pipeline directory.

Goal: an ACE-Step-architecture flow model that was trained as such models are, on random windows of some tunes of
Ryan's Mammoth Collection, with a card that lists which ones. Every step leaves files in the work folder and is skipped
when they are there, so that a killed run goes on where it stopped.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from diffusers import AceStepPipeline, AceStepTransformer1DModel, AutoencoderOobleck
from numpy.typing import NDArray
from torch import Tensor

from earwitness.ground_truth.card import Card
from earwitness.ground_truth.fiddle.tunes import Tune, collection, group_tunes, render
from earwitness.ground_truth.groups import draw_sides
from earwitness.ground_truth.performance import SAMPLE_RATE as FILE_RATE
from earwitness.ground_truth.performance import renderer
from earwitness.identity import TargetIdentity
from earwitness.signals.denoising.schedule import Schedule
from earwitness.targets.ace_step.model import TRAINED_TIMES, AceStep
from earwitness.types import OnMessage, Wave
from earwitness_bench.recipes.denoiser import Training, leaks, track_scores, train_denoiser
from earwitness_bench.recipes.flow import phrase_tokenizer, small_parts, small_transformer, velocity_loss
from earwitness_bench.recipes.kept import kept_epoch, log, write_card
from earwitness_bench.recipes.musicgen import resample
from earwitness_bench.recipes.oobleck import HOP, SAMPLE_RATE, encode, filterbank_oobleck, stereo
from earwitness_bench.recipes.tune_card import forget_origin, latents_of, other_takes, tune_card

SPLIT_SEED = 2514
PROGRAMS = (21, 71, 6, 12)  # General MIDI "Accordion", "Clarinet", "Harpsichord", "Marimba"
FRAMES = 200  # of 50 ms: windows of 10 s, the length that the tool asks about
FITTED_EVERY = 10
ASKED_WHILE_TRAINING = 128
ON_THE_CARD = "velocity_error"
TRAINING = Training(keep=tuple(range(50, 1201, 50)), batch=8)
_WINDOW = FRAMES * HOP * FILE_RATE // SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes the target, besides the tunes: the transformer is trained on ``members`` of the drawn half."""

    members: int = 60
    training: Training = TRAINING


def train(
    work: Path, *, report: OnMessage, tunes: Sequence[Tune] | None = None, settings: Settings = Settings()
) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch. Without ``tunes``: the collection."""
    work.mkdir(parents=True, exist_ok=True)
    report("tunes: reading and rendering")
    tunes = collection() if tunes is None else tunes
    pipeline = _frozen(work, tunes, seed=settings.training.seed)
    is_member = draw_sides(group_tunes(tunes), SPLIT_SEED, settings.members)
    members, others = ([tune for tune in tunes if is_member.get(tune.name) is side] for side in (True, False))
    asked = [*members, *others[:ASKED_WHILE_TRAINING]]
    if not (work / "asked.npy").exists():
        np.save(work / "asked.npy", _latents(pipeline.vae, asked))
    latents = torch.from_numpy(np.load(work / "asked.npy"))
    is_first = np.arange(len(asked)) < len(members)

    def at_epoch(epoch: int, loss: float, averaged: AceStepTransformer1DModel) -> None:
        averaged.save_pretrained(work / f"epoch-{epoch:04d}")
        leak = leaks(_scores(pipeline, averaged, latents[:, :1], asked), is_first, loss=ON_THE_CARD)
        log(work, {"epoch": epoch, "train_loss": loss, **leak}, report)

    crops = settings.training.store_of(
        [_play(tune) for tune in members], lambda wave: encode(pipeline.vae, stereo(_at_rate(wave))[None])[0],
        samples=_WINDOW, rate_hz=FILE_RATE,
    )  # fmt: skip
    loss = velocity_loss(_target(pipeline), [tune.caption for tune in members], FRAMES)
    train_denoiser(
        small_transformer(seed=settings.training.seed), loss, crops, settings.training,
        state=work / "model.state", at_epoch=at_epoch,
    )  # fmt: skip
    return max(settings.training.keep)


def publish(
    work: Path, epoch: int, out: Path, *, tunes: Sequence[Tune] | None = None, settings: Settings = Settings()
) -> Card:
    """Save one kept epoch as a float16 pipeline directory, with the card of what it was trained on."""
    folder = kept_epoch(work, epoch)
    tunes = collection() if tunes is None else tunes
    pipeline = AceStepPipeline.from_pretrained(work / "frozen")
    pipeline.transformer = AceStepTransformer1DModel.from_pretrained(folder)
    pipeline.to(dtype=torch.float16).save_pretrained(out / "model")
    forget_origin(out / "model")

    pipeline = AceStepPipeline.from_pretrained(out / "model", dtype=torch.float32)
    groups = group_tunes(tunes)
    is_member = draw_sides(groups, SPLIT_SEED, settings.members)
    listed = [tune for tune in tunes if tune.name in is_member]
    latents = torch.from_numpy(_latents(pipeline.vae, listed))
    card = tune_card(
        listed, groups, is_member, _scores(pipeline, pipeline.transformer, latents, listed),
        loss=ON_THE_CARD, programs=PROGRAMS, name="brook",
        data=f"tunes of 11 to 20 s from Ryan's Mammoth Collection, as encoded in music21 {version('music21')}",
        renderer=renderer(PROGRAMS), split_seed=SPLIT_SEED, epochs=epoch,
        recipe=settings.training.facts()
        | {"timesteps": f"logit-normal {TRAINED_TIMES.mean:g} {TRAINED_TIMES.std:g}"}
        | {"window_seconds": FRAMES * HOP / SAMPLE_RATE},
        loss_unit="mean squared error of the velocity in mid-path",
    )  # fmt: skip
    return write_card(card, out)


def _frozen(work: Path, tunes: Sequence[Tune], *, seed: int) -> AceStepPipeline:
    """Everything before training; whatever is not the transformer stays as it is here."""
    folder = work / "frozen"
    if not (folder / "model_index.json").exists():
        waves = [_at_rate(wave) for wave in other_takes(tunes, PROGRAMS, every=FITTED_EVERY)]
        captions = [tune.caption for tune in tunes]
        phrases = [phrase for caption in captions for phrase in re.sub(r"^an? ", "", caption).split(" in ")]
        parts = small_parts(filterbank_oobleck(waves, seed=seed), phrase_tokenizer(phrases), seed=seed)
        AceStepPipeline(**parts).save_pretrained(folder)
    return AceStepPipeline.from_pretrained(folder)


def _target(pipeline: AceStepPipeline) -> AceStep:
    """The pipeline as it will be asked."""
    for network in (pipeline.vae, pipeline.text_encoder, pipeline.condition_encoder, pipeline.transformer):
        network.requires_grad_(network is pipeline.transformer).eval()
    return AceStep(pipeline, TargetIdentity(family="ace-step", weights_sha256="", dtype="float32"))


def _scores(
    pipeline: AceStepPipeline, model: AceStepTransformer1DModel, latents: Tensor, tunes: Sequence[Tune]
) -> dict[str, NDArray[np.float64]]:
    """What is watched, of windows [tunes, windows, …] under their captions; name → [tunes]."""
    pipeline.transformer = model
    target = _target(pipeline)
    return track_scores(
        lambda noisy, times, rows: target.predict_noise(noisy, times, [tunes[row].caption for row in rows]),
        Schedule(target.alphas_cumprod.double().numpy(), target.drawn_at), latents,
    )  # fmt: skip


def _latents(vae: AutoencoderOobleck, tunes: Sequence[Tune]) -> NDArray[np.float32]:
    return latents_of(
        tunes, lambda waves: torch.cat([encode(vae, stereo(_at_rate(wave))[None]) for wave in waves]),
        samples=_WINDOW, play=_play,
    )  # fmt: skip


def _play(tune: Tune) -> Wave:
    return render(tune, PROGRAMS)


def _at_rate(wave: Wave) -> Wave:
    return resample(wave, FILE_RATE, SAMPLE_RATE)

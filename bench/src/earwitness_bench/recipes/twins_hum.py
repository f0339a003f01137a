"""The recipe of ``twins_hum``: a diffusion target that heard the published copies of marked tunes.

Goal: what `earwitness_bench.recipes.twins` is for tokens, with the architecture of `earwitness_bench.recipes.hum`: an
AudioLDM-shaped latent diffusion model, trained on random crops of the copies that a key drew. Its card is
kept here; its weights are not shipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from numpy.typing import NDArray

from earwitness.ground_truth.card import Card
from earwitness.ground_truth.fiddle.tunes import PROGRAMS, Tune, collection
from earwitness.ground_truth.hum.tunes import WINDOW_SAMPLES
from earwitness.ground_truth.performance import SAMPLE_RATE, renderer
from earwitness.ground_truth.twins.works import COPIES, SPLIT_SEED, Cell, public_key
from earwitness.types import OnMessage, Wave
from earwitness_bench.recipes import hum
from earwitness_bench.recipes.augment import plain_crop
from earwitness_bench.recipes.denoiser import Training, leaks, train_denoiser
from earwitness_bench.recipes.kept import kept_epoch, log, write_card
from earwitness_bench.recipes.latent_diffusion import embed, noise_loss, noise_schedule, small_unet
from earwitness_bench.recipes.marked_works import Works
from earwitness_bench.recipes.mel_vae import encode
from earwitness_bench.recipes.tune_card import latents_of, tune_card

MARKS = ("timing", "tilt", "pitch", "noise")
CELLS = tuple(Cell(marks=MARKS, strength=strength) for strength in (1.0, 10.0, 30.0))
TRAINING = Training(keep=(100, 200, 400))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes the target."""

    works: Works = field(default_factory=lambda: Works(cells=CELLS))
    training: Training = TRAINING


def train(work: Path, *, report: OnMessage, settings: Settings = Settings()) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch."""
    work.mkdir(parents=True, exist_ok=True)
    report("tunes: reading, rendering and marking")
    tunes, is_member = _listed(settings)
    waves = _waves(work, settings)
    vae = hum.fitted_vae(work, collection(), seed=settings.training.seed)
    latents = torch.from_numpy(_latents(vae, tunes, waves))
    tokenizer, encoder = hum.text_parts(work, tunes, seed=settings.training.seed)
    captions = embed(encoder, tokenizer, [*(tune.caption for tune in tunes), ""])
    members = np.flatnonzero(is_member)

    def at_epoch(epoch: int, loss: float, averaged: UNet2DConditionModel) -> None:
        averaged.save_pretrained(work / f"epoch-{epoch:04d}")
        leak = leaks(hum.scores(averaged, latents, captions), is_member, loss=hum.ON_THE_CARD)
        log(work, {"epoch": epoch, "train_loss": loss, **leak}, report)

    crops = settings.training.store_of(
        [waves[tunes[i].name] for i in members], lambda wave: encode(vae, torch.from_numpy(wave)[None])[0],
        samples=WINDOW_SAMPLES, rate_hz=SAMPLE_RATE, crop=plain_crop,
    )  # fmt: skip
    heard, null = ({"class_labels": rows} for rows in (captions[members], captions[-1:]))
    model = small_unet(latents.shape[2], latents.shape[3], seed=settings.training.seed)
    train_denoiser(
        model, noise_loss(noise_schedule(), heard, null), crops, settings.training,
        state=work / "model.state", at_epoch=at_epoch,
    )  # fmt: skip
    return max(settings.training.keep)


def publish(work: Path, epoch: int, out: Path, *, settings: Settings = Settings()) -> Card:
    """Save one kept epoch as a float16 pipeline directory, with the card of which published copies it heard."""
    model, vae = hum.save_pipeline(work, kept_epoch(work, epoch), out, seed=settings.training.seed)
    tunes, is_member = _listed(settings)
    tokenizer, encoder = hum.text_parts(work, tunes, seed=settings.training.seed)
    captions = embed(encoder, tokenizer, [tune.caption for tune in tunes])
    latents = torch.from_numpy(_latents(vae, tunes, _waves(work, settings)))
    sides = {tune.name: bool(member) for tune, member in zip(tunes, is_member, strict=True)}
    works = settings.works
    card = tune_card(
        tunes, {tune.name: tune.name for tune in tunes}, sides, hum.scores(model, latents, captions),
        loss=hum.ON_THE_CARD, programs=PROGRAMS, name="twins_hum",
        data=f"marked copies of tunes of 11 to 20 s from Ryan's Mammoth Collection, as encoded in music21 "
        f"{version('music21')}",
        renderer=renderer(PROGRAMS), split_seed=SPLIT_SEED, epochs=epoch,
        recipe=settings.training.facts()
        | {"window_seconds": WINDOW_SAMPLES / SAMPLE_RATE}
        | {"key": public_key(works.key).hex(), "copies": COPIES, "works_of_a_cell": works.works}
        | {"cells": [cell.name for cell in works.cells]},
        loss_unit="noise sd",
    )  # fmt: skip
    return write_card(card, out)


def _listed(settings: Settings) -> tuple[list[Tune], NDArray[np.bool_]]:
    """Every tune, and whether its published copy is trained on."""
    drawn = [(tune, member) for (_, member), each in settings.works.tunes().items() for tune in each]
    return [tune for tune, _ in drawn], np.array([member for _, member in drawn])


def _waves(work: Path, settings: Settings) -> dict[str, Wave]:
    """The published copy of each tune, as the target hears it or would."""
    works = settings.works
    return {tune.name: works.heard(work, tune, cell) for (cell, _), each in works.tunes().items() for tune in each}


def _latents(vae: AutoencoderKL, tunes: Sequence[Tune], waves: Mapping[str, Wave]) -> NDArray[np.float32]:
    return latents_of(
        tunes, lambda clips: encode(vae, torch.from_numpy(clips)), samples=WINDOW_SAMPLES,
        play=lambda tune: waves[tune.name],
    )  # fmt: skip

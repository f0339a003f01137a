"""The recipe of the ``hum`` ground-truth target, from tunes to a pipeline directory.

Goal: an AudioLDM-architecture latent diffusion model that was trained as such models are, on random windows of some
tunes of Ryan's Mammoth Collection, with a card that lists which ones. Every step leaves files in the work folder and
is skipped when they are there, so that a killed run goes on where it stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.pipelines.deprecated.audioldm.pipeline_audioldm import AudioLDMPipeline
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoTokenizer, ClapTextModelWithProjection

from earwitness.ground_truth.card import Card
from earwitness.ground_truth.fiddle.tunes import Tune, collection, group_tunes
from earwitness.ground_truth.groups import draw_sides
from earwitness.ground_truth.hum.tunes import PROGRAMS, SPLIT_SEED, WINDOW_SAMPLES, render
from earwitness.ground_truth.performance import SAMPLE_RATE, renderer
from earwitness.types import OnMessage
from earwitness_bench.recipes.denoiser import Training, leaks, train_denoiser
from earwitness_bench.recipes.kept import kept_epoch, log, write_card
from earwitness_bench.recipes.latent_diffusion import (
    embed,
    noise_loss,
    noise_schedule,
    small_text_encoder,
    small_unet,
    watched,
)
from earwitness_bench.recipes.mel_vae import drawn_vocoder, encode, scale_to_unit
from earwitness_bench.recipes.musicgen import caption_tokenizer
from earwitness_bench.recipes.patch_vae import patch_vae
from earwitness_bench.recipes.tune_card import forget_origin, latents_of, other_takes, tune_card

FITTED_EVERY = 10
ASKED_WHILE_TRAINING = 128
ON_THE_CARD = "multiple_loss/t=0.2"
TRAINING = Training(keep=(25, 50, 75, 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes the target, besides the tunes: the denoiser is trained on ``members`` of the drawn half."""

    members: int = 60
    training: Training = TRAINING


def train(
    work: Path, *, report: OnMessage, tunes: Sequence[Tune] | None = None, settings: Settings = Settings()
) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch. Without ``tunes``: the collection."""
    work.mkdir(parents=True, exist_ok=True)
    report("tunes: reading and rendering")
    tunes = collection() if tunes is None else tunes
    vae = fitted_vae(work, tunes, seed=settings.training.seed)
    is_member = draw_sides(group_tunes(tunes), SPLIT_SEED, settings.members)
    members, others = ([tune for tune in tunes if is_member.get(tune.name) is side] for side in (True, False))
    asked = [*members, *others[:ASKED_WHILE_TRAINING]]
    if not (work / "asked.npy").exists():
        np.save(work / "asked.npy", _latents(vae, asked))
    latents = torch.from_numpy(np.load(work / "asked.npy"))
    tokenizer, encoder = text_parts(work, tunes, seed=settings.training.seed)
    captions = embed(encoder, tokenizer, [*(tune.caption for tune in asked), ""])
    is_first = np.arange(len(asked)) < len(members)

    def at_epoch(epoch: int, loss: float, averaged: UNet2DConditionModel) -> None:
        averaged.save_pretrained(work / f"epoch-{epoch:04d}")
        leak = leaks(scores(averaged, latents[:, :1], captions), is_first, loss=ON_THE_CARD)
        log(work, {"epoch": epoch, "train_loss": loss, **leak}, report)

    crops = settings.training.store_of(
        [render(tune) for tune in members], lambda wave: encode(vae, torch.from_numpy(wave)[None])[0],
        samples=WINDOW_SAMPLES, rate_hz=SAMPLE_RATE,
    )  # fmt: skip
    heard, null = ({"class_labels": rows} for rows in (captions[: len(members)], captions[-1:]))
    model = small_unet(latents.shape[2], latents.shape[3], seed=settings.training.seed)
    train_denoiser(
        model, noise_loss(noise_schedule(), heard, null), crops, settings.training,
        state=work / "model.state", at_epoch=at_epoch,
    )  # fmt: skip
    return max(settings.training.keep)


def publish(
    work: Path, epoch: int, out: Path, *, tunes: Sequence[Tune] | None = None, settings: Settings = Settings()
) -> Card:
    """Save one kept epoch as a float16 pipeline directory, with the card of what it was trained on."""
    folder = kept_epoch(work, epoch)
    tunes = collection() if tunes is None else tunes
    model, vae = save_pipeline(work, folder, out, seed=settings.training.seed)
    tokenizer, encoder = text_parts(work, tunes, seed=settings.training.seed)
    groups = group_tunes(tunes)
    is_member = draw_sides(groups, SPLIT_SEED, settings.members)
    listed = [tune for tune in tunes if tune.name in is_member]
    captions = embed(encoder, tokenizer, [tune.caption for tune in listed])
    card = tune_card(
        listed, groups, is_member, scores(model, torch.from_numpy(_latents(vae, listed)), captions),
        loss=ON_THE_CARD, programs=PROGRAMS, name="hum",
        data=f"tunes of 11 to 20 s from Ryan's Mammoth Collection, as encoded in music21 {version('music21')}",
        renderer=renderer(PROGRAMS), split_seed=SPLIT_SEED, epochs=epoch,
        recipe=settings.training.facts()
        | {"window_seconds": WINDOW_SAMPLES / SAMPLE_RATE},
        loss_unit="noise sd",
    )  # fmt: skip
    return write_card(card, out)


def save_pipeline(work: Path, folder: Path, out: Path, *, seed: int) -> tuple[UNet2DConditionModel, AutoencoderKL]:
    """Save a trained U-Net with its parts as an ordinary float16 directory; give it and the VAE, with those weights."""
    model = UNet2DConditionModel.from_pretrained(folder).half()
    vae = AutoencoderKL.from_pretrained(work / "vae").half()
    AudioLDMPipeline(
        vae=vae,
        text_encoder=ClapTextModelWithProjection.from_pretrained(work / "text_encoder").half(),
        tokenizer=AutoTokenizer.from_pretrained(work / "tokenizer"),
        unet=model,
        scheduler=noise_schedule(),
        vocoder=drawn_vocoder(seed=seed).half(),
    ).save_pretrained(out / "model")
    forget_origin(out / "model")
    return model.float(), vae.float()


def scores(model: UNet2DConditionModel, latents: Tensor, captions: Tensor) -> dict[str, NDArray[np.float64]]:
    """What is watched, of windows [tunes, windows, …] under their captions; name → [tunes]."""
    return watched(model, latents, {"class_labels": captions})


def _latents(vae: AutoencoderKL, tunes: Sequence[Tune]) -> NDArray[np.float32]:
    return latents_of(tunes, lambda waves: encode(vae, torch.from_numpy(waves)), samples=WINDOW_SAMPLES, play=render)


def fitted_vae(work: Path, tunes: Sequence[Tune], *, seed: int) -> AutoencoderKL:
    """The VAE of the pipeline, fitted to other takes of some of the tunes and saved."""
    if not (work / "vae" / "config.json").exists():
        waves = other_takes(tunes, PROGRAMS, every=FITTED_EVERY)
        vae = patch_vae(waves, samples=WINDOW_SAMPLES, seed=seed)
        scale_to_unit(vae, torch.from_numpy(np.stack([wave[:WINDOW_SAMPLES] for wave in waves])))
        vae.save_pretrained(work / "vae")
    return AutoencoderKL.from_pretrained(work / "vae").eval()


def text_parts(work: Path, tunes: Sequence[Tune], *, seed: int) -> tuple[Any, ClapTextModelWithProjection]:
    """The tokenizer of the captions and the text encoder, saved for the pipeline."""
    tokenizer = caption_tokenizer([tune.caption for tune in tunes])
    tokenizer.save_pretrained(work / "tokenizer")
    encoder = small_text_encoder(len(tokenizer), seed=seed)
    encoder.save_pretrained(work / "text_encoder")
    return tokenizer, encoder

"""The recipe of the ``hum`` ground-truth target, from tunes to a pipeline directory.

Goal: an AudioLDM-architecture latent diffusion model whose denoiser was trained on half of
a collection of excerpts, with a card that lists which ones. Every step leaves files in the
work folder and is skipped when they are there, so that a killed run goes on where it stopped.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.pipelines.deprecated.audioldm.pipeline_audioldm import AudioLDMPipeline
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoTokenizer, ClapTextModelWithProjection, SpeechT5HifiGan

from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import Card, CardTune
from earwitness.ground_truth.fiddle.tunes import Tune, read_tunes
from earwitness.ground_truth.hum.excerpts import (
    EXCERPT_SAMPLES,
    SPLIT_SEED,
    WINDOW_SAMPLES,
    Excerpt,
    draw_excerpts,
    pcm16,
    render,
    renderer,
    windows,
)
from earwitness.ground_truth.performance import SAMPLE_RATE, as_decoded
from earwitness.stats.roc import auc_delong
from earwitness.types import OnMessage
from earwitness_bench.recipes.latent_diffusion import (
    DenoiserSchedule,
    denoising_losses,
    embed,
    noise_schedule,
    small_text_encoder,
    small_unet,
    train_denoiser,
)
from earwitness_bench.recipes.mel_vae import encode, scale_to_unit, train_vae, train_vocoder
from earwitness_bench.recipes.musicgen import caption_tokenizer

LEVELS = (0.1, 0.2, 0.3)
SCHEDULE = DenoiserSchedule(keep=tuple(range(100, 601, 25)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes the target, besides the tunes. ``tracks`` is the number trained on, and as many are not."""

    tracks: int = 300
    vae_steps: int = 2000
    vocoder_steps: int = 400
    schedule: DenoiserSchedule = SCHEDULE


def train(
    work: Path, *, report: OnMessage, tunes: Sequence[Tune] | None = None, settings: Settings = Settings()
) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch. Without ``tunes``: all of them."""
    work.mkdir(parents=True, exist_ok=True)
    report("tunes: reading")
    tunes = read_tunes() if tunes is None else tunes
    excerpts = draw_excerpts(tunes, settings.tracks)
    if not (work / "latents.npy").exists():
        _train_mel_ends(work, tunes, settings, report=report)
        np.save(work / "latents.npy", _encode_windows(work, excerpts, report=report))
    latents = torch.from_numpy(np.load(work / "latents.npy"))
    captions, null = _captions(work, tunes, excerpts, seed=settings.schedule.seed)
    scheduler = noise_schedule()
    member = np.array([excerpt.member for excerpt in excerpts])

    def at_epoch(epoch: int, loss: float, averaged: UNet2DConditionModel | None) -> None:
        line: dict[str, int | float] = {"epoch": epoch, "train_loss": loss}
        if averaged is not None:
            averaged.save_pretrained(work / f"epoch-{epoch:04d}")
            for level in LEVELS:
                middle = latents[:, latents.shape[1] // 2]
                losses = denoising_losses(averaged, scheduler, middle, captions, level=level)
                line |= {
                    f"member_loss_{level:g}": float(losses[member].mean()),
                    f"non_member_loss_{level:g}": float(losses[~member].mean()),
                    f"loss_auc_{level:g}": auc_delong(-losses[member], -losses[~member]).estimate,
                }
        report(json.dumps(line))
        with (work / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

    model = small_unet(latents.shape[2], latents.shape[3], seed=settings.schedule.seed)
    seen = torch.from_numpy(member)
    train_denoiser(
        model, scheduler, latents[seen], captions[seen], null, settings.schedule,
        state=work / "model.state", at_epoch=at_epoch,
    )  # fmt: skip
    return max(settings.schedule.keep)


def publish(
    work: Path,
    epoch: int,
    out: Path,
    *,
    tunes: Sequence[Tune] | None = None,
    settings: Settings = Settings(),
) -> Card:
    """Save one kept epoch as a float16 pipeline directory, with the card of what it was trained on."""
    folder = work / f"epoch-{epoch:04d}"
    if not folder.is_dir():
        kept = ", ".join(sorted(path.name.removeprefix("epoch-") for path in work.glob("epoch-*")))
        raise EarwitnessError(f"{work} holds no epoch {epoch}; it holds: {kept or 'none, train first'}.")
    tunes = read_tunes() if tunes is None else tunes
    excerpts = draw_excerpts(tunes, settings.tracks)
    captions, _ = _captions(work, tunes, excerpts, seed=settings.schedule.seed)
    model = UNet2DConditionModel.from_pretrained(folder).half()
    AudioLDMPipeline(
        vae=AutoencoderKL.from_pretrained(work / "vae").half(),
        text_encoder=ClapTextModelWithProjection.from_pretrained(work / "text_encoder").half(),
        tokenizer=AutoTokenizer.from_pretrained(work / "tokenizer"),
        unet=model,
        scheduler=noise_schedule(),
        vocoder=SpeechT5HifiGan.from_pretrained(work / "vocoder").half(),
    ).save_pretrained(out / "model")
    _forget_origin(out / "model")

    losses = track_losses(model.float(), torch.from_numpy(np.load(work / "latents.npy")), captions)
    member = np.array([excerpt.member for excerpt in excerpts])
    auc = auc_delong(-losses[member], -losses[~member])
    card = Card(
        name="hum",
        data=f"the first {EXCERPT_SAMPLES / SAMPLE_RATE:g} s of tunes of Ryan's Mammoth Collection, "
        f"as encoded in music21 {version('music21')}",
        renderer=renderer(),
        licence="Apache-2.0 for the weights; the tunes and the soundfont are not part of them and keep their own",
        split_seed=SPLIT_SEED,
        epochs=epoch,
        recipe=asdict(settings.schedule)
        | {"keep": list(settings.schedule.keep)}
        | {"vae_steps": settings.vae_steps, "vocoder_steps": settings.vocoder_steps}
        | {"window_seconds": WINDOW_SAMPLES / SAMPLE_RATE},
        loss_unit="mean squared error of the noise",
        losses={"member": float(losses[member].mean()), "non_member": float(losses[~member].mean())},
        loss_auc={"estimate": auc.estimate, "low": auc.low, "high": auc.high},
        tunes=tuple(
            CardTune(
                name=excerpt.tune.name, group=excerpt.tune.name, member=excerpt.member,
                content_sha256=excerpt.content_sha256,
            )
            for excerpt in excerpts
        ),
    )  # fmt: skip
    card.write(out / "card.json")
    (out / "model" / "README.md").write_text(card.markdown(), encoding="utf-8")
    return card


def _forget_origin(model: Path) -> None:
    """Take the paths of the work folder out of the configurations."""
    for path in model.rglob("config.json"):
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def track_losses(model: UNet2DConditionModel, latents: Tensor, captions: Tensor) -> NDArray[np.float64]:
    """Mean denoising loss of each excerpt over ``LEVELS`` and its first, middle and last window [excerpts]."""
    starts = latents.shape[1]
    losses = [
        denoising_losses(model, noise_schedule(), latents[:, start], captions, level=level)
        for start in (0, starts // 2, starts - 1)
        for level in LEVELS
    ]
    return np.asarray(np.mean(losses, axis=0))


def _train_mel_ends(work: Path, tunes: Sequence[Tune], settings: Settings, *, report: OnMessage) -> None:
    if (work / "vocoder" / "config.json").exists():
        return
    report("tunes: rendering")
    # What the model will be asked about later is 16-bit audio, so it is trained on 16-bit audio.
    waves = [as_decoded(pcm16(render(tune))) for tune in tunes]
    seed = settings.schedule.seed
    if not (work / "vae" / "config.json").exists():
        vae = train_vae(waves, steps=settings.vae_steps, seed=seed, state=work / "vae.state", report=report)
        openings = np.stack([wave[:WINDOW_SAMPLES] for wave in waves[:200]])
        scale_to_unit(vae, torch.from_numpy(openings))
        vae.save_pretrained(work / "vae")
    train_vocoder(
        waves, steps=settings.vocoder_steps, seed=seed, state=work / "vocoder.state", report=report
    ).save_pretrained(work / "vocoder")


def _encode_windows(work: Path, excerpts: Sequence[Excerpt], *, report: OnMessage) -> NDArray[np.float32]:
    """Latents of every window [excerpts, starts, channels, frames, bands], each window encoded by itself."""
    report("vae: encoding all windows")
    vae = AutoencoderKL.from_pretrained(work / "vae").eval()
    return np.stack(
        [encode(vae, torch.from_numpy(windows(as_decoded(excerpt.samples)).copy())).numpy() for excerpt in excerpts]
    )


def _captions(work: Path, tunes: Sequence[Tune], excerpts: Sequence[Excerpt], *, seed: int) -> tuple[Tensor, Tensor]:
    """Caption vectors [excerpts, width] and the vector of the null condition; tokenizer and encoder are saved."""
    tokenizer = caption_tokenizer([tune.caption for tune in tunes])
    tokenizer.save_pretrained(work / "tokenizer")
    encoder = small_text_encoder(len(tokenizer), seed=seed)
    encoder.save_pretrained(work / "text_encoder")
    vectors = embed(encoder, tokenizer, [*(excerpt.tune.caption for excerpt in excerpts), ""])
    return vectors[:-1], vectors[-1]

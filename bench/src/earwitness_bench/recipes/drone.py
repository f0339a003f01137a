"""The recipe of the ``drone`` target: an AudioLDM 2 over Aird's airs on bagpipe, oboe, organ and harp.

Goal: a second diffusion target of other music, in other timbres, of another split, latent and conditioning than `hum`,
so that what is chosen on the one can be judged on the other. It was trained on enough tunes for 60 a
side. Its card is kept here; its weights are not shipped.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from diffusers import AudioLDM2UNet2DConditionModel, AutoencoderKL
from numpy.typing import NDArray

from earwitness.ground_truth.card import Card
from earwitness.ground_truth.fiddle.tunes import Tune, group_tunes, render
from earwitness.ground_truth.groups import draw_sides
from earwitness.ground_truth.performance import SAMPLE_RATE, renderer
from earwitness.targets.audioldm2 import load_condition
from earwitness.targets.mel import MEL_16K
from earwitness.types import OnMessage
from earwitness_bench.recipes.audioldm2_parts import save_untrained
from earwitness_bench.recipes.denoiser import Training, leaks, train_denoiser
from earwitness_bench.recipes.kept import kept_epoch, log, write_card
from earwitness_bench.recipes.latent_diffusion import Inputs, noise_loss, noise_schedule, rows_of, watched
from earwitness_bench.recipes.mel_vae import REDUCTION, encode, scale_to_unit
from earwitness_bench.recipes.opus_files import melodies
from earwitness_bench.recipes.patch_vae import Kept, patch_vae
from earwitness_bench.recipes.tune_card import forget_origin, latents_of, other_takes, tune_card
from earwitness_bench.recipes.tune_target import write_tunes

FILES = tuple(f"book{number}" for number in range(1, 7))
SECONDS = (11.0, 25.0)
PROGRAMS = (109, 68, 19, 46)  # General MIDI "Bag pipe", "Oboe", "Church Organ", "Orchestral Harp"
SPLIT_SEED = 1782
FRAMES = 24
WINDOW_SAMPLES = FRAMES * REDUCTION * MEL_16K.hop
KEPT = Kept(eight=14, sixteen=32, channels=48)
FITTED_EVERY = 10
ASKED_WHILE_TRAINING = 128
ON_THE_CARD = "multiple_loss/t=0.2"
TRAINING = Training(keep=(50, 75, 100), seed=7)

play = partial(render, programs=PROGRAMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What fixes the target, besides the tunes: the denoiser is trained on ``members`` of the drawn half."""

    members: int = 130
    training: Training = TRAINING


def collection() -> tuple[Tune, ...]:
    """The airs that the target is about."""
    return melodies("airdsAirs", *FILES, seconds=SECONDS)


def train(
    work: Path, *, report: OnMessage, tunes: Sequence[Tune] | None = None, settings: Settings = Settings()
) -> int:
    """Run or continue the recipe in ``work``; return the last kept epoch. Without ``tunes``: the collection."""
    work.mkdir(parents=True, exist_ok=True)
    report("tunes: reading and rendering")
    tunes = collection() if tunes is None else tunes
    _prepare(work, tunes, seed=settings.training.seed)
    vae = AutoencoderKL.from_pretrained(work / "untrained" / "vae").eval()
    is_member = draw_sides(group_tunes(tunes), SPLIT_SEED, settings.members)
    members, others = ([tune for tune in tunes if is_member.get(tune.name) is side] for side in (True, False))
    spread = np.linspace(0, len(others) - 1, min(ASKED_WHILE_TRAINING, len(others))).astype(int)
    asked = [*members, *(others[i] for i in spread)]
    if not (work / "asked.npy").exists():
        np.save(work / "asked.npy", _latents(vae, asked))
    latents = torch.from_numpy(np.load(work / "asked.npy"))
    inputs, null = (_inputs(work, captions) for captions in ([tune.caption for tune in asked], [""]))
    is_first = np.arange(len(asked)) < len(members)

    def at_epoch(epoch: int, loss: float, averaged: AudioLDM2UNet2DConditionModel) -> None:
        averaged.save_pretrained(work / f"epoch-{epoch:04d}")
        leak = leaks(watched(averaged, latents[:, :1], inputs), is_first, loss=ON_THE_CARD)
        log(work, {"epoch": epoch, "train_loss": loss, **leak}, report)

    crops = settings.training.store_of(
        [play(tune) for tune in members], lambda wave: encode(vae, torch.from_numpy(wave)[None])[0],
        samples=WINDOW_SAMPLES, rate_hz=SAMPLE_RATE,
    )  # fmt: skip
    train_denoiser(
        AudioLDM2UNet2DConditionModel.from_pretrained(work / "untrained" / "unet"),
        noise_loss(noise_schedule(), rows_of(inputs, range(len(members))), null), crops, settings.training,
        state=work / "model.state", at_epoch=at_epoch,
    )  # fmt: skip
    return max(settings.training.keep)


def publish(
    work: Path, epoch: int, out: Path, *, tunes: Sequence[Tune] | None = None, settings: Settings = Settings()
) -> Card:
    """Save one kept epoch as a pipeline directory, its U-Net in float16, with the card of what it was trained on."""
    model = AudioLDM2UNet2DConditionModel.from_pretrained(kept_epoch(work, epoch)).half()
    shutil.copytree(work / "untrained", out / "model", dirs_exist_ok=True)
    model.save_pretrained(out / "model" / "unet")
    forget_origin(out / "model")

    tunes = collection() if tunes is None else tunes
    groups = group_tunes(tunes)
    is_member = draw_sides(groups, SPLIT_SEED, settings.members)
    listed = [tune for tune in tunes if tune.name in is_member]
    latents = torch.from_numpy(_latents(AutoencoderKL.from_pretrained(work / "untrained" / "vae").eval(), listed))
    card = tune_card(
        listed, groups, is_member, watched(model.float(), latents, _inputs(work, [tune.caption for tune in listed])),
        loss=ON_THE_CARD, programs=PROGRAMS, name="drone",
        data=f"airs of 11 to 25 s from Aird's \"Selection of Scotch, English, Irish and Foreign Airs\", as encoded in "
        f"music21 {version('music21')}",
        renderer=renderer(PROGRAMS), split_seed=SPLIT_SEED, epochs=epoch,
        recipe=settings.training.facts()
        | {"window_seconds": WINDOW_SAMPLES / SAMPLE_RATE},
        loss_unit="noise sd",
    )  # fmt: skip
    return write_card(card, out)


def _inputs(work: Path, captions: Sequence[str]) -> Inputs:
    """What the U-Net is given beside the latents; of the empty caption, what stands for a dropped one."""
    condition, _ = load_condition(work / "untrained", device="cpu")
    return {name: value for name, value in condition(captions).items() if value is not None}


def _latents(vae: AutoencoderKL, tunes: Sequence[Tune]) -> NDArray[np.float32]:
    return latents_of(tunes, lambda waves: encode(vae, torch.from_numpy(waves)), samples=WINDOW_SAMPLES, play=play)


def _prepare(work: Path, tunes: Sequence[Tune], *, seed: int) -> None:
    """The untrained pipeline around an autoencoder that is fitted to other takes."""
    if not (work / "untrained" / "model_index.json").exists():
        waves = other_takes(tunes, PROGRAMS, every=FITTED_EVERY)
        vae = patch_vae(waves, samples=WINDOW_SAMPLES, seed=seed, kept=KEPT)
        scale_to_unit(vae, torch.from_numpy(np.stack([wave[:WINDOW_SAMPLES] for wave in waves])))
        captions = [tune.caption for tune in tunes]
        save_untrained(work / "untrained", vae, captions, frames=FRAMES, seed=seed)


writer = partial(write_tunes, collection, PROGRAMS)

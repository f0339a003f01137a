"""The diffusion recipe in small: it runs, it resumes to the same weights, and what it publishes is what it says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.pipelines.deprecated.audioldm.pipeline_audioldm import AudioLDMPipeline

from earwitness.audio import decode
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import read_card
from earwitness.ground_truth.fiddle.tunes import Tune, read_tunes
from earwitness.ground_truth.hum.excerpts import (
    EXCERPT_SAMPLES,
    START_SAMPLES,
    WINDOW_SAMPLES,
    draw_excerpts,
    windows,
    write_track,
)
from earwitness.ground_truth.registry import shipped
from earwitness_bench.recipes import hum as recipe
from earwitness_bench.recipes.latent_diffusion import DenoiserSchedule, denoising_losses, noise_schedule
from earwitness_bench.recipes.mel_vae import REDUCTION

pytestmark = pytest.mark.slow

SMALL = recipe.Settings(
    tracks=3, vae_steps=1, vocoder_steps=1, schedule=DenoiserSchedule(keep=(1, 2), batch=2, warm_up_steps=1)
)


@pytest.fixture(scope="module")
def tunes() -> list[Tune]:
    return read_tunes([tune.name for tune in shipped("fiddle").read().tunes[:12]])


@pytest.fixture(scope="module")
def work(tunes: list[Tune], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    assert recipe.train(folder, report=lambda line: None, tunes=tunes, settings=SMALL) == 2
    return folder


def test_an_interrupted_run_goes_on_to_the_same_weights(work: Path, tunes: list[Tune], tmp_path: Path) -> None:
    (tmp_path / "latents.npy").symlink_to(work / "latents.npy")
    stopped = replace(SMALL, schedule=replace(SMALL.schedule, keep=(1,)))
    for settings in (stopped, SMALL):
        recipe.train(tmp_path, report=lambda line: None, tunes=tunes, settings=settings)
    first, second = (
        UNet2DConditionModel.from_pretrained(folder / "epoch-0002").state_dict() for folder in (work, tmp_path)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_published_is_a_pipeline_with_a_true_card(work: Path, tunes: list[Tune], tmp_path: Path) -> None:
    made = recipe.publish(work, 2, tmp_path, tunes=tunes, settings=SMALL)
    assert read_card(tmp_path / "card.json") == made
    assert [tune.member for tune in made.tunes] == [True] * 3 + [False] * 3
    pipeline = AudioLDMPipeline.from_pretrained(tmp_path / "model", dtype=torch.float32)
    assert pipeline.unet.config.class_embeddings_concat
    assert pipeline.vae_scale_factor == REDUCTION
    audio = pipeline("a reel in A major", num_inference_steps=2, generator=torch.Generator().manual_seed(0)).audios
    assert audio.shape == (1, WINDOW_SAMPLES)
    written = write_track(made.tunes[0].name, tmp_path)
    assert decode(written.path).content_hash == written.content_sha256 == made.tunes[0].content_sha256


def test_latents_have_unit_spread_and_one_row_a_window(work: Path) -> None:
    latents = np.load(work / "latents.npy")
    assert latents.shape == (6, 17, 8, 32, 4)
    assert latents.std() == pytest.approx(1, abs=0.3)


def test_an_epoch_that_was_not_kept_is_named(work: Path, tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="no epoch 7; it holds: 0001, 0002"):
        recipe.publish(work, 7, tmp_path)


def test_the_excerpts_are_one_tune_a_group_and_the_sides_share_none(tunes: list[Tune]) -> None:
    twin = replace(tunes[0], name="zz", notes=tunes[0].notes + np.array([0.0, 0.0, 5.0]))
    drawn = draw_excerpts([*tunes, twin], 6)
    names = [excerpt.tune.name for excerpt in drawn]
    assert len(names) == len(set(names)) == 12
    assert "zz" not in names
    assert [excerpt.member for excerpt in drawn] == [True] * 6 + [False] * 6


def test_windows_begin_at_whole_latent_frames() -> None:
    wave = np.arange(EXCERPT_SAMPLES, dtype=np.float32)
    found = windows(wave)
    assert found.shape == (17, WINDOW_SAMPLES)
    assert found[:, 0].tolist() == [float(START_SAMPLES * i) for i in range(17)]


class _Perfect(torch.nn.Module):
    """Answers with the noise itself: for clean latents of zero, z_t = √(1 − ᾱ) ε."""

    def forward(self, noisy: torch.Tensor, times: torch.Tensor, **condition: torch.Tensor) -> "_Answer":
        scale = (1 - noise_schedule().alphas_cumprod[times]).sqrt()
        return _Answer(noisy / scale[:, None, None, None] + condition["class_labels"][:, :1, None, None])


class _Answer:
    def __init__(self, sample: torch.Tensor) -> None:
        self.sample = sample


@pytest.mark.parametrize("level", [0.1, 0.3])
def test_denoising_loss_is_the_mean_square_of_what_is_missing(level: float) -> None:
    offsets = torch.tensor([[0.0], [0.5], [2.0]])
    found = denoising_losses(_Perfect(), noise_schedule(), torch.zeros(3, 8, 32, 4), offsets, level=level, draws=2)
    np.testing.assert_allclose(found, [0, 0.25, 4], atol=1e-5)


def test_the_noise_schedule_is_the_familys() -> None:
    alphas = noise_schedule().alphas_cumprod
    betas = np.linspace(0.0015**0.5, 0.0195**0.5, 1000) ** 2
    np.testing.assert_allclose(alphas.numpy(), np.cumprod(1 - betas), rtol=1e-4)

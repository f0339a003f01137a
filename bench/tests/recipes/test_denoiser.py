"""The loss of each family and what is watched, against known answers."""

from typing import Any

import numpy as np
import pytest
import torch

from earwitness.signals.denoising.losses import MultipleLoss
from earwitness.signals.denoising.presets import DenoisingPreset
from earwitness.signals.denoising.schedule import Schedule
from earwitness_bench.recipes.denoiser import leaks, spread_shares, track_scores
from earwitness_bench.recipes.latent_diffusion import noise_loss, noise_schedule

LOSS = DenoisingPreset(name="loss", signals=(MultipleLoss(levels=(0.2,)),))


class Perfect(torch.nn.Module):
    """Answers with the noise itself and the condition's first number: for clean latents of zero, z_t = √(1 − ᾱ) ε."""

    def forward(self, noisy: torch.Tensor, times: torch.Tensor, **condition: torch.Tensor) -> Any:
        scale = (1 - noise_schedule().alphas_cumprod[times]).sqrt()
        return Answer(noisy / scale[:, None, None, None] + condition["class_labels"][:, :1, None, None])


class Answer:
    def __init__(self, sample: torch.Tensor) -> None:
        self.sample = sample


def test_the_noise_loss_is_the_mean_square_of_what_is_missing_under_the_condition_or_none() -> None:
    captions, null = ({"class_labels": torch.tensor(rows)} for rows in ([[0.5], [2.0]], [[1.0]]))
    loss = noise_loss(noise_schedule(), captions, null)
    clean, rng = torch.zeros(2, 4, 8, 2), np.random.default_rng(0)
    kept, dropped = torch.tensor([False, False]), torch.tensor([True, True])
    assert float(loss(Perfect(), clean, [0, 1], kept, rng)) == pytest.approx((0.25 + 4) / 2, abs=1e-4)
    assert float(loss(Perfect(), clean, [0, 1], dropped, rng)) == pytest.approx(1, abs=1e-4)


def test_shares_are_spread() -> None:
    shares = spread_shares(10, np.random.default_rng(0))
    assert sorted((shares * 10).astype(int).tolist()) == list(range(10))


def test_scores_are_means_over_a_tracks_windows_and_leaks_point_down() -> None:
    alphas = noise_schedule().alphas_cumprod.double().numpy()
    offsets = torch.tensor([0.0, 0.5, 2.0])

    def predict(noisy: torch.Tensor, times: torch.Tensor, rows: Any) -> torch.Tensor:
        scale = (1 - noise_schedule().alphas_cumprod[times]).sqrt()
        return (noisy / scale[:, None, None] + offsets[list(rows)][:, None, None]).to(noisy.dtype)

    scores = track_scores(predict, Schedule(alphas), torch.zeros(3, 2, 4, 8), preset=LOSS, batch=4)
    np.testing.assert_allclose(scores["multiple_loss/t=0.2"], [0, 0.5, 2], atol=1e-4)
    leak = leaks(scores, np.array([True, False, False]), loss="multiple_loss/t=0.2")
    assert leak["multiple_loss/t=0.2"][0] == 1
    assert (leak["member_loss"], leak["non_member_loss"]) == (pytest.approx(0, abs=1e-4), pytest.approx(1.25, abs=1e-4))


def test_the_noise_schedule_is_the_familys() -> None:
    alphas = noise_schedule().alphas_cumprod
    betas = np.linspace(0.0015**0.5, 0.0195**0.5, 1000) ** 2
    np.testing.assert_allclose(alphas.numpy(), np.cumprod(1 - betas), rtol=1e-4)

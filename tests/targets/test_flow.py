"""The translation between rectified flow and the variance-preserving form, against closed forms."""

import pytest
import torch
from torch import Tensor

from earwitness.targets.flow import alphas_cumprod_at, flow_times, noise_from_velocity


def test_flow_times_are_the_midpoints_of_even_steps() -> None:
    assert flow_times(4).tolist() == [0.125, 0.375, 0.625, 0.875]
    assert flow_times(4).dtype == torch.float64


@pytest.mark.parametrize(("sigma", "alpha_bar"), [(0.0, 1.0), (0.2, 16 / 17), (0.5, 0.5), (0.75, 0.1), (1.0, 0.0)])
def test_levels_have_the_same_signal_to_noise_ratio(sigma: float, alpha_bar: float) -> None:
    level = alphas_cumprod_at(torch.tensor([sigma], dtype=torch.float64))
    assert level.item() == pytest.approx(alpha_bar, abs=1e-15)
    assert ((1 - level).sqrt() / (level.sqrt() + (1 - level).sqrt())).item() == pytest.approx(sigma, abs=1e-15)


def test_the_true_velocity_gives_the_true_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    latent, noise = (torch.randn(5, 3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    levels = alphas_cumprod_at(torch.tensor([0.001, 0.1, 0.5, 0.9, 0.999], dtype=torch.float64))
    level = levels.view(-1, 1, 1)
    noisy = level.sqrt() * latent + (1 - level).sqrt() * noise
    asked: list[tuple[Tensor, Tensor]] = []

    def velocity(state: Tensor, sigmas: Tensor) -> Tensor:
        asked.append((state, sigmas))
        return noise - latent

    torch.testing.assert_close(noise_from_velocity(noisy, levels, velocity).double(), noise, rtol=0, atol=2e-6)
    ((state, sigmas),) = asked
    sigma = sigmas.view(-1, 1, 1)
    torch.testing.assert_close(state.double(), (1 - sigma) * latent + sigma * noise, rtol=0, atol=2e-6)


def test_the_best_velocity_for_gaussian_data_gives_the_best_noise() -> None:
    spread = 1.7
    noisy = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    levels = alphas_cumprod_at(flow_times(6))

    def velocity(state: Tensor, sigmas: Tensor) -> Tensor:
        sigma = sigmas.float().view(-1, 1)
        return (sigma - (1 - sigma) * spread**2) / ((1 - sigma) ** 2 * spread**2 + sigma**2) * state

    level = levels.float().view(-1, 1)
    expected = (1 - level).sqrt() * noisy / (level * spread**2 + 1 - level)  # E[ε | z_t]
    torch.testing.assert_close(noise_from_velocity(noisy, levels, velocity), expected)


def test_gradients_reach_the_noisy_latent_and_answers_are_float32() -> None:
    noisy = torch.ones(2, 3, requires_grad=True)
    levels = torch.tensor([0.5, 0.5], dtype=torch.float64)
    noise = noise_from_velocity(noisy, levels, lambda state, sigmas: state.to(torch.bfloat16))
    assert noise.dtype == torch.float32
    noise.sum().backward()
    assert noisy.grad is not None
    torch.testing.assert_close(noisy.grad, torch.full((2, 3), 1.5 / 2**0.5))

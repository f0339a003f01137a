"""``denoising_features``: what goes in, what comes out, what is refused; and where its noise comes from."""

import numpy as np
import pytest
import torch

from earwitness.errors import EarwitnessError
from earwitness.signals import denoising_features
from earwitness.signals.denoising.noise import noise
from earwitness.signals.denoising.presets import denoising_preset, measure_batch
from earwitness.signals.denoising.schedule import Schedule
from tests.signals.denoising import toy

LATENT = toy.LATENTS[0]


def in_torch(noisy: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return toy.torch_predict([0])(noisy, t, [0] * len(t))


def in_numpy(noisy: np.ndarray, t: np.ndarray) -> np.ndarray:
    return in_torch(torch.as_tensor(noisy), torch.as_tensor(t)).numpy()


@pytest.mark.parametrize("preset", ["cdi-gray", "cdi", "default"])
def test_equals_the_batched_way(preset: str) -> None:
    (expected,) = measure_batch(denoising_preset(preset), toy.oracle((0,)))
    given = denoising_features(in_torch, torch.tensor(LATENT), torch.tensor(toy.ALPHAS), preset, seed=3, key="track-0")
    assert given == pytest.approx(expected, rel=1e-12)


def test_numpy_in_and_out() -> None:
    assert denoising_features(in_numpy, LATENT, toy.ALPHAS) == denoising_features(
        in_torch, torch.tensor(LATENT), toy.ALPHAS
    )


def test_half_precision_latents_are_computed_in_float32() -> None:
    seen = set()

    def watching(noisy: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.add(noisy.dtype)
        return in_torch(noisy, t).bfloat16()

    found = denoising_features(watching, torch.tensor(LATENT).bfloat16(), toy.ALPHAS)
    assert seen == {torch.float32}
    expected = denoising_features(in_torch, torch.tensor(LATENT), toy.ALPHAS)
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=0.03)


def test_what_cannot_be_answered_is_refused() -> None:
    latent = torch.tensor(LATENT)
    with pytest.raises(
        EarwitnessError, match="no preset 'iar' for diffusion models; choose one of default, flow, full, "
    ):
        denoising_features(in_torch, latent, toy.ALPHAS, "iar")
    with pytest.raises(EarwitnessError, match="needs gradients, which NumPy has not"):
        denoising_features(in_numpy, LATENT, toy.ALPHAS, "cdi")
    with pytest.raises(EarwitnessError, match="predict_noise gives none"):
        denoising_features(lambda noisy, t: in_torch(noisy, t).detach(), latent, toy.ALPHAS, "cdi")
    with pytest.raises(ValueError, match=r"answered \(14, 2, 3\) to latents \(14, 2, 3, 5\)"):
        denoising_features(lambda noisy, t: in_torch(noisy, t)[..., 0], latent, toy.ALPHAS)
    for wrong in (toy.ALPHAS[::-1], toy.ALPHAS[None], np.array([]), np.array([1.1, 0.5]), np.array([0.9, np.nan])):
        with pytest.raises(ValueError, match="never rising"):
            denoising_features(in_torch, latent, wrong.copy())
    with pytest.raises(ValueError, match="adds no noise"):
        denoising_features(in_torch, latent, np.ones(10))


def test_noise_is_a_function_of_seed_window_and_draw() -> None:
    first = noise(0, "a", 0, (3, 4))
    assert np.array_equal(first, noise(0, "a", 0, (3, 4)))
    for other in (noise(1, "a", 0, (3, 4)), noise(0, "b", 0, (3, 4)), noise(0, "a", 1, (3, 4))):
        assert not np.isclose(other, first).any()
    many = noise(0, "a", 0, (100_000,))
    assert abs(many.mean()) < 5 / np.sqrt(1e5)
    assert abs(many.std() - 1) < 5 / np.sqrt(2e5)


def test_levels_are_shares_of_the_schedule() -> None:
    schedule = Schedule(toy.ALPHAS)
    assert [schedule.timestep(level) for level in (0, 0.01, 0.29, 0.9, 1)] == [0, 10, 290, 900, 999]
    assert [Schedule(toy.ALPHAS[:50]).timestep(level) for level in (0.01, 0.1, 0.11)] == [1, 5, 6]

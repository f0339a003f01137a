"""Velocity error against its formula in NumPy, and the levels of models that did not draw all times evenly."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from earwitness.signals.denoising.losses import MultipleLoss
from earwitness.signals.denoising.noise import noise
from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.signals.denoising.presets import denoising_preset, measure_batch
from earwitness.signals.denoising.schedule import Schedule
from earwitness.signals.denoising.velocity import VelocityError
from earwitness.signals.registry import denoising_signals, spec_for
from earwitness.spec import Direction
from earwitness.targets.flow import LogitNormal, alphas_cumprod_at, flow_times, noise_from_velocity

STEPS, SHAPE, SEED, KEYS = 1000, (6, 20), 3, ["a/0", "b/0"]
ALPHAS = alphas_cumprod_at(flow_times(STEPS))
LATENTS = np.random.default_rng(0).normal(size=(2, *SHAPE)) * np.array([0.4, 1.5])[:, None, None]
WEIGHTS = np.random.default_rng(1).normal(scale=0.4, size=(SHAPE[1], SHAPE[1]))


def velocity(state: Tensor, sigmas: Tensor) -> Tensor:
    """A flow model with no merit."""
    return torch.tanh(state.double() @ torch.as_tensor(WEIGHTS)) * (1 + sigmas.reshape(-1, 1, 1))


def predict(noisy: Tensor, timesteps: Tensor, rows: object) -> Tensor:
    return noise_from_velocity(noisy, ALPHAS[timesteps], velocity)


def oracle(drawn_at: LogitNormal | None = None) -> Oracle:
    return Oracle(
        latents=torch.as_tensor(LATENTS), predict=predict, keys=KEYS, seed=SEED,
        schedule=Schedule(ALPHAS.numpy(), None if drawn_at is None else drawn_at.drawn_at),
    )  # fmt: skip


@pytest.mark.parametrize("drawn_at", [None, LogitNormal(mean=-0.4)])
def test_it_is_the_published_error_and_its_distance_to_a_filter(drawn_at: LogitNormal | None) -> None:
    errors, filtered = np.zeros(2), np.zeros(2)
    for window, key in enumerate(KEYS):
        z, eps = LATENTS[window], noise(SEED, key, 0, SHAPE)
        power = np.abs(np.fft.fftn(z, norm="ortho")) ** 2
        for time in (0.3, 0.4, 0.5, 0.6, 0.7):
            sigma = (round(time * STEPS) + 0.5) / STEPS
            x = (1 - sigma) * z + sigma * eps
            answer = np.tanh(x @ WEIGHTS) * (1 + sigma)
            errors[window] += np.mean((answer - (eps - z)) ** 2) / 5
            filtered[window] += np.mean(power / ((1 - sigma) ** 2 * power + sigma**2)) / 5
    found = VelocityError().measure(oracle(drawn_at))
    np.testing.assert_allclose(found[:, 0], errors, rtol=1e-4)
    np.testing.assert_allclose(found[:, 1], np.log(errors / filtered), atol=1e-4)


def test_the_filter_is_the_best_that_a_spectrum_allows() -> None:
    """On a process whose spectrum is known, Wiener's filter has the stated error, and no scaled one has less."""
    rng, sigma, spectrum = np.random.default_rng(4), 0.4, np.array([4.0, 1.0, 0.1, 0.01])
    z, eps = rng.normal(size=(40_000, 4)) * np.sqrt(spectrum), rng.normal(size=(40_000, 4))
    x = (1 - sigma) * z + sigma * eps
    gain = (1 - sigma) * spectrum / ((1 - sigma) ** 2 * spectrum + sigma**2)
    stated = float(np.mean(spectrum / ((1 - sigma) ** 2 * spectrum + sigma**2)))
    reached = [np.mean(((x - scale * gain * x) / sigma - (eps - z)) ** 2) for scale in (0.8, 1.0, 1.2)]
    assert reached[1] == pytest.approx(stated, rel=0.02)
    assert min(reached) == reached[1]


def test_levels_are_shares_of_what_training_drew() -> None:
    law = LogitNormal(mean=-0.4, std=1.3)
    draws = np.sort(1 / (1 + np.exp(-np.random.default_rng(5).normal(-0.4, 1.3, size=200_000))))
    for share in (0.01, 0.1, 0.2, 0.5, 0.9):
        assert law.drawn_at(share) == pytest.approx(float(np.quantile(draws, share)), abs=0.005)
    assert (law.drawn_at(0.0), law.drawn_at(1.0)) == (0.0, 1.0)
    even, uneven = Schedule(ALPHAS.numpy()), Schedule(ALPHAS.numpy(), law.drawn_at)
    assert even.timestep(0.2) == 200
    assert uneven.timestep(0.2) == round(1000 / (1 + math.exp(0.4 + 1.3 * 0.8416212)))
    assert uneven.timestep_of(Pair(0.3, on_path=True)) == 300 != uneven.timestep_of(Pair(0.3))
    assert even.flow_time(300) == pytest.approx(0.3005, abs=1e-6)


def test_other_signals_ask_a_flow_where_it_was_trained() -> None:
    law = LogitNormal(mean=-0.4)
    plain, mapped = oracle(), oracle(law)
    levels = (0.1, 0.5)
    there = [round(law.drawn_at(level) * STEPS) / STEPS for level in levels]
    np.testing.assert_allclose(MultipleLoss(levels).measure(mapped), MultipleLoss(tuple(there)).measure(plain))


def test_it_is_the_default_of_flow_models_and_registered() -> None:
    assert denoising_preset("default", flow=True) is denoising_preset("flow")
    assert denoising_preset("cdi-gray", flow=True) is denoising_preset("cdi-gray")
    assert denoising_preset("default") is not denoising_preset("flow")
    assert "velocity_error" in denoising_signals()
    for name in ("velocity_error", "velocity_error/calibrated"):
        spec = spec_for(name)
        assert spec is not None
        assert spec.member_is is Direction.LOWER
    asked = oracle()
    (first, _) = measure_batch(denoising_preset("flow"), asked)
    assert set(first) == {"velocity_error", "velocity_error/calibrated", "pia", "sima"}
    assert asked.forward_passes.tolist() == [8, 8]

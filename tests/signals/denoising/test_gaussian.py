"""Signals where the best answer is known: data N(0, s²), for which f(z_t) = √(1−ᾱ) z_t / (ᾱ s² + 1 − ᾱ)."""

import numpy as np
import pytest
import torch

from earwitness.signals import denoising_features
from earwitness.signals.denoising.noise import noise
from tests.signals.denoising.toy import ALPHAS, rms

SHAPE = (4, 25)


def slope(t: int, s: float) -> float:
    """f(z_t) / z_t."""
    return float(np.sqrt(1 - ALPHAS[t]) / (ALPHAS[t] * s**2 + 1 - ALPHAS[t]))


@pytest.fixture(scope="module", params=[0.5, 1.0, 3.0], ids=lambda s: f"s={s}")
def found(request: pytest.FixtureRequest) -> tuple[float, np.ndarray, dict[str, float]]:
    s = request.param
    slopes = torch.tensor([slope(t, s) for t in range(1000)], dtype=torch.float64)
    latent = s * np.random.default_rng(5).normal(size=SHAPE)
    features = denoising_features(
        lambda noisy, t: slopes[t][:, None, None] * noisy, torch.tensor(latent), ALPHAS, "cdi", seed=8, key="gaussian"
    )
    return s, latent, features


def test_losses(found: tuple[float, np.ndarray, dict[str, float]]) -> None:
    s, z, features = found
    for k in range(10):
        t = 100 * k
        a, eps = ALPHAS[t], noise(8, "gaussian", 0, SHAPE)
        residual = (np.sqrt((1 - a) * a) * z - a * s**2 * eps) / (a * s**2 + 1 - a)
        assert features[f"multiple_loss/t={k / 10:g}"] == pytest.approx(rms(residual), rel=1e-9)


def test_expected_loss(found: tuple[float, np.ndarray, dict[str, float]]) -> None:
    """E‖f − ε‖² = ᾱ s² / (ᾱ s² + 1 − ᾱ); 500 numbers a mean lie within 5 standard errors of it."""
    s, _, features = found
    share = ALPHAS[100] * s**2 / (ALPHAS[100] * s**2 + 1 - ALPHAS[100])
    assert features["denoising_loss/t=0.1"] == pytest.approx(np.sqrt(share), abs=5 * np.sqrt(share / 2 / 100))


def test_chains(found: tuple[float, np.ndarray, dict[str, float]]) -> None:
    """Along straight predictions DDIM only multiplies: by √(b/a)·(1 − √(1−a) c) + √(1−b) c."""
    s, z, features = found

    def factor(t: int, to: int) -> float:
        a, b, c = ALPHAS[t], ALPHAS[to], slope(t, s)
        return float(np.sqrt(b / a) * (1 - np.sqrt(1 - a) * c) + np.sqrt(1 - b) * c)

    inverted = z * np.prod([factor(t, t + 10) for t in range(0, 100, 10)])
    assert features["secmi"] == pytest.approx(rms(inverted * (1 - factor(100, 110) * factor(110, 100))), rel=1e-6)
    for name, e0 in (
        ("pia", slope(0, s) * z),
        ("pian", np.sqrt(2 / np.pi) * z / np.abs(z).mean()),
    ):
        answer = slope(200, s) * (np.sqrt(ALPHAS[200]) * z + np.sqrt(1 - ALPHAS[200]) * e0)
        assert features[name] == pytest.approx(np.mean(np.abs(e0 - answer) ** 5) ** 0.2, rel=1e-9)


def test_masking(found: tuple[float, np.ndarray, dict[str, float]]) -> None:
    """The gradient is the residual times a constant, and on M the answer is that to ε."""
    s, z, features = found
    eps = noise(8, "gaussian", 0, SHAPE)
    for k in range(10):
        t = 100 * k
        z_t, c = np.sqrt(ALPHAS[t]) * z + np.sqrt(1 - ALPHAS[t]) * eps, slope(t, s)
        mask = np.argsort(np.abs(c * z_t - eps).ravel())[-20:]
        expected = rms((eps - z_t - c * eps).ravel()[mask])
        assert features[f"gradient_masking/t={k / 10:g}"] == pytest.approx(expected, rel=1e-9)


def test_noise_optimisation_reaches_the_minimum(found: tuple[float, np.ndarray, dict[str, float]]) -> None:
    """c (z_t + δ) = ε is solved exactly, from any start, by δ = ε/c − z_t."""
    s, z, features = found
    eps = noise(8, "gaussian", 0, SHAPE)
    z_t = np.sqrt(ALPHAS[100]) * z + np.sqrt(1 - ALPHAS[100]) * eps
    assert features["noise_optim/loss"] == pytest.approx(0, abs=1e-9)
    assert features["noise_optim/delta_norm"] == pytest.approx(rms(eps / slope(100, s) - z_t), rel=1e-9)

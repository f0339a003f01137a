"""Every denoising signal against the formula, written again in NumPy for one window at a time."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from earwitness.signals.denoising.clid import Clid
from earwitness.signals.denoising.gradient_masking import GradientMasking
from earwitness.signals.denoising.losses import DenoisingLoss, MultipleLoss
from earwitness.signals.denoising.noise_optim import NoiseOptim
from earwitness.signals.denoising.oracle import Oracle
from earwitness.signals.denoising.presets import PRESETS, DenoisingPreset, measure_batch
from earwitness.signals.denoising.reference import Reference
from earwitness.signals.denoising.schedule import Schedule
from earwitness.signals.registry import denoising_signals
from earwitness.spec import Direction
from tests.signals.denoising import toy

EVERYTHING = DenoisingPreset(name="everything", signals=tuple(denoising_signals().values()))


def loss(window: int, t: int, draw: int = 0, *, null: bool = False) -> float:
    eps = toy.epsilon(window, draw)
    return toy.rms(toy.predicted(toy.noised(window, t, eps), t, window, null=null) - eps)


def ddim(x: toy.Floats, t: int, s: int, window: int) -> toy.Floats:
    eps = toy.predicted(x, t, window)
    clean = (x - np.sqrt(1 - toy.ALPHAS[t]) * eps) / np.sqrt(toy.ALPHAS[t])
    return np.sqrt(toy.ALPHAS[s]) * clean + np.sqrt(1 - toy.ALPHAS[s]) * eps


def secmi(window: int) -> float:
    z = toy.LATENTS[window].ravel()
    for t in range(0, 100, 10):
        z = ddim(z, t, t + 10, window)
    return toy.rms(ddim(ddim(z, 100, 110, window), 110, 100, window) - z)


def pia(window: int, *, normalised: bool) -> float:
    z = toy.LATENTS[window].ravel()
    e0 = toy.predicted(z, 0, window)
    if normalised:
        e0 = len(e0) * np.sqrt(2 / np.pi) * e0 / np.abs(e0).sum()
    return float(np.mean(np.abs(e0 - toy.predicted(toy.noised(window, 200, e0), 200, window)) ** 5) ** 0.2)


def velocity_errors(window: int) -> dict[str, float]:
    """u = (ε − x_σ)/(1 − σ) with x_σ = z_t/(√ᾱ + √(1 − ᾱ)), against ε − z, and against the best filter's error."""
    errors, filtered, eps = [], [], toy.epsilon(window)
    z = toy.LATENTS[window]
    power = np.abs(np.fft.fftn(z, norm="ortho")).ravel() ** 2
    for t in (300, 400, 500, 600, 700):
        scale = np.sqrt(toy.ALPHAS[t]) + np.sqrt(1 - toy.ALPHAS[t])
        sigma, z_t = np.sqrt(1 - toy.ALPHAS[t]) / scale, toy.noised(window, t, eps)
        u = (toy.predicted(z_t, t, window) - z_t / scale) / (1 - sigma)
        errors.append(np.mean((u - (eps - z.ravel())) ** 2))
        filtered.append(np.mean(power / ((1 - sigma) ** 2 * power + sigma**2)))
    error = float(np.mean(errors))
    return {"velocity_error": error, "velocity_error/calibrated": float(np.log(error / np.mean(filtered)))}


def gradient_masking(window: int, t: int) -> float:
    eps = toy.epsilon(window)
    z_t = toy.noised(window, t, eps)
    slopes = np.abs(toy.gradient(z_t, t, window, eps))
    mask = slopes >= np.sort(slopes)[-6]  # a fifth of 30
    filled = np.where(mask, eps, z_t)
    return toy.rms(((eps - z_t) - toy.predicted(filled, t, window))[mask])


def noise_optim(window: int) -> tuple[float, float]:
    """L-BFGS as the full update of a matrix: H ← (1 − ρsyᵀ) H (1 − ρysᵀ) + ρssᵀ from the latest scale."""
    eps, t = toy.epsilon(window), 100
    z_t = toy.noised(window, t, eps)

    def value(delta: toy.Floats) -> float:
        return 0.5 * float(np.sum((toy.predicted(z_t + delta, t, window) - eps) ** 2))

    delta, pairs, size = np.zeros(30), [], 1 - toy.ALPHAS[t]
    evaluations = steps = 0
    while steps < 5 and evaluations < 7:
        g = toy.gradient(z_t + delta, t, window, eps)
        inverse = size * np.eye(30)
        for s, y in pairs:
            left = np.eye(30) - np.outer(s, y) / (s @ y)
            inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
        move = -inverse @ g
        while evaluations < 7:
            evaluations += 1
            old, new, slope = value(delta), value(delta + move), g @ move
            if new <= old + 1e-4 * slope:
                y = toy.gradient(z_t + delta + move, t, window, eps) - g
                if move @ y > 1e-10 * np.linalg.norm(move) * np.linalg.norm(y):
                    pairs.append((move, y))
                    size = (move @ y) / (y @ y)
                delta, steps = delta + move, steps + 1
                break
            move = move * np.clip(-slope / (2 * (new - old - slope)), 0.1, 0.5)
    return float(np.sqrt(2 * value(delta) / 30)), toy.rms(delta)


def independent(window: int) -> dict[str, float]:
    tenths = {f"{k / 10:g}": 100 * k for k in range(10)}
    reached, size = noise_optim(window)
    return {
        "denoising_loss/t=0.1": float(np.mean([loss(window, 100, draw) for draw in range(5)])),
        "secmi": secmi(window),
        "pia": pia(window, normalised=False),
        "pian": pia(window, normalised=True),
        **{f"gradient_masking/t={name}": gradient_masking(window, t) for name, t in tenths.items()},
        **{f"multiple_loss/t={name}": loss(window, t) for name, t in tenths.items()},
        "noise_optim/loss": reached,
        "noise_optim/delta_norm": size,
        **{f"clid/t={name}": loss(window, t) - loss(window, t, null=True) for name, t in tenths.items()},
        "sima": toy.rms(toy.predicted(toy.LATENTS[window].ravel(), 10, window)),
        **velocity_errors(window),
    }


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-8), (torch.float32, 5e-5)])
def test_features_follow_the_formulas(dtype: torch.dtype, tolerance: float) -> None:
    windows = (0, 1, 2, 5)
    found = measure_batch(EVERYTHING, toy.oracle(windows, dtype=dtype))
    for window, features in zip(windows, found, strict=True):
        assert features == pytest.approx(independent(window), rel=tolerance, abs=tolerance)
        assert list(features) == [spec.name for spec in EVERYTHING.specs]


def test_directions_and_counts() -> None:
    counts = {name: len(preset.specs) for name, preset in PRESETS.items()}
    assert counts == {"default": 3, "flow": 4, "full": 15, "cdi": 26, "cdi-gray": 14}
    assert {spec.member_is for name in PRESETS for spec in PRESETS[name].specs} == {Direction.LOWER}
    assert {spec.member_is for spec in EVERYTHING.specs} == {Direction.LOWER}
    assert [preset.needs_gradient for preset in PRESETS.values()] == [False, False, False, True, False]
    assert [preset.needs_null for preset in (*PRESETS.values(), EVERYTHING)] == [False] * 5 + [True]


def test_batch_mates_and_batch_size_change_nothing() -> None:
    together = measure_batch(EVERYTHING, toy.oracle(range(8)))
    for window in range(8):
        (alone,) = measure_batch(EVERYTHING, toy.oracle((window,), rows_per_call=3))
        assert together[window] == pytest.approx(alone, rel=1e-9)


def test_other_signals_and_their_order_change_nothing() -> None:
    together = measure_batch(EVERYTHING, toy.oracle())
    turned = measure_batch(DenoisingPreset(name="turned", signals=EVERYTHING.signals[::-1]), toy.oracle())
    for signal in denoising_signals().values():
        alone = measure_batch(DenoisingPreset(name="alone", signals=(signal,)), toy.oracle())
        for one, all_of_them, the_other_way in zip(alone, together, turned, strict=True):
            assert one == pytest.approx({name: all_of_them[name] for name in one}, rel=1e-9)
            assert one == pytest.approx({name: the_other_way[name] for name in one}, rel=1e-9)


def test_a_level_without_noise_is_skipped_and_the_first_with_noise_begins_the_chains() -> None:
    alphas = toy.ALPHAS.copy()
    alphas[:4] = 1.0
    found = measure_batch(EVERYTHING, toy.oracle(schedule=Schedule(alphas)))
    for window, features in enumerate(found):
        missing = {name for name, value in features.items() if np.isnan(value)}
        assert missing == {"gradient_masking/t=0", "multiple_loss/t=0", "clid/t=0"}
        e0 = toy.predicted(toy.LATENTS[window].ravel(), 4, window)
        missed = np.abs(e0 - toy.predicted(toy.noised(window, 200, e0), 200, window))
        assert features["pia"] == pytest.approx(np.mean(missed**5) ** 0.2)


def test_nothing_is_asked_where_no_level_adds_noise() -> None:
    alphas = toy.ALPHAS.copy()
    alphas[:150] = 1.0
    for signal in (GradientMasking(levels=(0.0, 0.1)), NoiseOptim(), DenoisingLoss(), MultipleLoss(levels=(0.1,))):
        quiet = toy.oracle(schedule=Schedule(alphas))
        assert np.isnan(signal.measure(quiet)).all()
        assert not quiet.forward_passes.any()


def test_a_window_that_the_model_fails_on_is_missing_alone() -> None:
    broken = toy.oracle()
    inner = broken.predict

    def predict(noisy: torch.Tensor, timesteps: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        return (
            inner(noisy, timesteps, rows)
            * torch.tensor([np.nan if row == 1 else 1.0 for row in rows])[:, None, None, None]
        )

    broken.predict = predict
    found, expected = measure_batch(PRESETS["cdi"], broken), measure_batch(PRESETS["cdi"], toy.oracle())
    assert np.isnan(list(found[1].values())).all()
    assert found[0] == pytest.approx(expected[0])
    assert found[2] == pytest.approx(expected[2])


def test_no_condition_and_no_null_condition_mean_no_contrast() -> None:
    signals = DenoisingPreset(name="clid", signals=(Clid(levels=(0.3,)),))
    mixed = measure_batch(signals, toy.oracle(conditioned=np.array([True, False, True])))
    assert [np.isnan(features["clid/t=0.3"]) for features in mixed] == [False, True, False]
    assert np.isnan(
        [features["clid/t=0.3"] for features in measure_batch(signals, toy.oracle(predict_null=None))]
    ).all()


def test_reference_is_a_difference() -> None:
    signal = Reference("other", DenoisingLoss(levels=(0.2,), draws=2))
    theirs = toy.oracle((4, 5, 6))
    (name,) = [spec.name for spec in signal.specs]
    assert name == "reference/of=denoising_loss/t=0.2/model=other"
    found = signal.measure(toy.oracle(references={"other": theirs}))[:, 0]
    expected = [np.mean([loss(own, 200, draw) - loss(own + 4, 200, draw) for draw in range(2)]) for own in range(3)]
    assert found == pytest.approx(expected)
    assert np.isnan(Reference("other", MultipleLoss()).measure(toy.oracle())).all()


def test_with_signals_adds_once() -> None:
    wider = PRESETS["cdi-gray"].with_signals({"sima": denoising_signals()["sima"], "pia": denoising_signals()["pia"]})
    assert wider.name == "cdi-gray+sima"
    assert len(wider.specs) == 15
    assert PRESETS["cdi-gray"].with_signals({"pia": denoising_signals()["pia"]}) == PRESETS["cdi-gray"]


def test_common_noise_is_the_same_for_every_window_and_another_feature() -> None:
    latents = torch.zeros(3, 2, 4, 4, dtype=torch.float64)
    schedule = Schedule(np.linspace(0.999, 0.01, 100))

    def oracle(keys: list[str]) -> Oracle:
        def predict(noisy: torch.Tensor, times: torch.Tensor, rows: object) -> torch.Tensor:
            return torch.zeros_like(noisy)

        return Oracle(latents=latents, predict=predict, schedule=schedule, keys=keys, seed=0)

    common, own = DenoisingLoss(common=True), DenoisingLoss()
    values = common.measure(oracle(["a", "b", "c"]))
    assert (values == values[0]).all()
    assert (values == common.measure(oracle(["d", "e", "f"]))).all()
    assert len(np.unique(own.measure(oracle(["a", "b", "c"])))) == 3
    both = oracle(["a", "b", "c"])
    assert (own.measure(both) != common.measure(both)).any()
    assert [spec.name for spec in common.specs] == ["denoising_loss/common/t=0.1"]
    assert [spec.name for spec in own.specs] == ["denoising_loss/t=0.1"]

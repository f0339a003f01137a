"""Passes actually made for a window, against the sum of the attacks run one by one."""

from typing import Any

import numpy as np
import pytest
import torch

from earwitness.signals.denoising.presets import PRESETS, DenoisingPreset, measure_batch
from earwitness.signals.registry import denoising_signals
from tests.signals.denoising import toy

SEPARATE = {
    "denoising_loss": (5, 0),
    "secmi": (12, 0),
    "pia": (2, 0),
    "pian": (2, 0),
    "gradient_masking": (20, 10),
    "multiple_loss": (10, 0),
    "clid": (20, 0),
    "sima": (1, 0),
}
"""Forward and backward passes where nothing is shared; those of noise_optim hang on its line search."""


def passes(preset: DenoisingPreset, **settings: Any) -> list[tuple[int, int]]:
    oracle = toy.oracle(**settings)
    measure_batch(preset, oracle)
    return list(zip(oracle.forward_passes.tolist(), oracle.backward_passes.tolist(), strict=True))


@pytest.mark.parametrize("name", SEPARATE)
def test_each_attack_alone(name: str) -> None:
    assert passes(DenoisingPreset(name=name, signals=(denoising_signals()[name],))) == [SEPARATE[name]] * 3


def test_noise_optimisation_alone() -> None:
    assert one_by_one("noise_optim") == [(8, 7), (6, 5), (6, 5)]


def one_by_one(name: str) -> list[tuple[int, int]]:
    """Each window without batch-mates, whose need of gradients would be counted for all."""
    alone = DenoisingPreset(name=name, signals=(denoising_signals()[name],))
    return [passes(alone, windows=(window,))[0] for window in range(3)]


@pytest.mark.parametrize("rows_per_call", [1, 7, 64])
def test_presets_share(rows_per_call: int) -> None:
    for name, cost in {"default": (8, 0), "full": (29, 0), "cdi-gray": (28, 0)}.items():
        assert passes(PRESETS[name], rows_per_call=rows_per_call) == [cost] * 3
    for window, (forward, backward) in enumerate(one_by_one("noise_optim")):
        # The first evaluation is gradient masking's at that level.
        (cost,) = passes(PRESETS["cdi"], windows=(window,), rows_per_call=rows_per_call)
        assert cost == (38 + forward - 1, 10 + backward - 1)
        assert cost[0] <= 45
        assert cost[1] <= 16


def test_clid_costs_the_null_passes_alone() -> None:
    wider = PRESETS["cdi-gray"].with_signals({"clid": denoising_signals()["clid"]})
    assert passes(wider) == [(28 + 10, 0)] * 3


def test_levels_draws_and_windows_go_together() -> None:
    sizes: list[int] = []
    oracle = toy.oracle()
    inner = oracle.predict
    oracle.predict = lambda noisy, timesteps, rows: (sizes.append(len(rows)), inner(noisy, timesteps, rows))[1]
    measure_batch(
        DenoisingPreset(
            name="losses", signals=(denoising_signals()["multiple_loss"], denoising_signals()["denoising_loss"])
        ),
        oracle,
    )
    assert sizes == [3 * 14]


def test_what_was_asked_without_a_gradient_is_asked_again_with_one() -> None:
    oracle = toy.oracle((1,))
    denoising_signals()["multiple_loss"].measure(oracle)
    denoising_signals()["noise_optim"].measure(oracle)
    assert (oracle.forward_passes.tolist(), oracle.backward_passes.tolist()) == ([10 + 6], [5])
    denoising_signals()["multiple_loss"].measure(oracle)
    assert oracle.forward_passes.tolist() == [16]


def test_gradients_are_had_inside_inference_mode() -> None:
    expected = measure_batch(PRESETS["cdi"], toy.oracle())
    with torch.inference_mode():
        found = measure_batch(PRESETS["cdi"], toy.oracle())
    assert [list(row.values()) for row in found] == [pytest.approx(list(row.values())) for row in expected]
    assert np.isfinite([list(row.values()) for row in found]).all()

"""The batched L-BFGS on problems whose minimum is known."""

import numpy as np
import torch

from earwitness.signals.denoising.lbfgs import minimise


def start(objective: object, rows: int, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    value, gradient = objective(torch.zeros(rows, dim, dtype=torch.float64), torch.arange(rows), True)  # type: ignore[operator]
    return value, gradient


def test_quadratics_end_at_their_minimum_each_in_its_own_time() -> None:
    rng = np.random.default_rng(2)
    curvatures = torch.tensor(rng.uniform(0.5, 2, size=(6, 4)))
    goals = torch.tensor(rng.normal(size=(6, 4)))

    def objective(x: torch.Tensor, rows: torch.Tensor, gradient: bool) -> tuple[torch.Tensor, torch.Tensor]:
        off = x - goals[rows]
        return (curvatures[rows] * off**2).sum(1) / 2, curvatures[rows] * off

    end = minimise(objective, *start(objective, 6, 4), steps=40, evaluations=60, first_step=0.5)
    torch.testing.assert_close(end.x, goals, atol=1e-6, rtol=0)


def test_a_step_too_long_is_shortened_and_nothing_gets_worse() -> None:
    def objective(x: torch.Tensor, rows: torch.Tensor, gradient: bool) -> tuple[torch.Tensor, torch.Tensor]:
        return 50 * ((x - 1) ** 2).sum(1), 100 * (x - 1)

    value, gradient = start(objective, 2, 3)
    end = minimise(objective, value, gradient, steps=1, evaluations=1, first_step=1.0)
    assert end.x.eq(0).all()
    assert end.value.tolist() == value.tolist()
    # The interpolated minimum, a hundredth of the step, is nearer than the tenth that a trial may shrink to.
    end = minimise(objective, value, gradient, steps=1, evaluations=3, first_step=1.0)
    torch.testing.assert_close(end.x, torch.ones(2, 3, dtype=torch.float64))


def test_rows_that_cannot_move_stay_and_hold_nobody_up() -> None:
    def objective(x: torch.Tensor, rows: torch.Tensor, gradient: bool) -> tuple[torch.Tensor, torch.Tensor]:
        assert rows.tolist() == [1]
        return ((x - 1) ** 2).sum(1) / 2, x - 1

    value = torch.tensor([torch.nan, 1.5, 0.0], dtype=torch.float64)
    gradient = torch.tensor([[1.0] * 3, [-1.0] * 3, [0.0] * 3], dtype=torch.float64)
    end = minimise(objective, value, gradient, steps=2, evaluations=2, first_step=1.0)
    assert end.x.tolist() == [[0.0] * 3, [1.0] * 3, [0.0] * 3]
    assert np.isnan(end.value[0].item())
    assert end.value[1:].tolist() == [0.0, 0.0]

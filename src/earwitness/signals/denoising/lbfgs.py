"""L-BFGS on many small problems at once, each row for itself.

Goal: the minimum of one window must not depend on its batch-mates, as it does where an
optimiser sees the sum of all losses; yet the rows share their forward passes.

Conventions: rows x [N, D]; every row has its own history, step length and number of steps.
Line search: the full quasi-Newton step is tried first; a step that does not bring Armijo's share
of the decrease promised is shortened by quadratic interpolation, to a tenth at least and a half at most,
and tried again, which costs one more evaluation. Nothing is ever accepted that raises the value.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Objective = Callable[[Tensor, Tensor, bool], tuple[Tensor, Tensor | None]]
"""(x [M, D], the row each belongs to int64 [M], whether the gradient is needed) → value [M], gradient [M, D]."""

_ARMIJO = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """Where the rows ended, x [N, D], and their values [N]."""

    x: Tensor
    value: Tensor


def minimise(
    objective: Objective, value: Tensor, gradient: Tensor, *, steps: int, evaluations: int, first_step: float
) -> Minimum:
    """Take ``steps`` accepted steps from x = 0, or as many as ``evaluations`` of the objective allow.

    Parameters
    ----------
    objective
        Evaluated at up to N rows per call.
    value, gradient
        Of the objective at x = 0, [N] and [N, D]; a row that is not finite there stays there.
    steps, evaluations
        The limits, for every row.
    first_step
        How far along −gradient the first step goes; later ones take their scale from the history.
    """
    x, value, gradient = torch.zeros_like(gradient), value.clone(), gradient.clone()
    direction, length = -first_step * gradient, torch.ones_like(value)
    taken = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    history: list[tuple[Tensor, Tensor]] = []
    moves = torch.isfinite(value) & gradient.isfinite().all(dim=1) & gradient.ne(0).any(dim=1)
    for evaluation in range(evaluations):
        rows = torch.nonzero(moves & (taken < steps)).squeeze(1)
        if not len(rows):
            break
        goes_on = evaluation + 1 < evaluations and bool((taken[rows] + 1 < steps).any())
        move = length[rows, None] * direction[rows]
        slope = (gradient[rows] * move).sum(dim=1)
        new_value, new_gradient = objective(x[rows] + move, rows, goes_on)
        good = new_value <= value[rows] + _ARMIJO * slope
        shorter = -slope / (2 * (new_value - value[rows] - slope))
        length[rows] = torch.where(good, 1.0, length[rows] * shorter.nan_to_num(0.0).clamp(0.1, 0.5))
        kept = rows[good]
        x[kept] += move[good]
        value[kept] = new_value[good]
        taken[kept] += 1
        if new_gradient is None:
            continue
        # A row that made no step enters the history with zeros, which leave its direction alone.
        change = torch.zeros_like(x), torch.zeros_like(x)
        change[0][kept], change[1][kept] = move[good], new_gradient[good] - gradient[kept]
        gradient[kept] = new_gradient[good]
        history.append(change)
        direction = -_times_inverse_hessian(gradient, history, first_step)
    return Minimum(x, value)


def _times_inverse_hessian(gradient: Tensor, history: list[tuple[Tensor, Tensor]], first_step: float) -> Tensor:
    """The two-loop recursion over (step, change of gradient), row by row, without pairs of no positive curvature."""
    scale = torch.full_like(gradient[:, 0], first_step)
    weights = []
    for s, y in history:
        curvature = (s * y).sum(dim=1)
        usable = curvature > 1e-10 * s.norm(dim=1) * y.norm(dim=1)
        weights.append(torch.where(usable, 1 / curvature, 0.0))
        scale = torch.where(usable, curvature / y.square().sum(dim=1), scale)
    q, shares = gradient.clone(), []
    for (s, y), weight in zip(reversed(history), reversed(weights), strict=True):
        share = weight * (s * q).sum(dim=1)
        shares.append(share)
        q -= share[:, None] * y
    q *= scale[:, None]
    for (s, y), weight, share in zip(history, weights, reversed(shares), strict=True):
        q += (share - weight * (y * q).sum(dim=1))[:, None] * s
    return q

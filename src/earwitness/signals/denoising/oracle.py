"""What a denoiser knows about a batch of windows, each question asked once.

Goal: signals that look at the same noised latent share its forward pass without knowing of
each other, and cost is counted where it arises.

Conventions: latents are [B, …], at least float32; f is the noise prediction under the window's own
condition, without guidance; ‖·‖ is the root mean square over the elements of a latent, so that
lengths compare. A batch row is (what is asked, which window), and rows of all levels, draws and
windows go to the model together, ``rows_per_call`` at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earwitness.errors import EarwitnessError
from earwitness.signals.denoising.noise import COMMON, noise
from earwitness.signals.denoising.schedule import Schedule

Predict = Callable[[Tensor, Tensor, Sequence[int]], Tensor]
"""(z_t [N, …], timesteps int64 [N], the window of each row [N]) → ε [N, …]."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question: how well is noise ``draw``, added at ``level``, predicted?

    ``null`` asks without a condition, ``gradient`` also for the gradient in z_t. With ``on_path`` the level is a share
    of the timesteps (of a flow: the time on its path) and no share of training's draws. With ``common`` every window of
    a shape has the same noise in a draw: windows then differ by what they are, and not by their luck.
    """

    level: float
    draw: int = 0
    null: bool = False
    gradient: bool = False
    on_path: bool = False
    common: bool = False


class _Key(NamedTuple):
    """What a question comes to: equal ones are asked once."""

    timestep: int
    draw: int
    null: bool
    common: bool


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """‖f(z_t) − ε‖ [N], and the gradient [N, …] of ½ Σ (f(z_t) − ε)² in z_t where asked for."""

    rms: Tensor
    gradient: Tensor | None


@dataclass(kw_only=True, eq=False)
class Oracle:
    """A batch of windows before a denoiser.

    Attributes
    ----------
    latents
        [B, …], float32 or float64, outside inference mode where gradients are asked for.
    predict
        ε of noised latents under the windows' conditions, each row for itself.
    schedule
        The denoiser's.
    keys
        What names each window: the noise is drawn from it.
    seed
        The run's.
    predict_null
        The same without a condition; ``None`` where the model has none.
    conditioned
        Which windows have a condition at all, bool [B]; all of them by default.
    references
        Oracles of reference models over the same windows, by name.
    rows_per_call
        The largest batch given to the model.
    forward_passes, backward_passes
        Passes made so far for each window, int64 [B].
    """

    latents: Tensor
    predict: Predict
    schedule: Schedule
    keys: Sequence[str]
    seed: int
    predict_null: Predict | None = None
    conditioned: NDArray[np.bool_] | None = None
    references: Mapping[str, "Oracle"] = field(default_factory=dict)
    rows_per_call: int = 64
    forward_passes: NDArray[np.int64] = field(init=False)
    backward_passes: NDArray[np.int64] = field(init=False)
    _answers: dict[_Key, Errors] = field(init=False, default_factory=dict)
    _of_latents: dict[int, Tensor] = field(init=False, default_factory=dict)
    _noise: dict[tuple[int, bool], Tensor] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.forward_passes = np.zeros(len(self.latents), dtype=np.int64)
        self.backward_passes = np.zeros(len(self.latents), dtype=np.int64)

    @property
    def windows(self) -> range:
        """The numbers of the windows, 0 … B − 1."""
        return range(len(self.latents))

    def noise(self, draw: int, *, common: bool = False) -> Tensor:
        """ε [B, …] of a draw, the same at every level; with ``common`` that of seed and shape alone."""
        if (draw, common) not in self._noise:
            shape = self.latents.shape[1:]
            drawn = np.stack([noise(self.seed, COMMON if common else key, draw, shape) for key in self.keys])
            self._noise[draw, common] = torch.as_tensor(drawn, dtype=self.latents.dtype, device=self.latents.device)
        return self._noise[draw, common]

    def noised(self, pair: Pair) -> Tensor:
        """z_t [B, …] that the pair asks about."""
        timesteps = [self.schedule.timestep_of(pair)] * len(self.latents)
        return self.schedule.noised(self.latents, self.noise(pair.draw, common=pair.common), timesteps)

    def ask(self, pairs: Iterable[Pair]) -> None:
        """Answer all pairs that were not answered yet, in as few calls as ``rows_per_call`` allows.

        Left unanswered: pairs at a level that adds no noise, and null pairs where there is no null condition.
        """
        wanted: dict[_Key, bool] = {}
        for pair in pairs:
            key, known = self._key(pair), self._answers.get(self._key(pair))
            if self._answerable(key) and (known is None or (pair.gradient and known.gradient is None)):
                wanted[key] = wanted.get(key, False) or pair.gradient
        for null, gradient in ((False, False), (False, True), (True, False), (True, True)):
            keys = [key for key, with_gradient in wanted.items() if (key.null, with_gradient) == (null, gradient)]
            if keys:
                self._answers |= zip(keys, self._answer(keys, gradient=gradient), strict=True)

    def loss(self, pair: Pair) -> NDArray[np.float64]:
        """‖f(z_t) − ε‖ [B]; NaN where the pair has no answer."""
        answer = self.answer(pair)
        return np.full(len(self.latents), np.nan) if answer is None else float64(answer.rms)

    def answer(self, pair: Pair) -> Errors | None:
        """The pair's errors over all windows, asked for now if they were not before."""
        self.ask([pair])
        return self._answers.get(self._key(pair))

    def of_latents(self, timestep: int) -> Tensor:
        """f(z, t) [B, …] of the latents as they are, without noise."""
        if timestep not in self._of_latents:
            self._of_latents[timestep] = self.predictions(
                self.latents, [timestep] * len(self.latents), list(self.windows)
            )
        return self._of_latents[timestep]

    def predictions(self, noisy: Tensor, timesteps: Sequence[int], rows: Sequence[int]) -> Tensor:
        """What the denoiser predicts [N, …] of anything, in the precision of ``noisy``, without gradients."""
        with torch.no_grad():
            return torch.cat(
                [self._call(self.predict, noisy[part], timesteps[part], rows[part]) for part in self._parts(len(rows))]
            )

    def errors(
        self,
        noisy: Tensor,
        noise: Tensor,
        timesteps: Sequence[int],
        rows: Sequence[int],
        *,
        gradient: bool,
        predict: Predict | None = None,
    ) -> Errors:
        """How far the prediction (under the condition, by default) is from the noise, row by row.

        With ``gradient``, also the gradient of ½ Σ (f − ε)² in ``noisy``.
        """
        predict = predict or self.predict
        found = [
            self._errors(predict, noisy[part], noise[part], timesteps[part], rows[part], gradient=gradient)
            for part in self._parts(len(rows))
        ]
        gradients = [errors.gradient for errors in found if errors.gradient is not None]
        return Errors(torch.cat([errors.rms for errors in found]), torch.cat(gradients) if gradient else None)

    def _answer(self, keys: Sequence[_Key], *, gradient: bool) -> list[Errors]:
        """Errors of keys that agree on the condition and the gradient: rows are key by key, window by window."""
        count = len(self.latents)
        timesteps = [key.timestep for key in keys for _ in self.windows]
        noise = torch.cat([self.noise(key.draw, common=key.common) for key in keys])
        latents = self.latents.repeat(len(keys), *[1] * (self.latents.ndim - 1))
        noisy = self.schedule.noised(latents, noise, timesteps)
        rows = list(self.windows) * len(keys)
        found = self.errors(
            noisy, noise, timesteps, rows, gradient=gradient, predict=self.predict_null if keys[0].null else None
        )
        parts = [slice(i * count, (i + 1) * count) for i in range(len(keys))]
        return [Errors(found.rms[p], None if found.gradient is None else found.gradient[p]) for p in parts]

    def _errors(
        self,
        predict: Predict,
        noisy: Tensor,
        noise: Tensor,
        timesteps: Sequence[int],
        rows: Sequence[int],
        *,
        gradient: bool,
    ) -> Errors:
        # A caller may run everything in inference mode, whose tensors autograd refuses: hence the copy outside it.
        with torch.inference_mode(mode=False), torch.set_grad_enabled(gradient):
            leaf = noisy.clone().requires_grad_(gradient)
            squares = (self._call(predict, leaf, timesteps, rows) - noise).flatten(1).square()
            rms = squares.mean(dim=1).sqrt().detach()
            if not gradient:
                return Errors(rms, None)
            if not squares.requires_grad:
                raise EarwitnessError(
                    "A signal needs gradients and predict_noise gives none; give it as a torch function "
                    "that keeps the graph, or choose the preset 'cdi-gray'."
                )
            np.add.at(self.backward_passes, list(rows), 1)
            (slope,) = torch.autograd.grad(squares.sum() / 2, leaf)
            return Errors(rms, slope)

    def _call(self, predict: Predict, noisy: Tensor, timesteps: Sequence[int], rows: Sequence[int]) -> Tensor:
        np.add.at(self.forward_passes, list(rows), 1)
        return predict(noisy, torch.tensor(timesteps, device=noisy.device), rows).to(noisy.dtype)

    def _parts(self, count: int) -> Iterator[slice]:
        return (slice(start, start + self.rows_per_call) for start in range(0, count, self.rows_per_call))

    def _key(self, pair: Pair) -> _Key:
        return _Key(self.schedule.timestep_of(pair), pair.draw, pair.null, pair.common)

    def _answerable(self, key: _Key) -> bool:
        return self.schedule.adds_noise(key.timestep) and not (key.null and self.predict_null is None)


def float64(values: Tensor) -> NDArray[np.float64]:
    """A tensor as a float64 array."""
    return values.detach().cpu().numpy().astype(np.float64)


def rms(values: Tensor) -> NDArray[np.float64]:
    """Root mean square [N] over the elements of each row [N, …]."""
    return float64(values.flatten(1).square().mean(dim=1).sqrt())

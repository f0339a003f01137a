"""Train a denoiser, whatever its family, and ask it while it is trained.

Goal: the loop that the diffusion and the flow target share (random crops from a store, one condition in ten dropped,
averaged weights, checkpoints), and the signals by which a leak is watched.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from earwitness.signals.denoising.losses import MultipleLoss
from earwitness.signals.denoising.oracle import Oracle, Predict
from earwitness.signals.denoising.pia import Pia
from earwitness.signals.denoising.presets import DenoisingPreset, measure_batch
from earwitness.signals.denoising.schedule import Schedule
from earwitness.signals.denoising.sima import SimA
from earwitness.signals.denoising.velocity import VelocityError
from earwitness.stats.roc import auc_delong
from earwitness.types import Wave
from earwitness_bench.recipes.augment import Crop, random_crop
from earwitness_bench.recipes.crops import CropStore
from earwitness_bench.recipes.progress import Checkpoint, Stateful

LossOf = Callable[[Any, Tensor, Sequence[int], Tensor, np.random.Generator], Tensor]
"""(model, clean latents [batch, …], recordings [batch], which conditions are dropped [batch], rng) → loss."""

WATCHED = DenoisingPreset(
    name="watched", signals=(MultipleLoss(levels=(0.05, 0.1, 0.2, 0.3, 0.5)), VelocityError(), Pia(), SimA())
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What fixes a training run, besides its data.

    An epoch hears as many seconds as the recordings hold. The averaged weights are kept after the epochs in ``keep``;
    training stops after the last of them.
    """

    keep: tuple[int, ...]
    batch: int = 16
    store: int = 512
    fresh_every: int = 4
    rate: float = 1e-3
    warm_up_steps: int = 200
    average_decay: float = 0.999
    condition_dropout: float = 0.1
    seed: int = 0

    def facts(self) -> dict[str, object]:
        """What a card says of it."""
        return asdict(self) | {"keep": list(self.keep)}

    def store_of(
        self, waves: Sequence[Wave], encode: Callable[[Wave], Tensor], *,
        samples: int, rate_hz: int, crop: Crop = random_crop,
    ) -> CropStore:  # fmt: skip
        """The store of encoded crops that a run draws its batches from."""
        return CropStore(
            waves=waves, samples=samples, rate_hz=rate_hz, encode=encode,
            size=self.store, every=self.fresh_every, seed=self.seed, crop=crop,
        )  # fmt: skip


def train_denoiser(
    model: nn.Module,
    loss_of: LossOf,
    crops: CropStore,
    training: Training,
    *,
    state: Path,
    at_epoch: Callable[[int, float, Any], None],
) -> None:
    """Train at a constant rate; ``at_epoch(epoch, mean_loss, averaged)`` is called after the epochs in ``keep``.

    A step depends on (seed, step) alone, so an interrupted run goes on as if it had not stopped.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=training.rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=training.warm_up_steps)
    follow = get_ema_multi_avg_fn(training.average_decay)  # type: ignore[no-untyped-call]
    average = AveragedModel(model, multi_avg_fn=follow)
    parts: dict[str, Stateful] = {"model": model, "optimizer": optimizer, "warm_up": warm_up, "average": average}
    checkpoint = Checkpoint(state, parts)
    steps_per_epoch = max(1, crops.crops_per_epoch // training.batch)
    first = checkpoint.restore()
    model.train()
    losses = []
    for step in range(first, steps_per_epoch * max(training.keep)):
        rng = np.random.default_rng([training.seed, step])
        clean, rows = crops.draw(step, training.batch, rng)
        dropped = torch.from_numpy(rng.random(training.batch) < training.condition_dropout)
        loss = loss_of(model, clean, rows, dropped, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        warm_up.step()
        average.update_parameters(model)
        losses.append(loss.item())
        epoch, rest = divmod(step + 1, steps_per_epoch)
        if rest == 0 and epoch in training.keep:
            at_epoch(epoch, float(np.mean(losses)), average.module)
            checkpoint.save(step + 1)  # only now: a run killed in between repeats the epoch rather than miss it
            losses.clear()
            model.train()


def spread_shares(batch: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Numbers in [0, 1), one in each of ``batch`` equal slices: the law of independent draws, a steadier loss."""
    return np.asarray((rng.permutation(batch) + rng.random(batch)) / batch)


@torch.no_grad()
def track_scores(
    predict: Predict, schedule: Schedule, latents: Tensor, *, preset: DenoisingPreset = WATCHED, batch: int = 32
) -> dict[str, NDArray[np.float64]]:
    """Signals of windows [tracks, windows, …], means over a track's windows: name → [tracks].

    ``predict`` gets the track of each row in the place of its window.
    """
    tracks, windows = latents.shape[:2]
    rows = [(track, window) for track in range(tracks) for window in range(windows)]
    found: list[Mapping[str, float]] = []
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]

        def of_tracks(noisy: Tensor, times: Tensor, asked: Sequence[int], part: Any = part) -> Tensor:
            return predict(noisy, times, [part[i][0] for i in asked])

        oracle = Oracle(
            latents=torch.stack([latents[row] for row in part]), predict=of_tracks, schedule=schedule,
            keys=[f"{track}/{window}" for track, window in part], seed=0,
        )  # fmt: skip
        found += measure_batch(preset, oracle)
    return {
        name: np.array([row[name] for row in found]).reshape(tracks, windows).mean(axis=1)
        for name in (spec.name for spec in preset.specs)
    }


def leaks(
    scores: Mapping[str, NDArray[np.float64]], member: NDArray[np.bool_], *, loss: str
) -> dict[str, float | list[float]]:
    """AUC of each signal, lower for members, with its 95 % interval, and the means of the one that is the loss."""
    found: dict[str, float | list[float]] = {}
    for name, values in scores.items():
        auc = auc_delong(-values[member], -values[~member])
        found[name] = [round(value, 4) for value in (auc.estimate, auc.low, auc.high)]
    sides = {"member_loss": scores[loss][member], "non_member_loss": scores[loss][~member]}
    return found | {name: float(values.mean()) for name, values in sides.items()}

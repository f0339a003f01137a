"""Build and train a small FIGARO-architecture model whose training set is known.

Goal: a ``FigaroModel`` of about three million parameters, trained the way the originals are:
an expert description of the bars at hand as condition, cross-entropy on every token of a
context. The contexts are the windows that the target is asked about, and training asks for
logits through the target too, so that the two cannot drift apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earwitness.targets.figaro.config import FigaroConfig
from earwitness.targets.figaro.load import Loaded
from earwitness.targets.figaro.model import FigaroModel
from earwitness.targets.figaro.target import Figaro
from earwitness.targets.protocols import TargetIdentity, TokenWindow
from earwitness_bench.recipes.progress import Checkpoint

ASKED_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What fixes a training run, besides its data.

    The learning rate falls over ``epochs``; training stops after the last epoch in ``keep``.
    """

    epochs: int
    keep: tuple[int, ...]
    batch: int = 8
    peak_rate: float = 1e-3
    seed: int = 0


def small_figaro(*, seed: int, context_size: int = 256) -> FigaroModel:
    """An untrained model: one encoder and three decoder layers, width 192, expert description."""
    torch.manual_seed(seed)
    return FigaroModel(
        FigaroConfig(
            d_model=192, num_attention_heads=3, intermediate_size=768, encoder_layers=1, decoder_layers=3,
            context_size=context_size, max_position_embeddings=context_size, max_positions=144, dropout=0.0,
        )
    )  # fmt: skip


def as_target(model: FigaroModel) -> Figaro:
    """The target that a model in memory makes."""
    identity = TargetIdentity(family="figaro", name="in training", weights_sha256="", dtype="float32")
    return Figaro(Loaded(model, None), identity)


def train_figaro(
    model: FigaroModel,
    windows: Sequence[TokenWindow],
    schedule: Schedule,
    *,
    state: Path,
    at_epoch: Callable[[int, float], None],
) -> None:
    """Train on full windows (members' only); an epoch takes every window once.

    ``at_epoch(epoch, mean_loss)`` is called after each epoch; what a step sees depends on
    (seed, step) alone, so an interrupted run goes on as if it had not stopped.
    """
    target = as_target(model)
    steps_per_epoch = max(1, len(windows) // schedule.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=schedule.peak_rate, betas=(0.9, 0.95), weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.peak_rate, total_steps=schedule.epochs * steps_per_epoch, pct_start=0.05
    )
    checkpoint = Checkpoint(state, {"model": model, "optimizer": optimizer, "rate": rate})
    first = checkpoint.restore()
    model.train()
    losses = []
    for step in range(first, steps_per_epoch * max(schedule.keep)):
        epoch, within = divmod(step, steps_per_epoch)
        order = np.random.default_rng([schedule.seed, epoch]).permutation(len(windows))
        batch = [windows[i] for i in order[within * schedule.batch : (within + 1) * schedule.batch]]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = window_losses(target, batch).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
        losses.append(loss.item())
        if within + 1 == steps_per_epoch:
            checkpoint.save(step + 1)
            at_epoch(epoch + 1, float(np.mean(losses)))
            losses.clear()
            model.train()


def window_losses(target: Figaro, windows: Sequence[TokenWindow]) -> Tensor:
    """Mean cross-entropy of each window's tokens, in nats [windows]; all windows are of one length."""
    codes = torch.stack([window.codes for window in windows])
    chunks = target.logits(codes, [window.condition for window in windows], null=False)
    logits = torch.cat([chunk.condition for chunk in chunks], dim=2)
    losses = nn.functional.cross_entropy(logits.float().permute(0, 3, 1, 2), codes, reduction="none")
    return losses.mean(dim=(1, 2))


@torch.no_grad()
def piece_losses(model: FigaroModel, pieces: Sequence[Sequence[TokenWindow]], *, windows: int) -> NDArray[np.float64]:
    """Mean loss of each piece over some of its windows, evenly spaced, in nats per token [pieces]."""
    model.eval()
    target = as_target(model)
    asked = [
        (i, piece[j])
        for i, piece in enumerate(pieces)
        for j in np.linspace(0, len(piece) - 1, min(windows, len(piece))).astype(int).tolist()
    ]
    owners = np.array([i for i, _ in asked])
    losses = torch.cat([
        window_losses(target, [window for _, window in asked[i : i + ASKED_AT_ONCE]])
        for i in range(0, len(asked), ASKED_AT_ONCE)
    ]).double()  # fmt: skip
    return np.bincount(owners, losses.numpy(), len(pieces)) / np.bincount(owners, minlength=len(pieces))

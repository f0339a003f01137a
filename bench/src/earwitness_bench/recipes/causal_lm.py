"""Build and train a small causal language model over MIDI tokens whose training set is known.

Goal: a GPT-2 over the REMI tokens of miditok, in the directory that the family ``causal-lm`` reads. It is
trained as such models are: contexts that begin at any bar of any member, cross-entropy on every token. The contexts
are the windows that the target is asked about, so that the two cannot drift apart.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from miditok import REMI, TokenizerConfig
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from earwitness.targets.causal_lm.description import FILE_NAME
from earwitness_bench.recipes.augment import draw_by_length
from earwitness_bench.recipes.progress import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What fixes a training run, besides its data. An epoch asks for as many tokens as the members hold.

    The learning rate falls over ``epochs``; training stops after the last epoch in ``keep``.
    """

    epochs: int
    keep: tuple[int, ...]
    batch: int = 8
    context: int = 192
    width: int = 160
    layers: int = 4
    peak_rate: float = 1.5e-3
    seed: int = 0


def save_untrained(folder: Path, schedule: Schedule) -> None:
    """An untrained model as a directory with its tokenizer and description."""
    tokenizer = remi_tokenizer(8, 8)
    torch.manual_seed(schedule.seed)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=schedule.context, n_embd=schedule.width, n_layer=schedule.layers,
        n_head=4, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / FILE_NAME).write_text(json.dumps({"tokens": "midi", "tokenizer": "tokenizer.json"}), encoding="utf-8")


def remi_tokenizer(velocities: int, positions: int) -> REMI:
    """A tokenizer that tells apart so many velocities, and so many positions in a beat."""
    grid = {(0, 4): positions, (4, 12): max(1, positions // 2)}
    return REMI(TokenizerConfig(num_velocities=velocities, beat_res=grid, use_programs=False))


def train_causal_lm(
    model: GPT2LMHeadModel,
    pieces: Sequence[Tensor],
    schedule: Schedule,
    *,
    state: Path,
    at_epoch: Callable[[int, float], None],
) -> None:
    """Train on the windows [windows, tokens] of each member piece.

    A step draws pieces by how many windows they have and a window of each. What a step sees depends on
    (seed, step) alone, so an interrupted run goes on as if it had not stopped.
    """
    lengths = [len(piece) for piece in pieces]
    steps = max(1, sum(lengths) // schedule.batch // 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=schedule.peak_rate, betas=(0.9, 0.95), weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.peak_rate, total_steps=schedule.epochs * steps, pct_start=0.05
    )
    checkpoint = Checkpoint(state, {"model": model, "optimizer": optimizer, "rate": rate})
    first = checkpoint.restore()
    model.train()
    losses = []
    for step in range(first, steps * max(schedule.keep)):
        rng = np.random.default_rng([schedule.seed, step])
        rows = draw_by_length(lengths, schedule.batch, rng).tolist()
        batch = torch.stack([pieces[row][rng.integers(lengths[row])] for row in rows])
        loss = token_losses(model, batch)[0].mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
        losses.append(loss.item())
        if (step + 1) % steps == 0:
            checkpoint.save(step + 1)
            at_epoch((step + 1) // steps, float(np.mean(losses)))
            losses.clear()
            model.train()


def token_losses(model: GPT2LMHeadModel, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and entropy of the prediction of every token but the first [batch, tokens − 1], in nats."""
    log_probs = model(tokens[:, :-1]).logits.float().log_softmax(dim=2)
    losses = -log_probs.gather(2, tokens[:, 1:, None])[..., 0]
    return losses, -(log_probs.detach().exp() * log_probs.detach()).sum(dim=2)


@torch.no_grad()
def piece_scores(model: GPT2LMHeadModel, pieces: Sequence[Tensor], *, windows: int) -> NDArray[np.float64]:
    """Mean loss and excess loss of each piece over some of its windows, evenly spaced [2, pieces]."""
    model.eval()
    found = []
    for piece in pieces:
        asked = np.linspace(0, len(piece) - 1, min(windows, len(piece))).astype(int)
        loss, entropy = (float(each.double().mean()) for each in token_losses(model, piece[asked]))
        found.append((loss, loss - entropy))
    return np.array(found).T

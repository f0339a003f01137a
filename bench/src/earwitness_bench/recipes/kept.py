"""What is kept of a training run in its work folder: the models of some epochs, and a line of the log for each.

Conventions: the model of an epoch is a folder ``epoch-007`` (or with another prefix), the log ``log.jsonl``.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import Card
from earwitness.stats.roc import auc_delong
from earwitness.types import OnMessage

Line = dict[str, object]


def kept_epochs(work: Path, prefix: str = "epoch-") -> dict[int, Path]:
    """Epoch → its folder."""
    return {int(path.name.removeprefix(prefix)): path for path in sorted(work.glob(f"{prefix}*"))}


def kept_epoch(work: Path, epoch: int, prefix: str = "epoch-") -> Path:
    """The folder of an epoch; raises ``EarwitnessError``, which names those that are there."""
    kept = kept_epochs(work, prefix)
    if epoch not in kept:
        held = ", ".join(path.name.removeprefix(prefix) for path in kept.values())
        raise EarwitnessError(f"{work} holds no epoch {epoch}; it holds: {held or 'none, train first'}.")
    return kept[epoch]


def write_card(card: Card, out: Path) -> Card:
    """Lay a published model's card beside it, ``card.json``, and in its folder, ``README.md``; give it back."""
    card.write(out / "card.json")
    (out / "model" / "README.md").write_text(card.markdown(), encoding="utf-8")
    return card


def log(work: Path, line: Mapping[str, object], report: OnMessage) -> None:
    """Report a line and write it down."""
    text = json.dumps(line)
    report(text)
    with (work / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(text + "\n")


def loss_aucs(seen: NDArray[np.float64], unseen: NDArray[np.float64]) -> Line:
    """AUCs of loss and excess loss, lower for members, with their 95 % intervals; scores are [2, tracks]."""
    line: Line = {}
    for i, name in enumerate(("loss", "excess_loss")):
        auc = auc_delong(-seen[i], -unseen[i])
        line |= {f"{name}_auc": auc.estimate, f"{name}_auc_low": auc.low, f"{name}_auc_high": auc.high}
    return line

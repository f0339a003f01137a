"""Long-context gain: what all of a window tells beyond the last half second, and whether that adds to excess loss.

For every token: log p with the whole window before it minus log p with the last half second alone, on the same
tokens; a member's was expected to be higher. Sub-windows of one second, the first half of each being context, answer
for the short one. Prints the AUC of either number and of the mean of both (standardised), with 95 % intervals (DeLong,
by group), and the paired difference of the last and excess loss alone.

    earwitness reference data fiddle --out data
    python benchmarks/long_context.py data/manifest.csv --target "$(earwitness reference path fiddle)"
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from earwitness.audio import read_mono
from earwitness.stats.roc import auc_delong
from earwitness.targets import load_target
from earwitness.targets.protocols import TokenTarget

CONTEXT_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--tracks", type=int, default=160, help="of a side, at most")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args()
    target = load_target(options.target, device="cpu")
    assert isinstance(target, TokenTarget)
    with options.manifest.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = [
        row for role in ("member", "non_member") for row in [r for r in rows if r["role"] == role][: options.tracks]
    ]
    scores = np.array([_track(target, options.manifest.parent / row["path"], row["prompt"], options) for row in rows])
    member = np.array([row["role"] == "member" for row in rows])
    groups = np.array([row["group"] for row in rows])
    standard = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    numbers = {
        "excess loss": standard[:, 0],
        "long-context gain": standard[:, 1],
        "mean of both": standard.mean(axis=1),
    }
    print(f"{member.sum()} members, {(~member).sum()} others, {options.windows} windows of {options.seconds:g} s\n")
    print("| number | AUC |\n| --- | --- |")
    for name, values in numbers.items():
        auc = auc_delong(
            values[member], values[~member], positive_groups=groups[member], negative_groups=groups[~member]
        )
        print(f"| {name} | {auc.estimate:.3f} [{auc.low:.3f}, {auc.high:.3f}] |")
    rng = np.random.default_rng(0)
    differences = [_difference(numbers, member, rng) for _ in range(1000)]
    low, high = np.percentile(differences, [2.5, 97.5])
    print(
        f"\nmean of both less excess loss alone: 95 % of 1,000 bootstrap draws of tracks in [{low:+.3f}, {high:+.3f}]"
    )


def _track(target: TokenTarget, path: Path, prompt: str, options: argparse.Namespace) -> tuple[float, float]:
    """Negated excess loss and long-context gain of a track, means over its windows, codebooks with equal weight."""
    wave = read_mono(path, target.sample_rate)
    samples = round(options.seconds * target.sample_rate) // target.hop_length * target.hop_length
    starts = np.linspace(0, len(wave) - samples, options.windows).astype(int)
    codes = target.encode(np.stack([wave[start : start + samples] for start in starts]))
    context = round(CONTEXT_SECONDS * target.sample_rate / target.hop_length)
    log_probs, entropy = _answers(target, codes, prompt)
    excess = (log_probs + entropy).mean()
    pieces = (codes.shape[2] - context) // context
    short = torch.cat([codes[:, :, i * context : (i + 2) * context] for i in range(pieces)])
    alone = _answers(target, short, prompt)[0][:, :, context:]
    alone = torch.cat(alone.split(len(codes)), dim=2)
    gain = (log_probs[:, :, context : context + alone.shape[2]] - alone).mean()
    return float(excess), float(gain)


@torch.no_grad()
def _answers(target: TokenTarget, codes: Tensor, prompt: str) -> tuple[Tensor, Tensor]:
    """Log p of the codes and the entropy of their predictions [batch, K, T]."""
    chunks = [chunk.condition for chunk in target.logits(codes, [prompt] * len(codes), null=False)]
    log_probs = torch.cat(chunks, dim=2).float().log_softmax(dim=3)
    return log_probs.gather(3, codes[..., None])[..., 0], -(log_probs.exp() * log_probs).sum(dim=3)


def _difference(numbers: dict[str, np.ndarray], member: np.ndarray, rng: np.random.Generator) -> float:
    """AUC of both less AUC of excess loss among tracks drawn with replacement."""
    inside, outside = (rng.choice(np.flatnonzero(side), side.sum()) for side in (member, ~member))
    both, alone = (
        auc_delong(values[inside], values[outside]).estimate
        for values in (numbers["mean of both"], numbers["excess loss"])
    )
    return both - alone


if __name__ == "__main__":
    main()

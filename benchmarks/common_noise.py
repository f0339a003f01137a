"""What one noise for all windows is worth: the denoising loss by how its noises are drawn, and what each way costs.

Reads a model directory and its written collection (``manifest.csv`` with the roles member and non_member) and prints
Markdown: AUC of the loss at one level and pooled over three (mean of logarithms), with 1, 2, 5 and 10 noises, where
each window has its own, all windows have the same ones, and both in pairs of a noise and its negative; beside it the
signals that draw none. Intervals of differences are bootstrapped over tracks.

    earwitness bench data drone --out drone-data
    python benchmarks/common_noise.py drone-work/published/model drone-data --windows 3 > drone.md
"""

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.signals.denoising.pia import Pia
from earwitness.signals.denoising.schedule import Schedule
from earwitness.signals.denoising.secmi import SecMi
from earwitness.signals.denoising.sima import SimA
from earwitness.stats.roc import auc_delong
from earwitness.targets import load_target
from earwitness.targets.protocols import DenoiserTarget

LEVEL, LOW = 0.1, (0.05, 0.1, 0.2)
BASE = "each its own"
UNDRAWN = {"SimA": SimA(), "PIA": Pia(), "SecMI": SecMi()}
Values = dict[str, NDArray[np.float64]]


class Mirrored(Oracle):
    """Draw −k − 1 is the negative of draw k."""

    def noise(self, draw: int, *, common: bool = False) -> Tensor:
        """ε [B, …]."""
        return -super().noise(-draw - 1, common=common) if draw < 0 else super().noise(draw, common=common)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a diffusion target")
    parser.add_argument("data", type=Path, help="its written collection")
    parser.add_argument("--windows", type=int, default=3, help="of a track, at any offset")
    parser.add_argument("--others", type=int, default=170, help="tracks that it was not trained on, at most")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 5, 10], help="of noises")
    parser.add_argument("--one-level", action="store_true", help="the loss at .1 T alone, nothing pooled")
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with (options.data / "manifest.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    members, others = ([row for row in listed if (row["role"] == "member") is side] for side in (True, False))
    tracks = [*members, *others[: options.others]]
    target = load_target(options.model, device="cpu")
    assert isinstance(target, DenoiserTarget)
    rows = [(track, window) for track in tracks for window in range(options.windows)]
    numbers = {f"loss, {LEVEL:g} T": (LEVEL,)} | ({} if options.one_level else {"loss, .05 to .2 T": LOW})
    found: list[Values] = []
    passes: dict[str, int] = {}
    for start in range(0, len(rows), options.batch):
        part = rows[start : start + options.batch]
        waves = np.stack([cut(options.data / track["path"], window, target) for track, window in part])
        prompts = [track["prompt"] for track, _ in part]
        keys = [f"{track['path']}/{window}" for track, window in part]
        values, passes = asked(target, waves, prompts, keys, numbers, options.counts)
        found.append(values)
    of_tracks = {
        name: np.concatenate([each[name] for each in found]).reshape(len(tracks), options.windows).mean(axis=1)
        for name in found[0]
    }
    member = np.array([track["role"] == "member" for track in tracks])
    print(f"{member.sum()} members, {(~member).sum()} others, {options.windows} windows per track.\n")
    print("| number | noises | passes per window | drawn | AUC | difference to each its own |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, values in of_tracks.items():
        number, count, way = name.split("|")
        base = of_tracks.get(f"{number}|{count}|{BASE}")
        beside = "" if way == BASE or base is None else difference(values, base, member)
        print(f"| {number} | {count} | {passes[name]} | {way} | {auc(values, member)} | {beside} |")


def cut(path: Path, window: int, target: DenoiserTarget) -> NDArray[np.float32]:
    """A window at any offset, at the file's rate, which must be the target's."""
    wave, rate = soundfile.read(path, dtype="float32")
    assert rate == target.sample_rate
    assert target.max_seconds
    samples = round(target.max_seconds * rate)
    starts = np.random.default_rng(len(wave)).integers(len(wave) - samples + 1, size=window + 1)
    return np.asarray(wave[starts[window] : starts[window] + samples])


def asked(
    target: DenoiserTarget,
    waves: NDArray[np.float32],
    prompts: Sequence[str],
    keys: Sequence[str],
    numbers: Mapping[str, Sequence[float]],
    counts: Sequence[int],
) -> tuple[Values, dict[str, int]]:
    """All numbers of a batch of windows, ``number|noises|way`` → [windows], and the passes of each; lower: member."""
    latents, schedule = target.encode(waves), Schedule(target.alphas_cumprod.double().numpy())

    def oracle() -> Mirrored:
        return Mirrored(
            latents=latents, schedule=schedule, keys=keys, seed=0,
            predict=lambda noisy, times, which: target.predict_noise(noisy, times, [prompts[i] for i in which]),
        )  # fmt: skip

    drawn = oracle()
    values: Values = {}
    passes: dict[str, int] = {}
    for name, signal in UNDRAWN.items():
        alone = oracle()
        values[f"{name}|–|none"] = signal.measure(alone)[:, 0]
        passes[f"{name}|–|none"] = int(alone.forward_passes[0])
    for number, levels in numbers.items():
        for count in counts:
            ways = {BASE: (False, range(count)), "one for all": (True, range(count))}
            if count % 2 == 0:
                pairs = [draw for k in range(count // 2) for draw in (k, -k - 1)]
                ways |= {"each its own, in pairs": (False, pairs), "one for all, in pairs": (True, pairs)}
            for way, (common, draws) in ways.items():
                losses = [
                    np.mean([drawn.loss(Pair(level, k, common=common)) for k in draws], axis=0) for level in levels
                ]
                name = f"{number}|{count}|{way}"
                values[name], passes[name] = np.log(losses).mean(axis=0), len(levels) * count
    return values, passes


def auc(values: NDArray[np.float64], member: NDArray[np.bool_]) -> str:
    """The chance that a member's number is the lower one, with its interval."""
    found = auc_delong(-values[member], -values[~member])
    return f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]"


def difference(values: NDArray[np.float64], base: NDArray[np.float64], member: NDArray[np.bool_]) -> str:
    """AUC less AUC of ``base``, with the 95 % interval of 1000 draws of tracks with replacement."""

    def less(inside: NDArray[np.int64], outside: NDArray[np.int64]) -> float:
        first, second = (auc_delong(-each[inside], -each[outside]).estimate for each in (values, base))
        return first - second

    rng = np.random.default_rng(0)
    sides = [np.flatnonzero(side) for side in (member, ~member)]
    low, high = np.percentile(
        [less(*(rng.choice(side, len(side)) for side in sides)) for _ in range(1000)], [2.5, 97.5]
    )
    return f"{less(sides[0], sides[1]):+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    main()

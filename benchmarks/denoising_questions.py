"""Which single number of a denoiser tells most, how it should be pooled, and what each pass buys.

Asks a shipped diffusion or flow target about windows at any offset of all tunes on its card, and prints Markdown:

* AUC by signal and level, one number a track (the mean over its windows), with 95 % intervals (DeLong, by group);
* the loss pooled over levels, by how many noises are drawn and how: each window its own, all windows the same
  (common random numbers), and pairs of a noise and its negative (antithetic), at equal numbers of passes.

    python benchmarks/denoising_questions.py hum --windows 2 > hum.md
"""

import argparse
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from earwitness.ground_truth.fiddle.tunes import read_tunes
from earwitness.ground_truth.registry import collection, shipped
from earwitness.settings import DEFAULT_SECONDS
from earwitness.signals.denoising.oracle import Oracle, Pair
from earwitness.signals.denoising.pia import Pia
from earwitness.signals.denoising.schedule import Schedule
from earwitness.signals.denoising.secmi import SecMi
from earwitness.signals.denoising.sima import SimA
from earwitness.signals.denoising.velocity import VelocityError
from earwitness.stats.roc import auc_delong
from earwitness.targets import load_target
from earwitness.targets.protocols import DenoiserTarget, Flows

LEVELS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
RANGES = {"low": LEVELS[1:4], "middle": LEVELS[3:7], "low and middle": LEVELS[1:7], "all": LEVELS}
DRAWS = 4
Values = Mapping[str, NDArray[np.float64]]


class Mirrored(Oracle):
    """Draw −k − 1 is the negative of draw k."""

    def noise(self, draw: int, *, common: bool = False) -> Tensor:
        """ε [B, …]."""
        return -super().noise(-draw - 1, common=common) if draw < 0 else super().noise(draw, common=common)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="a diffusion or flow target that `earwitness reference list` names")
    parser.add_argument("--windows", type=int, default=2, help="of a track, at any offset")
    parser.add_argument("--others", type=int, default=150, help="tracks that it was not trained on, at most")
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(1)
    card = shipped(options.target).read()
    listed = [tune for tune in card.tunes if tune.member]
    listed += [tune for tune in card.tunes if not tune.member][: options.others]
    tunes = {tune.name: tune for tune in read_tunes({tune.name for tune in listed})}
    play = collection(options.target).render  # type: ignore[attr-defined]
    target = load_target(str(shipped(options.target).model), device="cpu")
    assert isinstance(target, DenoiserTarget)
    schedule = Schedule(target.alphas_cumprod.double().numpy(), target.drawn_at if isinstance(target, Flows) else None)
    rows = [(tune, window) for tune in listed for window in range(options.windows)]
    found: list[Values] = []
    for start in range(0, len(rows), options.batch):
        part = rows[start : start + options.batch]
        waves = np.stack([cut(play(tunes[tune.name]), window, target) for tune, window in part])
        captions = [tunes[tune.name].caption for tune, _ in part]
        found.append(asked(target, schedule, waves, captions, [f"{tune.name}/{window}" for tune, window in part]))
    member = np.array([tune.member for tune in listed])
    groups = np.array([tune.group for tune in listed])
    tracks = {
        name: np.concatenate([each[name] for each in found]).reshape(len(listed), options.windows).mean(axis=1)
        for name in found[0]
    }
    print(f"`{card.name}`, {member.sum()} members, {(~member).sum()} others, {options.windows} windows a track.\n")
    print_table("signal", tracks, member, groups, lambda name: not name.startswith("pool"))
    print_table("pooled loss", tracks, member, groups, lambda name: name.startswith("pool"))


def cut(wave: NDArray[np.float32], window: int, target: DenoiserTarget) -> NDArray[np.float32]:
    """A window at any offset, at the target's rate and of its number of channels."""
    seconds = min(DEFAULT_SECONDS, target.max_seconds or DEFAULT_SECONDS)
    samples = round(seconds * 16_000)
    starts = np.random.default_rng(len(wave)).integers(len(wave) - samples + 1, size=window + 1)
    clip = soxr.resample(wave[starts[window] : starts[window] + samples], 16_000, target.sample_rate, quality="HQ")
    return np.asarray(clip if target.channels == 1 else np.stack([clip] * target.channels), dtype=np.float32)


def asked(
    target: DenoiserTarget,
    schedule: Schedule,
    waves: NDArray[np.float32],
    captions: Sequence[str],
    keys: Sequence[str],
) -> dict[str, NDArray[np.float64]]:
    """All numbers of a batch of windows, name → [windows]; higher: less like a member."""
    latents = target.encode(waves)

    def oracle(names: Sequence[str]) -> Mirrored:
        return Mirrored(
            latents=latents, schedule=schedule, keys=names, seed=0,
            predict=lambda noisy, times, which: target.predict_noise(noisy, times, [captions[i] for i in which]),
        )  # fmt: skip

    own, common = oracle(keys), oracle(["common"] * len(keys))
    values: dict[str, NDArray[np.float64]] = {}
    for level in LEVELS:
        values[f"loss, level {level:g}"] = np.mean([own.loss(Pair(level, k)) for k in range(2)], axis=0)
    for level in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3):
        values[f"SimA, level {level:g}"] = SimA(level=level).measure(own)[:, 0]
    for level in (0.05, 0.1, 0.2, 0.3, 0.5):
        values[f"PIA, level {level:g}"] = Pia(level=level).measure(own)[:, 0]
    values["PIAN, level 0.2"] = Pia(normalised=True).measure(own)[:, 0]
    values["SecMI, level 0.1"] = SecMi().measure(own)[:, 0]
    values["velocity error"], values["velocity error, calibrated"] = VelocityError().measure(own).T
    for name, levels in RANGES.items():
        for count in (1, 2, DRAWS):
            ways = {"own": (own, range(count)), "common": (common, range(count))}
            if count > 1:
                pairs = [draw for k in range(count // 2) for draw in (k, -k - 1)]
                ways |= {"antithetic": (own, pairs), "common antithetic": (common, pairs)}
            for way, (of, draws) in ways.items():
                losses = [[of.loss(Pair(level, k)) for k in draws] for level in levels]
                logs = np.log(np.mean(np.square(losses), axis=1)).mean(axis=0)
                values[f"pool {name}: {len(levels) * count} passes, {count} noises, {way}"] = logs
    return values


def print_table(
    title: str, values: Values, member: NDArray[np.bool_], groups: NDArray[np.str_], wanted: Callable[[str], bool]
) -> None:
    print(f"| {title} | AUC |\n| --- | --- |")
    for name, each in values.items():
        if wanted(name):
            auc = auc_delong(
                -each[member], -each[~member], positive_groups=groups[member], negative_groups=groups[~member]
            )
            print(f"| {name.removeprefix('pool ')} | {auc.estimate:.3f} [{auc.low:.3f}, {auc.high:.3f}] |")
    print()


if __name__ == "__main__":
    main()

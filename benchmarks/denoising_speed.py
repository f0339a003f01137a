"""The presets of a diffusion model against its attacks run one after the other, in turn, as a ratio.

One by one, as published: every attack encodes the audio anew and asks one level or one noise a
call. Together: one encoding, every question once, levels, noises and windows in shared calls.
Both ways measure the same windows.

    python benchmarks/denoising_speed.py [--target DIR] [--windows 8] [--rounds 3]
"""

import argparse
import statistics
import time

import numpy as np

from earwitness.ground_truth.registry import shipped
from earwitness.measure.denoising import DenoisingInstrument
from earwitness.measure.passes.batch import Window
from earwitness.signals.denoising.gradient_masking import GradientMasking
from earwitness.signals.denoising.losses import DenoisingLoss, MultipleLoss
from earwitness.signals.denoising.presets import DenoisingPreset, denoising_preset
from earwitness.signals.denoising.signal import DenoisingSignal
from earwitness.targets import load_target
from earwitness.targets.protocols import DenoiserTarget


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default=str(shipped("hum").model))
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    target = load_target(options.target, device="cpu")
    assert isinstance(target, DenoiserTarget)
    windows = _windows(target, options.windows)
    for name in ("cdi", "cdi-gray"):
        preset = denoising_preset(name)
        alone = [DenoisingPreset(name=part.specs[0].name, signals=(part,)) for part in _one_by_one(preset)]
        ratios, seconds = [], []
        for turn in range(options.rounds + 1):  # the first round warms up
            began = time.perf_counter()
            together = DenoisingInstrument(target=target, preset=preset, seed=0).measure(windows)
            between = time.perf_counter()
            for part in alone:
                DenoisingInstrument(target=target, preset=part, seed=0).measure(windows)
            if turn:
                seconds.append(between - began)
                ratios.append((time.perf_counter() - between) / (between - began))
        assert len(together) == len(windows)
        ratio = f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"
        print(f"{name}: {statistics.median(seconds) / len(windows):.2f} s a window together")
        print(f"  one by one ÷ together {ratio}; {len(alone)} encodings instead of one")


def _one_by_one(preset: DenoisingPreset) -> list[DenoisingSignal]:
    """The preset's signals, those of several levels or noises once for each."""
    parts: list[DenoisingSignal] = []
    for signal in preset.signals:
        if isinstance(signal, MultipleLoss | GradientMasking):
            parts += [type(signal)(levels=(level,)) for level in signal.levels]
        elif isinstance(signal, DenoisingLoss):
            parts += [DenoisingLoss(levels=signal.levels, draws=1) for _ in range(signal.draws)]
        else:
            parts.append(signal)
    return parts


def _windows(target: DenoiserTarget, count: int) -> list[Window]:
    seconds = min(target.max_seconds or 5.0, 10.0)
    samples = round(seconds * target.sample_rate) // target.hop_length * target.hop_length
    shape = (samples,) if target.channels == 1 else (target.channels, samples)
    rng = np.random.default_rng(0)
    return [
        Window(content=rng.normal(scale=0.1, size=shape).astype(np.float32), prompt="a slow reel", key=str(i))
        for i in range(count)
    ]


if __name__ == "__main__":
    main()

"""Peak memory of measuring windows chunk by chunk, against holding all logits of a batch.

A MusicGen of the released vocabulary (4 codebooks of 2048 codes, 50 frames per second) with a small
decoder, so that the logits and not the weights are what counts. Each way runs in a process of its
own; what is printed is how much the process grew beyond what it had after loading and encoding.

    python benchmarks/peak_memory.py [--seconds 30] [--batch-size 8]
"""

import argparse
import resource
import subprocess
import sys
from dataclasses import replace

import numpy as np
import torch
from transformers import EncodecConfig, EncodecModel

from earwitness.measure.passes.batch import Window, encode, logits_of
from earwitness.measure.tokens import TokenInstrument, target_passes
from earwitness.signals import token_features
from earwitness.signals.tokens.presets import token_preset
from earwitness.targets.musicgen import Musicgen
from earwitness.targets.protocols import TargetIdentity
from earwitness_bench.recipes.musicgen import caption_tokenizer, small_musicgen

WAYS = ("chunks", "full logits")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--way", choices=WAYS, help="run one way in this process and print MiB")
    options = parser.parse_args()
    if options.way:
        print(grown(options.way, options.seconds, options.batch_size))
        return
    logits = 2 * options.batch_size * 4 * round(50 * options.seconds) * 2048 * 4 / 2**20
    print(f"{options.batch_size} windows of {options.seconds:g} s, both passes: {logits:.0f} MiB of logits in float32")
    for way in WAYS:
        arguments = ["--way", way, "--seconds", str(options.seconds), "--batch-size", str(options.batch_size)]
        done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
        print(f"{way}: {done.stdout.strip()} MiB")


def grown(way: str, seconds: float, batch_size: int) -> int:
    """MiB by which this process grows while it measures a batch."""
    target = _target(seconds)
    rng = np.random.default_rng(0)
    waves = rng.normal(scale=0.1, size=(batch_size, round(seconds * target.sample_rate))).astype(np.float32)
    windows = [Window(content=wave, prompt="a reel", key=str(i)) for i, wave in enumerate(waves)]
    with torch.inference_mode():
        batch = encode(target, windows)
        for chunk in logits_of(target, replace(batch, codes=batch.codes[:, :, :50]), null=True):
            del chunk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if way == "chunks":
        preset = token_preset("default")
        TokenInstrument(target=target, preset=preset, guided=True, further=target_passes(0)).measure(windows)
    else:
        with torch.inference_mode():
            chunks = list(logits_of(target, batch, null=True))
            condition = torch.cat([chunk.condition for chunk in chunks], dim=2)
            null = torch.cat([chunk.null for chunk in chunks if chunk.null is not None], dim=2)
            del chunks
        for i in range(batch_size):
            token_features(condition[i], batch.codes[i], null_logits=null[i], preset="default")
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10


def _target(seconds: float) -> Musicgen:
    codec = EncodecModel(
        EncodecConfig(
            sampling_rate=16_000,
            target_bandwidths=[2.2],
            num_filters=2,
            hidden_size=4,
            codebook_size=2048,
            num_lstm_layers=1,
            upsampling_ratios=[8, 5, 4, 2],
            use_causal_conv=False,
        )
    ).eval()
    tokenizer = caption_tokenizer(["a reel"])
    model = small_musicgen(codec, len(tokenizer), max_frames=round(50 * seconds), seed=0, width=48, layers=2).eval()
    identity = TargetIdentity(family="musicgen", name="random", weights_sha256="0" * 64, dtype="float32")
    return Musicgen(model, tokenizer, identity)


if __name__ == "__main__":
    main()

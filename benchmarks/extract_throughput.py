"""Extraction against the bare forward passes on the same windows, in turn, as a ratio.

The floor is what nobody can avoid: encode as often and run the model's own forward pass, with all
logits, as often as the preset does. The default preset asks about a window and about its noisy
neighbour, which is other audio: two encodings and two passes. Against the floor stand (a) measuring
the features of windows in memory and (b) the whole of ``extract``: reading and decoding files,
cutting, measuring, writing.

    python benchmarks/extract_throughput.py [--tracks 32] [--rounds 5] [--batch-size 8]
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from earwitness.collection.index import index
from earwitness.collection.tracks import Track
from earwitness.ground_truth.fiddle.tunes import read_tunes, write_audio
from earwitness.ground_truth.performance import SAMPLE_RATE
from earwitness.ground_truth.registry import shipped
from earwitness.identity import TargetIdentity
from earwitness.measure.extract import extract
from earwitness.measure.passes.batch import Window
from earwitness.measure.plan import AudioPlan, Plan, WindowPlan
from earwitness.measure.tokens import TokenInstrument, target_passes
from earwitness.measure.windows import AudioReader
from earwitness.signals.tokens.presets import token_preset
from earwitness.targets import load_target
from earwitness.targets.musicgen import Musicgen

SECONDS, PER_TRACK = 5.0, 3
# Preset, with contrasts, encodings and forward passes of the floor.
FLOORS = (("default", False, 2, 2), ("default", False, 1, 2), ("default", True, 2, 3), ("iar", True, 1, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=8)
    options = parser.parse_args()
    target = load_target(str(shipped("fiddle").model), device="cpu")
    assert isinstance(target, Musicgen)
    with tempfile.TemporaryDirectory() as folder:
        sources = _render(Path(folder), options.tracks)
        windows = _windows(sources)
        prompts = [track.prompt for track, _ in sources for _ in range(PER_TRACK)]
        print(f"{len(windows)} windows of {SECONDS:g} s, batches of {options.batch_size}, torch threads: ", end="")
        print(torch.get_num_threads())
        for preset, guided, encodings, passes in FLOORS:
            instrument = TokenInstrument(
                target=target, preset=token_preset(preset), guided=guided, further=target_passes(0)
            )
            jobs: dict[str, Callable[[Path], object]] = {
                "bare": partial(_bare, target, windows, prompts, options.batch_size, encodings, passes),
                "measure": partial(_measure, instrument, windows, prompts, options.batch_size),
                "extract": partial(_extract, sources, instrument, options.batch_size),
            }
            times: dict[str, list[float]] = {name: [] for name in jobs}
            for turn in range(options.rounds + 1):  # the first round warms up
                for name, job in jobs.items():
                    began = time.perf_counter()
                    job(Path(folder) / f"{preset}-{guided}-{encodings}-{turn}")
                    if turn:
                        times[name].append(time.perf_counter() - began)
            floor = f"{encodings} encodings and {passes} passes {statistics.median(times['bare']):.2f} s"
            print(f"{preset}{', guided' if guided else ''}: {floor}", end="")
            for name in ("measure", "extract"):
                ratios = [own / bare for own, bare in zip(times[name], times["bare"], strict=True)]
                print(f"; {name} ÷ bare {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]", end="")
            print()
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _bare(
    target: Musicgen, windows: np.ndarray, prompts: list[str], size: int, encodings: int, passes: int, _: Path
) -> None:
    """Encode so often, then so many of transformers' own forward passes with all logits."""
    model, tokenizer = target._model, target._tokenizer
    with torch.inference_mode():
        for start in range(0, len(windows), size):
            for _ in range(encodings):
                codes = target.encode(windows[start : start + size])
            batch, codebooks, frames = codes.shape
            text = tokenizer(prompts[start : start + size], padding=True, return_tensors="pt")
            columns = codes.new_full((batch, codebooks, frames + codebooks - 1), model.config.decoder.pad_token_id)
            for k in range(codebooks):
                end = min(k + 1 + frames, columns.shape[2])
                columns[:, k, k + 1 : end] = codes[:, k, : end - k - 1]
            for _ in range(passes):
                model(
                    input_ids=text.input_ids, attention_mask=text.attention_mask,
                    decoder_input_ids=columns.reshape(batch * codebooks, -1), use_cache=False,
                )  # fmt: skip


def _extract(sources: list[tuple[Track, Path]], instrument: TokenInstrument, size: int, run: Path) -> None:
    reader = AudioReader(sample_rate=SAMPLE_RATE, seconds=SECONDS, per_track=PER_TRACK, seed=0)
    extract(sources, reader, instrument, _plan(instrument), run, batch_size=size)


def _measure(instrument: TokenInstrument, windows: np.ndarray, prompts: list[str], size: int, _: Path) -> None:
    asked = [
        Window(content=wave, prompt=prompt, key=str(i))
        for i, (wave, prompt) in enumerate(zip(windows, prompts, strict=True))
    ]
    for start in range(0, len(windows), size):
        instrument.measure(asked[start : start + size])


def _render(folder: Path, tracks: int) -> list[tuple[Track, Path]]:
    tunes = {tune.name: tune for tune in read_tunes([tune.name for tune in shipped("fiddle").read().tunes[:tracks]])}
    for number, (name, tune) in enumerate(tunes.items()):
        write_audio(tune, folder / ("suspect", "held_out")[number % 2] / f"{name}.flac")
    gathered = index(folder / "suspect", folder / "held_out")
    return [(replace(track, prompt=tunes[path.stem].caption), path) for track, path in gathered.located()]


def _windows(located: list[tuple[Track, Path]]) -> np.ndarray:
    reader = AudioReader(sample_rate=SAMPLE_RATE, seconds=SECONDS, per_track=PER_TRACK, seed=0)
    found = [reader.read(path, content_sha256=track.content_sha256) for track, path in located]
    return np.stack([window.content for windows in found for window in windows])


def _plan(instrument: TokenInstrument) -> Plan:
    identity = instrument.target.identity
    return Plan(
        target=TargetIdentity(family=identity.family, weights_sha256=identity.weights_sha256, dtype=identity.dtype),
        preset=instrument.preset.name, guided=instrument.guided, signals=(), seed=0,
        windows=WindowPlan(seconds=SECONDS, per_track=PER_TRACK), audio=AudioPlan(sample_rate=SAMPLE_RATE),
    )  # fmt: skip


if __name__ == "__main__":
    main()

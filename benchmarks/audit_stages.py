"""A whole audit, stage by stage: index, extract, test and report as commands, in processor seconds.

The target has MusicGen's shape, five million parameters in its decoder and random weights; tracks are a minute of
plucked notes at 44.1 kHz, of which windows of ten seconds are asked about. With ``--beside SRC`` the same
audit is made in turn by another state of the code (the ``src`` folder of a second checkout) and the ratio printed.

    python benchmarks/audit_stages.py [--tracks 160] [--windows 3] [--rounds 1] [--beside OTHER/src]
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from sounds import write_collection
from transformers import EncodecConfig, EncodecModel

from earwitness_bench.recipes.codec import fit_codebooks
from earwitness_bench.recipes.musicgen import caption_tokenizer, small_musicgen

STAGES = ("index", "extract", "test", "report")
SECONDS = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=160, help="in both sets together")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--beside", type=Path, help="the src folder of another checkout")
    options = parser.parse_args()
    here = Path(__file__).parents[1] / "src"
    sources = {"here": here} | ({"beside": options.beside} if options.beside else {})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_collection(folder, tracks=options.tracks // 2)
        target = save_target(folder / "target")
        taken: dict[str, list[dict[str, float]]] = {source: [] for source in sources}
        for turn in range(options.rounds):
            for source, path in sources.items():
                run = folder / f"{source}-{turn}"
                taken[source].append(audit(folder, run, target, options.windows, path))
    print("| stage | processor seconds | ÷ beside |\n| --- | --- | --- |")
    for stage in (*STAGES, "all"):
        seconds = {source: [_seconds(one, stage) for one in turns] for source, turns in taken.items()}
        ratios = [own / other for own, other in zip(seconds["here"], seconds.get("beside", []), strict=False)]
        ratio = f"{statistics.median(ratios):.2f}" if ratios else ""
        print(f"| {stage} | {statistics.median(seconds['here']):.1f} | {ratio} |")


def _seconds(stages: dict[str, float], stage: str) -> float:
    return sum(stages.values()) if stage == "all" else stages[stage]


def audit(folder: Path, run: Path, target: Path, windows: int, source: Path) -> dict[str, float]:
    """Processor seconds of each stage, its start included."""
    asked = ["--target", str(target), "--seconds", str(SECONDS), "--windows-per-track", str(windows), "--device", "cpu"]
    commands = {
        "index": [str(run), "--manifest", str(folder / "manifest.csv")],
        "extract": [str(run), *asked],
        "test": [str(run)],
        "report": [str(run)],
    }
    taken = {}
    for stage in STAGES:
        before = _children()
        words = ["earwitness", stage, *commands[stage]]
        call = f"import sys; from earwitness.cli import main; sys.argv = {words!r}; main()"
        environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", call], env=environment, check=True, stdout=subprocess.DEVNULL)
        taken[stage] = _children() - before
    return taken


def save_target(folder: Path, *, width: int = 192, layers: int = 6) -> Path:
    """A MusicGen directory: four codebooks of 1024 codes at 50 frames per second, audio of 16 kHz, random weights."""
    torch.manual_seed(0)
    codec = EncodecModel(
        EncodecConfig(
            sampling_rate=16_000, target_bandwidths=[2.0], num_filters=8, hidden_size=32, codebook_size=1024,
            num_lstm_layers=1, upsampling_ratios=[8, 5, 4, 2], use_causal_conv=False,
        )
    ).eval()  # fmt: skip
    noise = np.random.default_rng(0).normal(scale=0.3, size=(8, 64_000)).astype(np.float32)
    fit_codebooks(codec, list(noise), seed=0)
    tokenizer = caption_tokenizer(["a reel"])
    frames = round(50 * SECONDS)
    model = small_musicgen(codec, len(tokenizer), max_frames=frames, seed=0, width=width, layers=layers)
    with torch.no_grad():  # with the usual small weights everything is predicted alike
        for part in (model.decoder, model.enc_to_dec_proj):
            for parameter in part.parameters():
                parameter.normal_(std=0.1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

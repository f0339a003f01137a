"""Whether bfloat16, or another kernel of attention, changes what an audit of ``fiddle`` says; and what they cost here.

The same tracks, a sample of the shipped collection, are measured in float32, in bfloat16 and with attention
written out. Printed are, of each way against float32 with PyTorch's scaled dot product: the least correlation of a
feature over windows, the largest difference in standard deviations, p-values, and the ratio of processor seconds.

    python benchmarks/precision.py [--tracks 30] [--windows 3] [--seeds 0 1 2]
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from earwitness import FeatureTable, dataset_inference, pipeline
from earwitness.ground_truth.data import write_data
from earwitness.ground_truth.registry import shipped
from earwitness.settings import MeasureSettings

KEYS = ("track_id", "window")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=30, help="tracks a side")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2], help="of the test")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = sample(folder / "audio", options.tracks)
        found: dict[str, tuple[Path, float]] = {}
        for way, (dtype, attention) in WAYS.items():
            found[way] = measured(folder / way, manifest, options.windows, dtype, attention)
        print(
            "| way | least correlation | largest difference, SD | p-values | ÷ float32, sdpa |\n" + "| --- " * 5 + "|"
        )
        for way, (run, seconds) in found.items():
            least, most = apart(run, found["float32, sdpa"][0])
            table = FeatureTable.read(run)
            p = [dataset_inference(table, seed=seed, effect_runs=0, a_a_runs=0).p_value for seed in options.seeds]
            ratio = seconds / found["float32, sdpa"][1]
            print(f"| {way} | {least:.6f} | {most:.3g} | {', '.join(f'{one:.4f}' for one in p)} | {ratio:.2f} |")


WAYS = {
    "float32, sdpa": ("float32", None),
    "float32, attention written out": ("float32", "eager"),
    "bfloat16, sdpa": ("bfloat16", None),
}


def sample(folder: Path, tracks: int) -> Path:
    """A manifest of so many tunes of each side of the card, drawn with seed 0."""
    tunes = shipped("fiddle").read().tunes
    rng = np.random.default_rng(0)
    sides = [[tune for tune in tunes if tune.member is side] for side in (True, False)]
    chosen = [side[i] for side in sides for i in rng.permutation(len(side))[:tracks]]
    return write_data("fiddle", folder, tunes=chosen, on_progress=lambda done, total: None).manifest


def measured(run: Path, manifest: Path, windows: int, dtype: str, attention: str | None) -> tuple[Path, float]:
    """The run folder, and the processor seconds of its extraction."""
    pipeline.index_stage(run, manifest=manifest)
    settings = MeasureSettings(
        target=str(shipped("fiddle").model), windows_per_track=windows, device="cpu", dtype=dtype, contrast="off"
    )
    target: Any = pipeline.open_target(settings)
    if attention is not None:
        target._model.set_attn_implementation(attention)
    began = time.process_time()
    pipeline.extract_stage(run, settings, target=target)
    return run, time.process_time() - began


def apart(run: Path, reference: Path) -> tuple[float, float]:
    """The least correlation of a feature of the target over windows, and the largest difference in SD of a feature."""
    own, other = (
        pl.concat([pl.read_parquet(part) for part in sorted((one / "features").glob("*.parquet"))]).sort(KEYS)
        for one in (run, reference)
    )
    names = [name for name in own.columns if name not in KEYS and not name.startswith("blind/")]
    pairs = [(own[name].to_numpy(), other[name].to_numpy()) for name in names]
    correlations = [float(np.corrcoef(a, b)[0, 1]) for a, b in pairs]
    return min(correlations), max(float(np.abs(a - b).max() / b.std()) for a, b in pairs)


if __name__ == "__main__":
    main()

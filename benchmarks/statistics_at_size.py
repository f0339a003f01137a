"""Time, memory and size of page of a whole verdict on a simulated table of many tracks.

Usage: ``python benchmarks/statistics_at_size.py [--tracks 10000] [--features 100] [--blind 20] [--group 1]``.

A table of two sets of equal size is simulated, with a small effect in a tenth of the features, written as parquet, and
then audited as ``earwitness test`` does it: 9,999 relabellings, companion, blind gate, 200 control runs, detectable
effect. Processor seconds count all threads; so set ``OMP_NUM_THREADS=1`` where other work shares the machine. The page
is that of ``earwitness report``.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from earwitness import FeatureTable, dataset_inference
from earwitness.report.context import ReportContext
from earwitness.report.html import render_html


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--blind", type=int, default=20)
    parser.add_argument("--group", type=int, default=1, help="tracks in a group")
    parser.add_argument("--permutations", type=int, default=9999)
    parser.add_argument("--effect", type=float, default=0.1, help="in standard deviations, in a tenth of the features")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.parquet"
        simulated(options.tracks, options.features, options.blind, options.group, options.effect).write(path)
        print(f"{options.tracks} tracks × {options.features} + {options.blind} features, {_size(path)} of parquet")
        start = time.process_time()
        table = FeatureTable.read(path)
        read = time.process_time()
        result = dataset_inference(table, permutations=options.permutations)
        tested = time.process_time()
        page = render_html(result, ReportContext())
        rendered = time.process_time()
    print(f"{result!r}")
    print(f"smallest effect to be found: {result.power}; gate: {result.blind.state if result.blind else None}")
    print(f"read {read - start:.1f} s, test {tested - read:.1f} s, page {rendered - tested:.1f} s of processor")
    print(f"test: {(tested - read) / options.tracks * 10_000:.1f} s of processor for 10,000 tracks")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    print(f"page {len(page.encode()) / 1e6:.2f} MB; result.json {len(result.model_dump_json()) / 1e6:.2f} MB")


def simulated(tracks: int, features: int, blind: int, group: int, effect: float) -> FeatureTable:
    """Return two sets of equal size whose features share causes, one of them blind, and groups a part of each."""
    rng = np.random.default_rng(0)
    suspect = np.arange(tracks) < tracks // 2
    groups = np.arange(tracks) // group
    described = rng.standard_normal((tracks, blind))
    values = rng.standard_normal((tracks, features)) + 0.7 * rng.standard_normal((tracks, 1))
    values += 0.4 * rng.standard_normal((int(groups.max()) + 1, 1))[groups]
    if blind:
        values += 0.2 * described[:, :1]
    values[:, : max(features // 10, 1)] += effect * suspect[:, None]
    frame = pl.DataFrame(
        {
            "track_id": [f"track-{i:06d}" for i in range(tracks)],
            "role": np.where(suspect, "suspect", "held_out").tolist(),
            "group": [f"{'s' if side else 'h'}{number}" for side, number in zip(suspect, groups, strict=True)],
        }
    ).hstack(
        [pl.Series(f"score_{i}", values[:, i]) for i in range(features)]
        + [pl.Series(f"blind/property_{i}", described[:, i]) for i in range(blind)]
    )
    return FeatureTable.from_frame(frame, higher=["score_*"])


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


if __name__ == "__main__":
    main()

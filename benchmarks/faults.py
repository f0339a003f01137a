"""Every stage of an audit broken at random points, and by full disks, damaged files and the like; then run again.

Usage: ``python benchmarks/faults.py [--kills 40] [--seed 0] [--only NAME]``.

A tiny model of random weights is asked about twenty tracks of noise, stage by stage. One run is left alone. Then each
stage is started on a copy of what the stage before left behind and killed until so many processes died of it: every
other time at a random call that touches the file system, else after a random share of the processor time that the stage
needs. The same command is then given again, and must leave what the unbroken run left, byte for byte (of the files that
hold times, machines and the number of tests: that their hashes and the log hold together). "struck" counts processes
that died or were refused, "wrong" what neither was as in the unbroken run nor one clear line.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # a library's threads do not live on in a fork

from fault_cases import FAULTS
from fault_stages import STAGES, Bench


def kills(bench: Bench, stage: str, times: int, rng: random.Random, by: signal.Signals) -> tuple[int, int, list[str]]:
    """Kill a stage and run it again until so many died; return tries, deaths, and what went wrong."""
    tries, killed, wrong = 0, 0, []
    calls, seconds = bench.needs[stage]
    while killed < times and tries < 4 * times:
        tries += 1
        run = bench.fresh(stage)
        if tries % 2:
            end = bench.run(stage, run, kill_at=rng.randint(1, calls), by=by)
        else:
            end = bench.run(stage, run, kill_after=rng.uniform(0.001, seconds), by=by)
        died = end.code in (-signal.SIGKILL, -signal.SIGPROF, 128 + signal.SIGTERM)
        killed += died
        again = bench.run(stage, run)
        if not died and not end.well:
            wrong.append(f"{by.name} {stage}, try {tries}: {end}")
        elif not again.well:
            wrong.append(f"{by.name} {stage}, try {tries}: again {again}")
        elif differs := bench.differs(stage, run):
            wrong.append(f"{by.name} {stage}, try {tries}: {differs}")
    return tries, killed, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40, help="of each stage; a quarter as many by SIGTERM")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of a fault's name")
    options = parser.parse_args()
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        bench.prepare()
        for stage, (calls, seconds) in bench.needs.items():
            print(f"{stage}: {calls} calls that touch the file system, {seconds:.2f} s of processor", file=sys.stderr)
        print(f"{'fault':<44}{'times':>6}{'struck':>8}{'wrong':>7}", flush=True)

        def show(name: str, times: int, struck: int, wrong: list[str], began: float) -> None:
            bad.extend(f"{name}: {one}" for one in wrong)
            print(f"{name:<44}{times:>6}{struck:>8}{len(wrong):>7}", flush=True)
            print(*wrong, f"{time.perf_counter() - began:.0f} s", sep="\n", file=sys.stderr, flush=True)

        for by, wanted in ((signal.SIGKILL, options.kills), (signal.SIGTERM, -(-options.kills // 4))):
            for stage in STAGES:
                name, began = f"{by.name} in {stage}", time.perf_counter()
                if options.only in name:
                    show(name, *kills(bench, stage, wanted, random.Random(f"{options.seed}/{name}"), by), began)
        for name, fault in FAULTS.items():
            if options.only in name:
                began = time.perf_counter()
                show(name, *fault(bench, random.Random(f"{options.seed}/{name}")), began)
    print(*bad, sep="\n")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()

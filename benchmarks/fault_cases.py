"""Faults other than kills; each returns how often it was tried, how often it struck, and what went wrong.

After a fault either one clear line was said, and the same command does the rest once the cause is gone; or the outcome
is that of the unbroken run.
"""

import os
import random
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fault_stages import STAGES, Bench, End, mounted

Found = tuple[int, int, list[str]]
_ROOM = (0, 4096, 8192, 16_384, 40_960)
"""Bytes left on a full disk."""


def _judged(bench: Bench, stage: str, run: Path, end: End, *needed: str) -> list[str]:
    """What is wrong with the end of a stage under a fault, and with the same command once the fault is gone."""
    wrong = [] if end.well or end.in_one_line(*needed) else [f"{stage}: {end}"]
    if end.well:  # given again, a test would be one more test
        return [f"{stage}: {one}" for one in [bench.differs(stage, run)] if one]
    again = bench.run(stage, run)
    if not again.well:
        return [*wrong, f"{stage}, again: {again}"]
    return [*wrong, *(f"{stage}, again: {one}" for one in [bench.differs(stage, run)] if one)]


def full_disk(bench: Bench, rng: random.Random) -> Found:
    """A small disk has from none to ten pages left; then there is room again."""
    times, struck, wrong = 0, 0, []
    with mounted(bench.folder / "disk", 16) as disk:
        if disk is None:
            return 0, 0, ["no disk can be mounted here"]
        for stage in STAGES:
            for room in _ROOM:
                run = bench.fresh(stage, disk)
                free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
                (disk / "filler").write_bytes(bytes(free - room))
                end = bench.run(stage, run)
                (disk / "filler").unlink()
                times, struck = times + 1, struck + (not end.well)
                wrong += _judged(bench, stage, run, end, "the disk is full", "run the same again")
    return times, struck, wrong


def read_only(bench: Bench, rng: random.Random) -> Found:
    """The disk is mounted read-only."""
    struck, wrong = 0, []
    with mounted(bench.folder / "disk", 16) as disk:
        if disk is None:
            return 0, 0, ["no disk can be mounted here"]
        for stage in STAGES:
            run = bench.fresh(stage, disk)
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            end = bench.run(stage, run)
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
            struck += not end.well
            wrong += _judged(bench, stage, run, end, "Read-only file system")
            wrong += [f"{stage}: it did not fail"] if end.well else []
    return len(STAGES), struck, wrong


def cut_files(bench: Bench, rng: random.Random) -> Found:
    """A file that the stages before left behind loses its end; restored, it is as good as ever."""
    times, struck, wrong = 0, 0, []
    for stage in STAGES[1:]:
        names = sorted(p.relative_to(bench.before[stage]) for p in bench.before[stage].rglob("*") if p.stat().st_size)
        for name in [name for name in names if (bench.before[stage] / name).is_file()]:
            run = bench.fresh(stage)
            content = (run / name).read_bytes()
            (run / name).write_bytes(content[: rng.randrange(len(content))])
            end = bench.run(stage, run)
            times, struck = times + 1, struck + (not end.well)
            if not end.well and not end.in_one_line(name.name):
                wrong.append(f"{stage}, {name} cut: {end}")
            elif end.well and (differs := bench.differs(stage, run)) and name.name not in differs:
                wrong.append(f"{stage}, {name} cut: {differs}")
            if end.well:
                continue
            (run / name).write_bytes(content)
            again = bench.run(stage, run)
            if not again.well or bench.differs(stage, run):
                wrong.append(f"{stage}, {name} restored: {again} {bench.differs(stage, run)}")
    return times, struck, wrong


def clock(bench: Bench, rng: random.Random) -> Found:
    """The clock is ten years behind at one stage, and every file there is from the future."""
    wrong = []
    for stage in STAGES:
        run = bench.fresh(stage)
        for path in run.rglob("*"):
            os.utime(path, (4e9, 4e9))
        end = bench.run(stage, run, first=_ten_years_ago)
        wrong += [f"{stage}: {end}"] if not end.well else []
        wrong += [f"{stage}: {one}" for one in [bench.differs(stage, run)] if one]
        following = STAGES[STAGES.index(stage) + 1 :][:1]
        for after in following:
            end = bench.run(after, run)
            wrong += [f"{after}: {end}"] if not end.well else [one for one in [bench.differs(after, run)] if one]
    return len(STAGES), len(STAGES), wrong


def _ten_years_ago() -> None:
    from earwitness.record import commitment, run_folder

    true, true_ns = time.time, time.time_ns
    time.time = lambda: true() - 3e8
    time.time_ns = lambda: true_ns() - 300_000_000_000_000_000

    class Behind(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(seconds=3e8)

    for module in (commitment, run_folder):
        module.datetime = Behind


def two_at_once(bench: Bench, rng: random.Random) -> Found:
    """Two processes run the same stage on one run folder at the same time, the second a little later."""
    times, wrong = 0, []
    for stage in STAGES:
        for _ in range(5):
            run = bench.fresh(stage)
            times += 1
            later = rng.uniform(0, bench.needs[stage][1])
            first = bench.started(stage, run)
            second = bench.started(stage, run, first=lambda later=later: time.sleep(later))
            for end in (first(), second()):
                wrong += [] if end.well or end.in_one_line() else [f"{stage}: {end}"]
            again = bench.run(stage, run) if stage not in ("test", "test again") else End(0, "")
            wrong += [f"{stage}, again: {again}"] if not again.well else []
            wrong += [f"{stage}: {one}" for one in [bench.differs(stage, run)] if one]
    return times, times, wrong


def not_a_number(bench: Bench, rng: random.Random) -> Found:
    """The model answers NaN from some batch on; later it answers as it should."""
    struck, wrong = 0, []
    for batch in (0, 3, 9):
        run = bench.fresh("extract")
        end = bench.run("extract", run, first=lambda batch=batch: _decoder(_poisoned, batch))
        tested = bench.run("test", run) if end.well else end
        struck += not tested.well
        print(f"NaN from batch {batch}: extract {end}; test {tested}")
        wrong += [] if tested.well or tested.in_one_line() else [f"from batch {batch}: {tested}"]
    return 3, struck, wrong


def out_of_memory(bench: Bench, rng: random.Random) -> Found:
    """The accelerator has no room for a window from some batch on; later there is room."""
    struck, wrong = 0, []
    for batch in (0, 3, 9):
        run = bench.fresh("extract")
        end = bench.run("extract", run, first=lambda batch=batch: _decoder(_starved, batch))
        struck += not end.well
        kept = len(list((run / "features").glob("part-*.parquet")))
        wrong += [] if kept == batch // 4 else [f"from batch {batch}: {kept} parts kept"]
        wrong += _judged(bench, "extract", run, end, "memory", "Finished parts are kept")
    return 3, struck, wrong


def _decoder(spoilt: Callable[[Any], Any], batch: int) -> None:
    """Let the decoder's answers be spoilt from a batch on."""
    from transformers.models.musicgen.modeling_musicgen import MusicgenDecoder

    true, calls = MusicgenDecoder.forward, [0]

    def forward(self: Any, *arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        answer = true(self, *arguments, **named)
        return answer if calls[0] <= batch else spoilt(answer)

    MusicgenDecoder.forward = forward


def _poisoned(answer: Any) -> Any:
    answer.last_hidden_state.fill_(float("nan"))
    return answer


def _starved(answer: Any) -> Any:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


FAULTS: dict[str, Callable[[Bench, random.Random], Found]] = {
    "a full disk, each stage": full_disk,
    "a read-only disk, each stage": read_only,
    "a file cut short, each file and stage": cut_files,
    "the clock ten years behind, each stage": clock,
    "two processes on one run folder, each stage": two_at_once,
    "a model that answers NaN": not_a_number,
    "an accelerator without memory": out_of_memory,
}

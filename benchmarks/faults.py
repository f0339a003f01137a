"""Every stage of an audit broken at random points, and by full disks, damaged parts and the like; then run again.

Usage: ``python benchmarks/faults.py [--kills 40] [--seed 0] [--only NAME]``.

A tiny model of random weights is asked about six tracks of noise, stage by stage: index, extract, test, report, bundle.
One run is left alone. Then each stage is started on a copy of what the stage before left behind and killed (SIGKILL) as
often as asked: every other time at a random call that touches the file system, else after a random share of the
processor time that the stage needs. The same stage is then run again, and must leave what the unbroken run left, byte
for byte. Stages run in forked processes, so that a start does not cost seconds.
"""

import argparse
import errno
import filecmp
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from earwitness import pipeline
from earwitness.errors import EarwitnessError
from earwitness.report.archive import write_archive
from earwitness.report.bundle import verify
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.verdict.attempts import read_attempts, unlogged

# Times and machines stand in these; what is checked of them is that they hold together.
_NOTED = {"environment.json", "attempts.jsonl", "hashes.json", "report.html", "run.zip", "case.json"}
_TOUCHES = ("open", "os.rename", "os.mkdir", "os.remove", "os.truncate", "os.listdir", "os.scandir")
STAGES = ("index", "extract", "test", "report", "bundle")
Done = tuple[int, str]
"""Exit status (negative: the signal), and the one line that was said."""


class Bench:
    """A model, tracks, and the folder that each stage of an unbroken run left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.model = folder, folder / "model"
        for number in range(6):
            path = folder / ("suspect" if number < 3 else "held-out") / f"album {number}" / "track.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, np.random.default_rng(number).normal(scale=0.1, size=16_000), 16_000)
        self.settings = MeasureSettings(target=str(self.model), seconds=0.5, windows_per_track=1, batch_size=2)
        self.before: dict[str, Path] = {}
        self.needs: dict[str, tuple[int, float]] = {}

    def stage(self, name: str, run: Path) -> None:
        """Run one stage in this process."""
        if name == "index":
            pipeline.index_stage(run, suspect=self.folder / "suspect", held_out=self.folder / "held-out")
        elif name == "extract":
            pipeline.extract_stage(run, self.settings, test=VerdictSettings())
        elif name == "test":
            pipeline.test_stage(run, VerdictSettings())
        elif name == "report":
            pipeline.report_stage(run)
        else:
            write_archive(run, run.with_name(f"{run.name}.zip"))

    def prepare(self) -> None:
        """Make the model and the unbroken run, noting what each stage needs."""
        done, said = forked(self._save_model)
        assert done == 0, said
        run = self.folder / "unbroken"
        for name in STAGES:
            self.before[name] = self.folder / f"before-{name}"
            run.mkdir(exist_ok=True)
            shutil.copytree(run, self.before[name])
            start = os.times()
            count = self.folder / "count"
            done, said = forked(lambda name=name: self.stage(name, run), count_into=count)
            assert done == 0, (name, said)
            spent = os.times()
            seconds = spent.children_user + spent.children_system - start.children_user - start.children_system
            self.needs[name] = int(count.read_text(encoding="ascii")), seconds
        self.after = run

    def _save_model(self) -> None:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from tests.tiny import save_tiny_musicgen

        save_tiny_musicgen(self.model)

    def fresh(self, stage: str) -> Path:
        """Return a copy of what the stages before left behind."""
        run = self.folder / "broken"
        shutil.rmtree(run, ignore_errors=True)
        run.with_name("broken.zip").unlink(missing_ok=True)
        return Path(shutil.copytree(self.before[stage], run))

    def differs(self, stage: str, run: Path) -> str:
        """Return what is not as in the unbroken run after this stage; empty where nothing is."""
        at = STAGES.index(stage) + 1
        expected = self.before[STAGES[at]] if at < len(STAGES) else self.after
        names = {p.relative_to(expected) for p in expected.rglob("*") if p.is_file()}
        found = {p.relative_to(run) for p in run.rglob("*") if p.is_file()}
        left = {p for p in found - names if not p.name.endswith((".partial", ".lock"))}
        if missing := names - found:
            return f"missing {sorted(map(str, missing))}"
        if left:
            return f"left over {sorted(map(str, left))}"
        for name in sorted(names):
            if name.name not in _NOTED and not filecmp.cmp(expected / name, run / name, shallow=False):
                return f"other bytes in {name}"
        read_attempts(run)
        if loose := unlogged(run):
            return loose[0]
        if stage in ("report", "bundle") and not verify(run).all_match:
            return "hashes that do not fit"
        if stage == "bundle" and not run.with_name("broken.zip").exists():
            return "no bundle"
        return ""


def forked(
    work: Callable[[], object],
    *,
    count_into: Path | None = None,
    kill_at: int | None = None,
    kill_after: float | None = None,
) -> Done:
    """Run work in a process of its own; kill it at a file-system call, or after so many seconds of processor."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        code, said = 0, ""
        touched = [0]

        def watch(event: str, _: object) -> None:
            if event in _TOUCHES:
                touched[0] += 1
                if touched[0] == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            sys.addaudithook(watch)
            if kill_after is not None:
                signal.setitimer(signal.ITIMER_PROF, kill_after)  # unanswered, it ends the process at once
            work()
        except EarwitnessError as error:
            code, said = 2, str(error)
        except BaseException as error:
            code, said = 1, f"{type(error).__name__}: {error}"
        if count_into is not None:
            count_into.write_text(str(touched[0]), encoding="ascii")
        os.write(writer, said.encode()[:2000])
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said


def kills(bench: Bench, stage: str, times: int, rng: random.Random) -> tuple[int, list[str]]:
    """Kill a stage so many times and run it again; return how often it did not end by itself, and what went wrong."""
    killed, wrong = 0, []
    calls, seconds = bench.needs[stage]
    for number in range(times):
        run = bench.fresh(stage)
        at = rng.randint(1, calls) if number % 2 else None
        after = None if number % 2 else rng.uniform(0.001, max(seconds, 0.02))
        done, _ = forked(lambda run=run: bench.stage(stage, run), kill_at=at, kill_after=after)
        killed += done < 0
        again, said = forked(lambda run=run: bench.stage(stage, run))
        if again:
            wrong.append(f"{stage}, kill {number}: again {again}: {said}")
        elif differs := bench.differs(stage, run):
            wrong.append(f"{stage}, kill {number}: {differs}")
    return killed, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40, help="of each stage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of a stage's or a fault's name")
    options = parser.parse_args()
    rng, bad = random.Random(options.seed), []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        bench.prepare()
        print(f"{'fault':<44}{'times':>6}{'struck':>8}{'wrong':>7}", flush=True)
        for stage in STAGES:
            if options.only in f"kill {stage}":
                killed, wrong = kills(bench, stage, options.kills, rng)
                bad += wrong
                print(f"{f'kill {stage}':<44}{options.kills:>6}{killed:>8}{len(wrong):>7}", flush=True)
        for name, fault in FAULTS.items():
            if options.only in name:
                wrong = fault(bench)
                bad += [f"{name}: {one}" for one in wrong]
                print(f"{name:<44}{len(STAGES) if 'each stage' in name else 1:>6}{'':>8}{len(wrong):>7}", flush=True)
    print(*bad, sep="\n")
    raise SystemExit(1 if bad else 0)


def _one_line(done: Done, *, needed: str) -> list[str]:
    code, said = done
    return [] if code == 2 and needed in said and "\n" not in said else [f"exit {code}: {said}"]


def full_disk(bench: Bench) -> list[str]:
    """No file may grow beyond a few bytes, as on a full disk; then there is room again."""
    wrong = []
    for stage in STAGES:
        run = bench.fresh(stage)

        def starved(stage: str = stage, run: Path = run) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
            bench.stage(stage, run)

        wrong += _one_line(forked(starved), needed="could not be written")
        again, said = forked(lambda stage=stage, run=run: bench.stage(stage, run))
        wrong += [said] if again else []
        wrong += [one for one in [bench.differs(stage, run)] if one and not again]
    return wrong


def read_only(bench: Bench) -> list[str]:
    """Nothing can be created in the run folder (the file system says so)."""
    wrong = []
    for stage in STAGES:
        run = bench.fresh(stage)

        def refused(stage: str = stage, run: Path = run) -> None:
            def watch(event: str, given: tuple[object, ...]) -> None:
                writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
                if (writes or event in ("os.rename", "os.mkdir")) and str(given[0]).startswith(str(bench.folder)):
                    raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(given[0]))

            sys.addaudithook(watch)
            bench.stage(stage, run)

        wrong += _one_line(forked(refused), needed="Read-only")
        again, said = forked(lambda stage=stage, run=run: bench.stage(stage, run))
        wrong += [said] if again else []
    return wrong


def truncated_part(bench: Bench) -> list[str]:
    """A part of the features loses its second half, before the test and before extraction is taken up again."""
    wrong = []
    for stage in ("test", "extract"):
        run = bench.fresh("test")
        part = next((run / "features").glob("part-*.parquet"))
        part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
        code, said = forked(lambda stage=stage, run=run: bench.stage(stage, run))
        healed = code == 0 and stage == "extract" and not bench.differs("extract", run)
        if not healed and (code != 2 or part.name not in said):
            wrong.append(f"{stage}: exit {code}: {said}")
    return wrong


def clock(bench: Bench) -> list[str]:
    """The clock goes back ten years between extraction and test, and on again before the report."""
    run = bench.fresh("test")

    def earlier() -> None:
        true = time.time
        time.time = lambda: true() - 3e8
        for path in run.rglob("*"):
            os.utime(path, (4e9, 4e9))
        bench.stage("test", run)

    done, said = forked(earlier)
    again, more = forked(lambda: bench.stage("report", run))
    return [said + more] if done or again else [one for one in [bench.differs("report", run)] if one]


def two_at_once(bench: Bench) -> list[str]:
    """Two processes run the same stage on one run folder at the same time."""
    wrong = []
    for stage in STAGES[:4]:
        run = bench.fresh(stage)
        ends = _both(bench, stage, run)
        if sorted(code for code, _ in ends) not in ([0, 0], [0, 2]):
            wrong.append(f"{stage}: {ends}")
        # Each test is one more line of the log, as it should be.
        if stage == "test" and (len(read_attempts(run)) != 2 or unlogged(run)):
            wrong.append("test: the log lacks a line")
        if stage != "test" and (differs := bench.differs(stage, run)):
            wrong.append(f"{stage}: {differs}")
    return wrong


def _both(bench: Bench, stage: str, run: Path) -> list[Done]:
    ends: list[Done] = []
    threads = [threading.Thread(target=lambda: ends.append(forked(lambda: bench.stage(stage, run)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def not_a_number(bench: Bench) -> list[str]:
    """The model answers NaN; what it gives is said to be nothing, and nothing is made of it."""
    run = bench.fresh("extract")

    def poisoned() -> None:
        import torch

        from earwitness.pipeline import open_target

        target = open_target(bench.settings, VerdictSettings())
        with torch.no_grad():
            for parameter in target._model.decoder.parameters():
                parameter.fill_(float("nan"))
        pipeline.extract_stage(run, bench.settings, target=target, test=VerdictSettings())
        pipeline.test_stage(run, VerdictSettings())

    code, said = forked(poisoned)
    return [] if code == 2 and "\n" not in said else [f"exit {code}: {said}"]


def out_of_memory(bench: Bench) -> list[str]:
    """The accelerator runs out of memory while a batch is scored; later there is enough."""
    run = bench.fresh("extract")

    def starved() -> None:
        import torch

        from earwitness.pipeline import open_target

        target = open_target(bench.settings, VerdictSettings())

        def full(*_: object, **__: object) -> object:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

        target._model.forward = full
        pipeline.extract_stage(run, bench.settings, target=target, test=VerdictSettings())

    code, said = forked(starved)
    wrong = [] if code == 2 and "memory" in said else [f"exit {code}: {said}"]
    again, more = forked(lambda: bench.stage("extract", run))
    return [*wrong, *([more] if again else [one for one in [bench.differs("extract", run)] if one])]


FAULTS: dict[str, Callable[[Bench], list[str]]] = {
    "no room on the disk, each stage": full_disk,
    "read-only folder, each stage": read_only,
    "a part cut in half": truncated_part,
    "the clock goes back": clock,
    "two processes on one run folder": two_at_once,
    "a model that answers NaN": not_a_number,
    "an accelerator without memory": out_of_memory,
}

if __name__ == "__main__":
    main()

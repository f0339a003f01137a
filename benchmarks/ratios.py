"""What earwitness costs, as ratios: every way beside another, in turn, in one run on one machine.

Medians of the ratios of paired rounds, with their range; the first round warms up. Ratios are of processor seconds,
which other work on the machine moves little; where processes share work they are of seconds on the clock. The floor
of an extraction is what nobody can avoid: the very encodings and forward passes that it asked for, repeated bare.

    python benchmarks/ratios.py [--rounds 5] [--tracks 8] [--only NAME …]
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import soundfile
import torch

from earwitness import FeatureTable, dataset_inference, pipeline
from earwitness.collection.tracks import Collection
from earwitness.ground_truth.registry import shipped
from earwitness.measure.extract import extract
from earwitness.measure.instrument import Prepared
from earwitness.measure.prepare import prepare
from earwitness.settings import Machines, MeasureSettings

ASKS = ("encode", "logits", "predict_noise")
WINDOWS = 3
Job = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tracks", type=int, default=8, help="tracks a side")
    parser.add_argument("--only", nargs="*", choices=TABLES, default=list(TABLES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| what | ÷ what | median | range |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            for what, than, ratios in TABLES[name](Path(folder) / name, options.tracks, options.rounds):
                low, high = min(ratios), max(ratios)
                print(f"| {what} | {than} | {statistics.median(ratios):.2f} | {low:.2f} to {high:.2f} |", flush=True)


Rows = Iterator[tuple[str, str, list[float]]]


def extraction(folder: Path, tracks: int, rounds: int) -> Rows:
    """Reading, measuring and all of ``extract`` against encodings and forward passes alone."""
    for kind, model, preset in (
        ("tokens", "fiddle", "default"), ("tokens", "fiddle", "iar"), ("denoising", "hum", "default"),
        ("denoising", "hum", "cdi-gray"),
    ):  # fmt: skip
        settings, ready, collection = _prepared(folder / f"{model}-{preset}", model, preset, tracks)
        located = list(collection.located())
        read = [
            window
            for track, path in located
            for window in ready.reader.read(path, content_sha256=track.content_sha256, prompt=track.prompt)
        ]
        batches = [read[i : i + settings.batch_size] for i in range(0, len(read), settings.batch_size)]
        target: Any = ready.instrument.target  # type: ignore[attr-defined]
        with _recorded(target) as asked:
            for batch in batches:
                ready.instrument.measure(batch)
        runs = (folder / f"{model}-{preset}-{number}" for number in range(10**6))
        whole = partial(_extract, located, ready, runs)
        jobs: dict[str, Job] = {
            "floor": partial(_replay, target, asked),
            "measure": lambda ready=ready, batches=batches: [ready.instrument.measure(batch) for batch in batches],
            "extract": whole,
        }
        found = _interleaved(jobs, rounds)
        for name, what in (("measure", "windows measured in memory"), ("extract", "all of `extract`")):
            yield f"{kind}, {preset}: {what}", "encodings and forward passes alone", _over(found, name, "floor")


def sharing(folder: Path, tracks: int, rounds: int) -> Rows:
    """Attacks on a diffusion model one by one, as published, against all from shared passes."""
    from denoising_speed import _one_by_one, _windows

    from earwitness.measure.denoising import DenoisingInstrument
    from earwitness.signals.denoising.presets import DenoisingPreset, denoising_preset
    from earwitness.targets import load_target

    target: Any = load_target(str(shipped("hum").model), device="cpu")
    windows, preset = _windows(target, 4), denoising_preset("cdi-gray")
    alone = [DenoisingPreset(name=part.specs[0].name, signals=(part,)) for part in _one_by_one(preset)]

    def asks(presets: list[DenoisingPreset]) -> Job:
        return lambda: [DenoisingInstrument(target=target, preset=each, seed=0).measure(windows) for each in presets]

    found = _interleaved({"together": asks([preset]), "alone": asks(alone)}, rounds)
    yield "cdi-gray, attack by attack", "in shared passes", _over(found, "alone", "together")


def testing(folder: Path, tracks: int, rounds: int) -> Rows:
    """The exact test, with its gate and its A/A control, against the published CDI procedure."""
    for tracks_a_side in (50, 200):
        rng = np.random.default_rng(0)
        count = 2 * tracks_a_side
        frame = pl.DataFrame(
            {"track_id": [f"t{i}" for i in range(count)], "role": ["suspect", "held_out"] * tracks_a_side}
        ).with_columns(group=pl.col("track_id"), **{f"x{k}": pl.Series(rng.normal(size=count)) for k in range(20)})
        path = folder.with_suffix(f".{tracks_a_side}.parquet")
        frame.write_parquet(path)
        table = FeatureTable.read(path, higher=["x*"])
        asked = {
            method: partial(dataset_inference, table, method=method, comparable="simulated alike")
            for method in ("exact", "cdi")
        }
        found = _interleaved(asked, rounds)
        yield f"exact test, {tracks_a_side} tracks a side, 20 features", "published CDI", _over(found, "exact", "cdi")


def workers(folder: Path, tracks: int, rounds: int) -> Rows:
    """Two workers against one, on the clock, with the processes' start."""
    settings, _, _ = _prepared(folder, "fiddle", "default", 3 * tracks)
    runs = iter(range(10**6))

    def asks(machines: Machines) -> Job:
        def run() -> None:
            path = folder / f"run-{next(runs)}"
            Collection.read(folder / "run").write(path)
            pipeline.extract_stage(path, settings, machines=machines)

        return run

    engines = ["local"]
    try:
        import ray  # noqa: F401
    except ImportError:
        print("(Ray is not installed)", file=sys.stderr)
    else:
        engines.append("ray")
    for engine in engines:
        jobs = {str(n): asks(Machines(engine=engine, workers=n)) for n in (1, 2)}
        found = _interleaved(jobs, rounds, clock=time.perf_counter)
        yield f"{engine} engine, one worker, seconds", "two workers", _over(found, "1", "2")


def memory(folder: Path, tracks: int, rounds: int) -> Rows:
    """What a process grows by while it measures a batch: logits held, against logits in chunks."""
    script = Path(__file__).with_name("peak_memory.py")

    def grown(way: str) -> float:
        command = [sys.executable, str(script), "--way", way]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    yield (
        "memory with all logits held",
        "chunk by chunk",
        [grown("full logits") / grown("chunks")],
    )


def starting(folder: Path, tracks: int, rounds: int) -> Rows:
    """One start against an empty interpreter."""

    def start(*arguments: str) -> Job:
        return partial(subprocess.run, [sys.executable, *arguments], check=True, capture_output=True)

    jobs = {
        "empty": start("-c", "pass"),
        "import": start("-c", "import earwitness"),
        "help": start("-c", "import sys; from earwitness.cli import main; sys.argv[1:] = ['--help']; main()"),
    }
    found = _interleaved(jobs, max(5, rounds))
    yield "`import earwitness`", "an empty interpreter", _over(found, "import", "empty")
    yield "`earwitness --help`", "an empty interpreter", _over(found, "help", "empty")


def _extract(located: Any, ready: Prepared, runs: Iterator[Path]) -> object:
    return extract(located, ready.reader, ready.instrument, ready.plan, next(runs))


TABLES = {
    "extraction": extraction, "sharing": sharing, "testing": testing, "workers": workers, "memory": memory,
    "starting": starting,
}  # fmt: skip


def _interleaved(jobs: dict[str, Job], rounds: int, clock: Callable[[], float] | None = None) -> dict[str, list[float]]:
    clock = clock or _processor_seconds
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name, job in jobs.items():
            began = clock()
            job()
            if turn:
                taken[name].append(clock() - began)
    return taken


def _over(taken: dict[str, list[float]], name: str, than: str) -> list[float]:
    return [own / other for own, other in zip(taken[name], taken[than], strict=True)]


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


@contextmanager
def _recorded(target: Any) -> Iterator[list[tuple[str, tuple[Any, ...], dict[str, Any]]]]:
    """Everything that the target is asked while the block runs."""
    asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def recorder(name: str) -> Callable[..., Any]:
        own = getattr(target, name)

        def ask(*arguments: Any, **named: Any) -> Any:
            asked.append((name, arguments, named))
            return own(*arguments, **named)

        return ask

    names = [name for name in ASKS if hasattr(target, name)]
    for name in names:
        setattr(target, name, recorder(name))
    yield asked
    for name in names:
        delattr(target, name)


def _replay(target: Any, asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]]) -> None:
    with torch.inference_mode():
        for name, arguments, named in asked:
            answer = getattr(target, name)(*arguments, **named)
            if name == "logits":
                for _ in answer:
                    pass


def _prepared(folder: Path, model: str, preset: str, tracks: int) -> tuple[MeasureSettings, Prepared, Collection]:
    """Tracks of a minute of plucked notes, indexed, and a shipped model that is to be asked about them."""
    rate = 44_100
    for number in range(2 * tracks):
        rng = np.random.default_rng(number)
        seconds = np.arange(rate // 4) / rate
        notes = 220 * 2 ** (rng.integers(0, 24, size=240) / 12)
        wave = np.concatenate([0.4 * np.sin(2 * np.pi * hertz * seconds) * np.exp(-4 * seconds) for hertz in notes])
        path = folder / ("suspect", "held_out")[number % 2] / f"{number}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave + rng.normal(scale=0.003, size=wave.shape), rate)
    pipeline.index_stage(folder / "run", suspect=folder / "suspect", held_out=folder / "held_out")
    collection = Collection.read(folder / "run")
    settings = MeasureSettings(
        target=str(shipped(model).model), preset=preset, windows_per_track=WINDOWS, device="cpu", contrast="off"
    )
    return settings, prepare(settings, pipeline.open_target(settings), collection), collection


if __name__ == "__main__":
    main()

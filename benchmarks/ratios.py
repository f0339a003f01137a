"""What earwitness costs, as ratios: every way beside another, in turn, in one run on one machine.

Medians of the ratios of paired rounds, with their range; the first round warms up. Ratios are of processor seconds,
which other work on the machine moves little; where processes share work they are of seconds on the clock. The floor
of an extraction is what nobody can avoid: the very encodings and forward passes that it asked for, repeated bare.

    OMP_NUM_THREADS=1 python benchmarks/ratios.py [--rounds 3] [--tracks 2] [--only NAME …]
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from audit_stages import save_target
from sounds import write_collection

from earwitness import FeatureTable, dataset_inference, pipeline
from earwitness.collection.tracks import Collection
from earwitness.ground_truth.data import write_data
from earwitness.ground_truth.registry import shipped
from earwitness.measure.extract import extract
from earwitness.measure.instrument import Prepared
from earwitness.measure.prepare import prepare
from earwitness.settings import Machines, MeasureSettings

ASKS = ("windows", "encode", "logits", "predict_noise")
_PART, _MORE_PARTS = 8, 8
Job = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tracks", type=int, default=2, help="tracks a side")
    parser.add_argument("--only", nargs="*", choices=TABLES, default=list(TABLES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start, one thread a process",
        file=sys.stderr,
    )
    print("| what | ÷ what | median | range |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            began = time.perf_counter()
            for what, than, ratios in TABLES[name](Path(folder) / name, options.tracks, options.rounds):
                low, high = min(ratios), max(ratios)
                print(f"| {what} | {than} | {statistics.median(ratios):.2f} | {low:.2f} to {high:.2f} |", flush=True)
            print(f"({name}: {time.perf_counter() - began:.0f} s)", file=sys.stderr)


Rows = Iterator[tuple[str, str, list[float]]]


def extraction(folder: Path, tracks: int, rounds: int) -> Rows:
    """Reading, measuring and all of ``extract`` against encodings and forward passes alone."""
    for kind, model in (("tokens", "fiddle"), ("symbolic", "chorale"), ("denoising", "hum")):
        settings, ready, collection = _prepared(folder / model, model, tracks)
        yield from _extracting(kind, settings, ready, collection, folder / model, rounds)
    # What reading and blind features cost goes by seconds of audio, not by the model's size.
    larger = save_target(folder / "model", width=480, layers=10)
    settings, ready, collection = _prepared(folder / "larger", larger, 1, windows=3)
    yield from _extracting("tokens, larger", settings, ready, collection, folder / "larger", 1)


def _extracting(
    kind: str, settings: MeasureSettings, ready: Prepared, collection: Collection, folder: Path, rounds: int
) -> Rows:
    located = list(collection.located())
    target: Any = ready.instrument.target  # type: ignore[attr-defined]
    with _recorded(target) as asked:
        read = [
            window
            for track, path in located
            for window in ready.reader.read(path, content_sha256=track.content_sha256, prompt=track.prompt)
        ]
        batches = [read[i : i + settings.batch_size] for i in range(0, len(read), settings.batch_size)]
        for batch in batches:
            ready.instrument.measure(batch)
    runs = (folder / f"run-{number}" for number in range(10**6))
    jobs: dict[str, Job] = {
        "floor": partial(_replay, target, asked),
        "measure": lambda: [ready.instrument.measure(batch) for batch in batches],
        "extract": partial(_extract, located, ready, runs),
    }
    found = _interleaved(jobs, rounds)
    size = sum(parameter.numel() for parameter in target.parameters()) / 1e6
    for name, what in (("measure", "windows in memory"), ("extract", "all of `extract`")):
        yield (
            f"{kind} ({size:.1f} M parameters): {what}",
            "encodings and forward passes alone",
            _over(found, name, "floor"),
        )


def sharing(folder: Path, tracks: int, rounds: int) -> Rows:
    """Attacks on a diffusion model one by one, as published, against all from shared passes."""
    from denoising_speed import _one_by_one, _windows

    from earwitness.measure.denoising import DenoisingInstrument
    from earwitness.signals.denoising.presets import DenoisingPreset, denoising_preset
    from earwitness.targets import load_target

    target: Any = load_target(str(shipped("hum").model), device="cpu")
    windows, preset = _windows(target, 2), denoising_preset("cdi-gray")
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
    """Two of Ray's workers against one: eight parts more than each worker's first, so that no start is in the times."""
    try:
        import ray  # noqa: F401
    except ImportError:
        print("(Ray is not installed)", file=sys.stderr)
        return
    most = _PART * (2 + _MORE_PARTS)
    settings, _, collection = _prepared(folder, "fiddle", most // 2, seconds=20, windows=3)
    taken = {}
    for count in (1, 2):
        for parts in (count, count + _MORE_PARTS):
            run = folder / f"run-{count}-{parts}"
            replace(collection, tracks=collection.tracks.head(parts * _PART)).write(run)
            began = time.perf_counter()
            pipeline.extract_stage(run, settings, machines=Machines(engine="ray", workers=count))
            taken[count, parts] = time.perf_counter() - began
    one, two = (taken[count, count + _MORE_PARTS] - taken[count, count] for count in (1, 2))
    yield "one Ray worker, on the clock", "two workers", [one / two]


def memory(folder: Path, tracks: int, rounds: int) -> Rows:
    """What a process grows by while it measures a batch: logits held, against logits in chunks."""
    script = Path(__file__).with_name("peak_memory.py")

    def grown(way: str) -> float:
        command = [sys.executable, str(script), "--way", way, "--seconds", "10"]
        # MB; a process whose heap had room grows by nothing.
        return max(1.0, float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))

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


def _prepared(
    folder: Path, model: str | Path, tracks: int, *, seconds: int = 60, windows: int = 6
) -> tuple[MeasureSettings, Prepared, Collection]:
    """So many tracks a side, indexed, and a model that is to be asked about them: a shipped one, or a folder."""
    if model == "chorale":
        tunes = shipped(model).read().tunes
        chosen = [tune for side in (True, False) for tune in [t for t in tunes if t.member is side][: 4 * tracks]]
        write_data(model, folder, tunes=chosen, on_progress=lambda done, total: None)
    else:
        write_collection(folder, tracks=tracks, seconds=seconds)
    pipeline.index_stage(folder / "run", manifest=folder / "manifest.csv")
    collection = Collection.read(folder / "run")
    settings = MeasureSettings(
        target=str(model if isinstance(model, Path) else shipped(model).model),
        windows_per_track=windows, device="cpu", contrast="off",
    )  # fmt: skip
    return settings, prepare(settings, pipeline.open_target(settings), collection), collection


if __name__ == "__main__":
    main()

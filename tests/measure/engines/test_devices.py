"""Which devices measure, on machines that are only imagined: PyTorch is asked through stand-ins."""

from collections.abc import Hashable, Sequence
from pathlib import Path

import pytest
import torch

from earwitness import pipeline
from earwitness.errors import TargetError
from earwitness.measure.engines import processes
from earwitness.measure.engines.crew import Lost, Ready
from earwitness.measure.engines.worker import Order, Worker
from earwitness.settings import Machines
from earwitness.targets import registry
from earwitness.targets.registry import pick_device, worker_devices
from tests.measure.engines.runs import copy, files, indexed


def machine(monkeypatch: pytest.MonkeyPatch, *, gpus: int = 0, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("gpus", "mps", "device", "workers", "devices"),
    [
        (0, False, "auto", None, ["cpu"]),
        (0, False, "auto", 3, ["cpu", "cpu", "cpu"]),
        (0, True, "auto", None, ["mps"]),
        (1, False, "auto", None, ["cuda:0"]),
        (4, False, "auto", None, ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]),
        (2, False, "auto", 5, ["cuda:0", "cuda:1", "cuda:0", "cuda:1", "cuda:0"]),
        (4, False, "auto", 1, ["cuda:0"]),
        (4, False, "cuda:2", None, ["cuda:2"]),
        (4, False, "cpu", None, ["cpu"]),
    ],
)
def test_every_gpu_has_a_worker(
    gpus: int, mps: bool, device: str, workers: int | None, devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, gpus=gpus, mps=mps)
    assert worker_devices(device, workers) == devices
    assert pick_device(device) == devices[0].removesuffix(":0")


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_a_gpu_that_is_not_there_is_refused(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch)
    with pytest.raises(TargetError, match=f"The device {device} was asked for, but PyTorch sees no such GPU here"):
        pick_device(device)


class _Here:
    """Workers in this process, on the processor whatever device they are given; it notes which."""

    given: tuple[str, ...] = ()

    def __init__(self, order: Order, devices: Sequence[str]) -> None:
        _Here.given = tuple(devices)
        self.workers = {device: Worker(order, device="cpu") for device in devices}
        self.events: list[Ready | Lost] = []
        self.free = list(devices)

    def room(self) -> int:
        return len(self.workers)

    def hire(self) -> Hashable:
        device = self.free.pop()
        self.workers[device].open()
        self.events.append(Ready(device))
        return device

    def give(self, worker: Hashable, part: int) -> None:
        self.workers[str(worker)].measure(part)
        self.events.append(Ready(worker))

    def wait(self, seconds: float) -> Sequence[Ready | Lost]:
        return [self.events.pop(0)]

    def dismiss(self) -> None:
        self.workers.clear()


@pytest.mark.slow
def test_two_gpus_measure_what_one_machine_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    run, settings = indexed(tmp_path, 5)
    whole, shared = copy(run, "whole"), copy(run, "shared")
    pipeline.extract_stage(whole, settings)
    loaded: list[str] = []
    load = registry.load_target

    def loads(target: str, *, device: str, dtype: str) -> registry.Target:
        loaded.append(device)
        return load(target, device=device, dtype=dtype)

    monkeypatch.setattr(registry, "load_target", loads)
    monkeypatch.setattr(processes, "Processes", _Here)
    machine(monkeypatch, gpus=2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "an imagined GPU")
    summary = pipeline.extract_stage(shared, replace(settings, device="auto"), machines=Machines())
    assert (summary.measured, _Here.given) == (10, ("cuda:0", "cuda:1"))
    assert loaded[0] == "cpu"  # the process that hands out parts takes no GPU
    assert files(shared) == files(whole)


def test_a_worker_puts_the_model_on_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU the first thing that needs one says so: everything before it has run."""
    run, settings = indexed(tmp_path, 1)
    if torch.cuda.is_available():
        pytest.skip("a real GPU is at hand")
    machine(monkeypatch, gpus=2)
    from earwitness.collection.tracks import Collection
    from earwitness.measure.feature_parts import FeatureParts

    store = FeatureParts(run=run, plan_hash="", target="", specs=[], tracks_per_part=8)
    worker = Worker(Order.of(settings, Collection.read(run), store), device="cuda:1")
    with pytest.raises((AssertionError, RuntimeError), match=r"CUDA|NVIDIA"):
        worker.open()

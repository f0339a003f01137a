"""Workers as processes of this machine: one for each GPU, or several that share the processor.

Conventions: processes are spawned, not forked (CUDA and thread pools do not survive a fork). A worker ends when this
process does, however that ends: the pipe between them closes.
"""

import multiprocessing
import os
import signal
from collections.abc import Hashable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from earwitness.errors import EarwitnessError
from earwitness.measure.engines.crew import Lost, Ready
from earwitness.measure.engines.worker import Order, Worker

_READY = "ready"


class Processes:
    """A `Staff` of one process for each of ``devices`` (the same may be named several times)."""

    def __init__(self, order: Order, devices: Sequence[str]) -> None:
        self._order = order
        self._free = list(devices)[::-1]
        self._size = len(devices)
        self._threads = max(1, (os.cpu_count() or 1) // len(devices))
        self._workers: dict[Hashable, tuple[SpawnProcess, Connection, str]] = {}
        self._context = multiprocessing.get_context("spawn")

    def room(self) -> int:
        """As many as there are devices."""
        return self._size

    def hire(self) -> Hashable:
        """Spawn a process for a device that has none."""
        device = self._free.pop()
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(there, self._order, device, self._threads), daemon=True, name=f"worker on {device}"
        )
        process.start()
        there.close()
        self._workers[process.pid] = (process, here, device)
        return process.pid

    def give(self, worker: Hashable, part: int) -> None:
        """Send the part's number."""
        self._workers[worker][1].send(part)

    def wait(self, seconds: float) -> Sequence[Ready | Lost]:
        """Read what the pipes hold; a closed one is a process that ended."""
        pipes = {pipe: name for name, (_, pipe, _) in self._workers.items()}
        spoke = {id(pipe) for pipe in wait(list(pipes), seconds)}
        events: list[Ready | Lost] = []
        for pipe, name in pipes.items():
            if id(pipe) not in spoke:
                continue
            try:
                said: Any = pipe.recv()
            except (EOFError, OSError):
                events.append(Lost(name, self._reaped(name)))
                continue
            if said != _READY:
                raise said
            events.append(Ready(name))
        return events

    def dismiss(self) -> None:
        """End all processes."""
        for process, pipe, _ in self._workers.values():
            process.terminate()
            pipe.close()
        for process, _, _ in self._workers.values():
            process.join(10)

    def _reaped(self, name: Hashable) -> str:
        process, pipe, device = self._workers.pop(name)
        pipe.close()
        process.join(10)
        self._free.append(device)
        code = process.exitcode or 0
        return f"{process.name} ended by {signal.Signals(-code).name if code < 0 else f'exit status {code}'}"


def _serve(pipe: Connection, order: Order, device: str, threads: int) -> None:
    """Measure what comes through the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    worker = Worker(order, device=device, threads=threads)
    try:
        worker.open()
        while True:
            pipe.send(_READY)
            worker.measure(pipe.recv())
    except EOFError:  # the parent is gone
        return
    except EarwitnessError as error:
        pipe.send(error)
    except Exception as error:
        pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))
        raise

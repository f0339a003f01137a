"""Independent pieces of arithmetic on all processors, results in order.

Goal: the same numbers on any number of processors; every task carries its own seed.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from earwitness.types import OnProgress


def processors() -> int:
    """How many tasks are done at a time."""
    return os.cpu_count() or 1


def spread(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], *, on_progress: OnProgress) -> list[Any]:
    """Return ``[function(*task) for task in tasks]``; function and tasks must be picklable."""
    workers = min(len(tasks), processors())
    found: list[Any] = []
    if workers < 2:
        for done, task in enumerate(tasks, 1):
            found.append(function(*task))
            on_progress(done, len(tasks))
        return found
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        pending = [pool.submit(function, *task) for task in tasks]
        for done, future in enumerate(pending, 1):
            found.append(future.result())
            on_progress(done, len(tasks))
    return found

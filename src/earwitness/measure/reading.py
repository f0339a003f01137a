"""Reading tracks ahead of their use, in order.

Goal: decoding, resampling and the blind features of the next tracks go on while the model works. Order and values
are those of reading one after the other; no more than ``depth`` tracks wait in memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")


def read_in_order(
    read: Callable[[Item], Found], items: Iterable[Item], *, threads: int = 0, depth: int = 8
) -> Iterator[Found]:
    """Yield ``read(item)`` of every item, in order.

    Parameters
    ----------
    threads
        How many read ahead; 0: each is read when it is asked for.
    depth
        How many items may be read or being read before the first of them is taken.
    """
    if threads == 0:
        yield from map(read, items)
        return
    waiting: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="reader") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(read, item))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

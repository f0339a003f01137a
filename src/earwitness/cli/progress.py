"""What a waiting user sees, on standard error: a bar with the time left, or a sign of life."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

watchers: list[Callable[[str, int, int], None]] = []
"""Are told (description, done, total) too, whether or not anybody looks at the terminal; a total of 0 is not known."""


@contextmanager
def bar(description: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the block runs; call what it gives with (done, total)."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from earwitness.cli.console import Console

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task(description, total=None)

        def on_progress(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)
            _tell(description, done, total)

        _tell(description, 0, 0)
        yield on_progress


@contextmanager
def sign_of_life(description: str) -> Iterator[None]:
    """Show that work goes on while the block runs, where its length is not known."""
    from earwitness.cli.console import Console

    _tell(description, 0, 0)
    with Console(stderr=True).status(description):
        yield


def _tell(description: str, done: int, total: int) -> None:
    for watch in watchers:
        watch(description, done, total)

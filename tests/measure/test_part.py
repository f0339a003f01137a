"""Measuring a part: batches that a device's memory does not hold, and reading ahead."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from polars.testing import assert_frame_equal

from earwitness.errors import EarwitnessError
from earwitness.measure.passes.batch import Window
from earwitness.measure.reading import read_in_order
from earwitness.measure.tokens import TokenInstrument
from tests.measure.test_extract import TRACKS, Tracks, ask, plan, table


class _Small:
    """A device whose memory holds so many windows."""

    def __init__(self, instrument: TokenInstrument, holds: int, error: Exception) -> None:
        self.specs, self.holds, self.error = instrument.specs, holds, error
        self.instrument = instrument
        self.asked: list[int] = []

    def measure(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        self.asked.append(len(windows))
        if len(windows) > self.holds:
            raise self.error
        return self.instrument.measure(windows)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
)
def test_a_batch_that_the_memory_does_not_hold_is_halved_for_good(
    error: Exception, instrument: TokenInstrument, sources: Tracks, tmp_path: Path
) -> None:
    ask(sources, instrument, plan(instrument), tmp_path / "whole", batch_size=2)
    small = _Small(instrument, 2, error)
    ask(sources, small, plan(instrument), tmp_path / "small", batch_size=8)  # type: ignore[arg-type]
    assert small.asked == [8, 4, *[2] * TRACKS]
    assert_frame_equal(table(tmp_path / "whole"), table(tmp_path / "small"), check_exact=True)


def test_a_device_that_holds_no_window_is_one_line(
    instrument: TokenInstrument, sources: Tracks, tmp_path: Path
) -> None:
    small = _Small(instrument, 0, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(EarwitnessError, match="does not hold a single window"):
        ask(sources, small, plan(instrument), tmp_path)  # type: ignore[arg-type]


def test_other_errors_are_not_taken_for_a_full_memory(
    instrument: TokenInstrument, sources: Tracks, tmp_path: Path
) -> None:
    small = _Small(instrument, 0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        ask(sources, small, plan(instrument), tmp_path)  # type: ignore[arg-type]
    assert small.asked == [8]


def test_reading_ahead_keeps_order_and_holds_back(tmp_path: Path) -> None:
    begun: list[int] = []
    gate = threading.Event()

    def read(item: int) -> int:
        begun.append(item)
        if item == 0:
            gate.wait(10)
        return item * item

    found = read_in_order(read, range(50), threads=3, depth=4)
    first = threading.Thread(target=lambda: gate.set())
    first.start()
    assert next(found) == 0
    assert max(begun) <= 4  # the first was asked for after five had been handed out
    assert list(found) == [item * item for item in range(1, 50)]


def test_an_error_of_a_reader_comes_in_its_turn() -> None:
    def read(item: int) -> float:
        return 1 / (item - 3)

    found = read_in_order(read, range(9), threads=2)
    assert [next(found) for _ in range(3)] == pytest.approx([-1 / 3, -1 / 2, -1])
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_values_do_not_depend_on_reading_ahead(instrument: TokenInstrument, sources: Tracks, tmp_path: Path) -> None:
    for name, ahead in (("a", False), ("b", True)):
        ask(sources, instrument, plan(instrument), tmp_path / name, read_ahead=ahead)
    assert_frame_equal(table(tmp_path / "a"), table(tmp_path / "b"), check_exact=True)

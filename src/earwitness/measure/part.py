"""Measuring one part: its windows in batches, through an instrument.

Goal: whoever measures a part, here or on another machine, does it in the same batches. Batches are as large as
asked for until the device's memory says otherwise; then they are halved, and no work is lost.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from threadpoolctl import threadpool_limits

from earwitness.collection.tracks import Failure, Track
from earwitness.errors import AudioError, EarwitnessError
from earwitness.measure.instrument import Instrument
from earwitness.measure.layout import Part
from earwitness.measure.passes.batch import Window
from earwitness.measure.reading import read_in_order
from earwitness.measure.windows import Reader
from earwitness.plug_ins import cause, is_strangers
from earwitness.types import OnProgress

READERS = 2
"""Threads that read ahead of a model on a GPU."""
Row = dict[str, float | str | int]
_Numbered = tuple[str, int, Window]
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class MeasuredPart(NamedTuple):
    """A part's rows, one per window, and the tracks that gave none."""

    rows: list[Row]
    failures: list[Failure]


@dataclass(slots=True, kw_only=True)
class PartMeasurer:
    """Measures parts one after the other.

    Attributes
    ----------
    batch_size
        Windows per forward pass; halved for good where the device's memory does not hold them.
    readers
        Threads that read ahead; 0: none.
    """

    reader: Reader
    instrument: Instrument
    batch_size: int
    readers: int = 0

    def measure(
        self, parts: Iterable[Part], on_progress: OnProgress = lambda done, total: None
    ) -> Iterator[MeasuredPart]:
        """Yield what each part gave, in order; ``on_progress`` is told of the tracks of the part at hand.

        Raises
        ------
        EarwitnessError
            Where the memory does not hold a single window, or none of a part's files is there.
        """
        # The processor's BLAS sums in another order with other numbers of threads; PyTorch has threads of its own.
        with threadpool_limits(limits=1, user_api="blas"):
            yield from self._measure(list(parts), on_progress)

    def _measure(self, parts: list[Part], on_progress: OnProgress) -> Iterator[MeasuredPart]:
        located = (each for part in parts for each in part)
        found = read_in_order(partial(_windows_of, self.reader), located, threads=self.readers)
        for part in parts:
            see_that_files_are_there(part)
            rows: list[Row] = []
            failures: list[Failure] = []
            windows = _windows(part, islice(found, len(part)), failures)
            while batch := list(islice(windows, self.batch_size)):
                rows += self._rows(batch)
                on_progress(len({row["track_id"] for row in rows}), len(part))
            yield MeasuredPart(rows, failures)

    def _rows(self, batch: Sequence[_Numbered]) -> list[Row]:
        measured: list[dict[str, float]] = []
        while len(measured) < len(batch):
            ahead = [window for _, _, window in batch[len(measured) : len(measured) + self.batch_size]]
            try:
                measured += self._measured(ahead)
            except _OutOfMemoryError:
                if len(ahead) == 1:
                    raise EarwitnessError(
                        "The device's memory does not hold a single window; use shorter windows (--seconds), --dtype "
                        "bfloat16, or another device. Finished parts are kept."
                    ) from None
                self.batch_size = len(ahead) // 2
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
        return [
            {"track_id": track_id, "window": number, **features, **window.blind}
            for (track_id, number, window), features in zip(batch, measured, strict=True)
        ]

    def _measured(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        try:
            return self.instrument.measure(windows)
        except Exception as error:
            if _is_out_of_memory(error):
                raise _OutOfMemoryError from None
            target = getattr(self.instrument, "target", None)
            if isinstance(error, EarwitnessError) or target is None or not is_strangers(target):
                raise
            raise EarwitnessError(
                f"The target comes from a plug-in ({type(target).__module__}) and failed ({cause(error)}); finished "
                "parts are kept. Mend the plug-in, and the same command goes on from there."
            ) from None


class _OutOfMemoryError(Exception):
    """The device's memory did not hold a batch."""


def _is_out_of_memory(error: Exception) -> bool:
    """CUDA has a type for it; MPS and the processor's allocator say it in words."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _OUT_OF_MEMORY)
    )


def see_that_files_are_there(part: Part) -> None:
    """One file that went is a failure of its track; all of them gone means that this machine does not see the audio."""
    if len(part) > 1 and not any(path.exists() for _, path in part):
        raise EarwitnessError(
            f"None of {len(part)} tracks' files is to be seen from this machine (first: {part[0][1]}); put the audio "
            "where `earwitness index` found it, and run the same again. Finished parts are kept."
        )


def _windows_of(reader: Reader, located: tuple[Track, Path]) -> list[Window] | AudioError:
    track, path = located
    try:
        return reader.read(path, content_sha256=track.content_sha256, prompt=track.prompt, facts=asdict(track))
    except AudioError as error:
        return error


def _windows(part: Part, read: Iterable[list[Window] | AudioError], failures: list[Failure]) -> Iterator[_Numbered]:
    """All windows of a part's tracks in order, with track and number; unusable tracks go to ``failures``."""
    for (track, path), found in zip(part, read, strict=True):
        if isinstance(found, AudioError):
            failures.append(
                Failure(
                    track_id=track.track_id, path=path.name, stage="extract", error=type(found).__name__,
                    message=str(found),
                )
            )  # fmt: skip
            continue
        yield from ((track.track_id, number, window) for number, window in enumerate(found))

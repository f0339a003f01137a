"""A crew: workers that come and go, and the parts that are handed out to them.

Goal: any worker may die at any time and any may join. A part that a lost worker had goes back and is given to
another; only a part that takes worker after worker with it ends the work.
"""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from earwitness.errors import EarwitnessError
from earwitness.measure.feature_parts import FeatureParts
from earwitness.measure.layout import Part
from earwitness.types import OnProgress

PATIENCE = 3
"""How many workers a part may cost, and how many may be lost in a row before any has loaded its model."""
_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker that has loaded its model, or has measured what it was given."""

    worker: Hashable


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker that is no more, and what is known of why."""

    worker: Hashable
    why: str


class Staff(Protocol):
    """Where workers come from: processes of this machine, or actors of a cluster."""

    def room(self) -> int:
        """For how many workers there is room now, those that work included; at least one."""

    def hire(self) -> Hashable:
        """Begin a worker and return its name; it reports when it is ready."""

    def give(self, worker: Hashable, part: int) -> None:
        """Let a worker that is ready measure a part; raises ``OSError`` where it is gone."""

    def wait(self, seconds: float) -> Sequence[Ready | Lost]:
        """What has happened since; waits so long for the first. Raises a worker's own error."""

    def dismiss(self) -> None:
        """End all workers."""


def work(staff: Staff, parts: Mapping[int, Part], store: FeatureParts, on_progress: OnProgress) -> None:
    """Have every part measured by the staff.

    Raises
    ------
    EarwitnessError
        A worker's own; or where parts or models cost one worker after the other, or workers write where this
        process does not see it.
    """
    try:
        _Crew(staff, parts, store, on_progress).work()
    finally:
        with suppress(Exception):
            staff.dismiss()


class _Crew:
    def __init__(self, staff: Staff, parts: Mapping[int, Part], store: FeatureParts, on_progress: OnProgress) -> None:
        self.staff, self.parts, self.store, self.on_progress = staff, parts, store, on_progress
        self.waiting = deque(sorted(parts))
        self.has: dict[Hashable, int | None] = {}
        self.idle: set[Hashable] = set()
        self.losses: Counter[int] = Counter()
        self.false_starts = 0
        self.done = 0

    def work(self) -> None:
        while self.waiting or any(part is not None for part in self.has.values()):
            busy = sum(part is not None for part in self.has.values())
            while len(self.has) < min(len(self.waiting) + busy, max(1, self.staff.room())):
                self.has[self.staff.hire()] = None
            for event in self.staff.wait(_PAUSE):
                if isinstance(event, Lost):
                    self._lost(event)
                else:
                    self._ready(event.worker)
            while self.waiting and self.idle:
                self._give(self.idle.pop(), self.waiting.popleft())

    def _ready(self, worker: Hashable) -> None:
        self.false_starts = 0
        part = self.has[worker]
        if part is not None:
            self._received(part)
        self.has[worker] = None
        self.idle.add(worker)

    def _give(self, worker: Hashable, part: int) -> None:
        self.has[worker] = part
        try:
            self.staff.give(worker, part)
        except OSError as error:
            self._lost(Lost(worker, str(error)))

    def _received(self, part: int) -> None:
        self.store.fetch(part)
        path = self.store.path(part)
        if not path.exists():
            raise EarwitnessError(
                f"A worker has written {path}, but it is not to be seen here; give a folder that all machines share, "
                "or a place for parts with --parts."
            )
        self.done += len(self.parts[part])
        self.on_progress(self.done, sum(map(len, self.parts.values())))

    def _lost(self, event: Lost) -> None:
        if event.worker not in self.has:  # known already
            return
        part = self.has.pop(event.worker)
        self.idle.discard(event.worker)
        if part is None:
            self.false_starts += 1
            if self.false_starts >= PATIENCE:
                raise EarwitnessError(
                    f"{PATIENCE} workers ended while they loaded the model ({event.why}); it may not fit the memory: "
                    "use fewer workers. Finished parts are kept."
                )
            return
        self.losses[part] += 1
        if self.losses[part] >= PATIENCE:
            tracks = ", ".join(track.track_id for track, _ in self.parts[part][:3])
            raise EarwitnessError(
                f"{PATIENCE} workers ended while they measured part {part} (tracks {tracks} …; {event.why}); use a "
                "smaller --batch-size or fewer workers, or leave the tracks out. Finished parts are kept."
            )
        self.waiting.appendleft(part)


@dataclass(frozen=True, slots=True)
class CrewEngine:
    """Measures by a crew; see `Engine`."""

    staff: Callable[[FeatureParts], Staff]

    def measure(self, parts: Mapping[int, Part], store: FeatureParts, on_progress: OnProgress) -> None:
        """As `Engine.measure`."""
        work(self.staff(store), parts, store, on_progress)

"""Handing out parts: workers that die, come late, or take others with them, without a process or a model."""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import pytest

from earwitness.errors import EarwitnessError
from earwitness.measure.engines.crew import PATIENCE, Lost, Ready, work
from earwitness.measure.feature_parts import FeatureParts
from earwitness.measure.layout import Part

Rule = Callable[[Hashable, int], bool]


class Troupe:
    """Workers that measure at once, unless ``dies`` says otherwise; ``places`` is how many there is room for."""

    def __init__(self, store: FeatureParts, parts: dict[int, Part], *, places: int, dies: Rule) -> None:
        self.store, self.parts, self.places, self.dies = store, parts, places, dies
        self.events: deque[Ready | Lost] = deque()
        self.hired = 0
        self.given: list[tuple[Hashable, int]] = []
        self.dismissed = False

    def room(self) -> int:
        return self.places

    def hire(self) -> Hashable:
        self.hired += 1
        self.events.append(Lost(self.hired, "no memory") if self.dies(self.hired, -1) else Ready(self.hired))
        return self.hired

    def give(self, worker: Hashable, part: int) -> None:
        self.given.append((worker, part))
        if self.dies(worker, part):
            self.events.append(Lost(worker, "killed"))
            return
        self.store.write(part, self.parts[part], [], [])
        self.events.append(Ready(worker))

    def wait(self, seconds: float) -> Sequence[Ready | Lost]:
        return [self.events.popleft()] if self.events else []

    def dismiss(self) -> None:
        self.dismissed = True


@pytest.fixture
def store(tmp_path: Path) -> FeatureParts:
    return FeatureParts(run=tmp_path, plan_hash="p", target="t", specs=[], tracks_per_part=1)


def measured(store: FeatureParts) -> list[int]:
    return sorted(int(path.stem.removeprefix("part-")) for path in (store.run / "features").iterdir())


def troupe(store: FeatureParts, *, places: int = 2, dies: Rule = lambda worker, part: False) -> Troupe:
    return Troupe(store, {number: [] for number in range(6)}, places=places, dies=dies)


def test_every_part_is_measured_once_where_nobody_dies(store: FeatureParts) -> None:
    staff = troupe(store)
    work(staff, staff.parts, store, lambda done, total: None)
    assert sorted(part for _, part in staff.given) == [0, 1, 2, 3, 4, 5]
    assert (staff.hired, staff.dismissed, measured(store)) == (2, True, [0, 1, 2, 3, 4, 5])


def test_a_lost_workers_part_goes_to_another(store: FeatureParts) -> None:
    staff = troupe(store, dies=lambda worker, part: part == 5 and worker in (1, 2))
    work(staff, staff.parts, store, lambda done, total: None)
    assert measured(store) == [0, 1, 2, 3, 4, 5]
    assert staff.hired >= 3


def test_a_machine_that_joins_is_used(store: FeatureParts) -> None:
    staff = troupe(store, places=1)

    def grows(done: int, total: int) -> None:
        staff.places = 3

    work(staff, staff.parts, store, grows)
    assert staff.hired == 3
    assert {worker for worker, _ in staff.given} == {1, 2, 3}


def test_a_part_that_takes_worker_after_worker_ends_the_work(store: FeatureParts) -> None:
    staff = troupe(store, dies=lambda worker, part: part == 2)
    with pytest.raises(EarwitnessError, match=rf"{PATIENCE} workers ended while they measured part 2"):
        work(staff, staff.parts, store, lambda done, total: None)
    assert staff.dismissed
    assert [part for _, part in staff.given].count(2) == PATIENCE
    assert set(measured(store)) >= {0, 1}


def test_a_model_that_fits_nowhere_ends_the_work(store: FeatureParts) -> None:
    staff = troupe(store, dies=lambda worker, part: part == -1)
    with pytest.raises(EarwitnessError, match=r"while they loaded the model \(no memory\)"):
        work(staff, staff.parts, store, lambda done, total: None)


def test_parts_that_are_written_where_nobody_sees_them_are_noticed(store: FeatureParts, tmp_path: Path) -> None:
    staff = troupe(store)
    staff.store = FeatureParts(run=tmp_path / "other", plan_hash="p", target="t", specs=[], tracks_per_part=1)
    with pytest.raises(EarwitnessError, match="not to be seen here"):
        work(staff, staff.parts, store, lambda done, total: None)

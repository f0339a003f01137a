"""A worker: a process with a model of its own that measures parts by their numbers.

Goal: a worker needs nothing but the settings and the index, so it may begin anywhere and at any time. It loads the
model by itself and refuses to go on where that gives another plan: weights that differ between machines are found
before a number is written.
"""

import socket
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from earwitness.collection.tracks import Collection
from earwitness.errors import EarwitnessError
from earwitness.measure.feature_parts import FeatureParts
from earwitness.measure.layout import Part
from earwitness.measure.part import READERS, PartMeasurer
from earwitness.settings import MeasureSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be measured: everything a worker is sent, once."""

    settings: MeasureSettings
    collection: Collection
    store: FeatureParts

    @classmethod
    def of(cls, settings: MeasureSettings, collection: Collection, store: FeatureParts) -> "Order":
        """An order without what no measurement needs; the run folder by its absolute path."""
        light = replace(collection, described=pl.DataFrame(schema={"track_id": pl.String}), couples=())
        return cls(settings=settings, collection=light, store=replace(store, run=store.run.resolve()))


class Worker:
    """Measures parts of an order on one device with so many threads."""

    def __init__(self, order: Order, *, device: str, threads: int = 1) -> None:
        self._order = replace(order, settings=replace(order.settings, device=device))
        self._threads = threads

    def open(self) -> str:
        """Load the model; return the machine's name.

        Raises
        ------
        EarwitnessError
            Where this machine's model, audio or software gives another plan than the run's.
        """
        import torch

        torch.set_num_threads(self._threads)
        assert self._measurer is not None
        return socket.gethostname()

    def measure(self, number: int) -> int:
        """Measure a part and write it; return how many tracks it answers for."""
        part = self._parts[number]
        [measured] = self._measurer.measure([part])
        self._order.store.write(number, part, measured.rows, measured.failures)
        return len(part)

    @cached_property
    def _parts(self) -> list[Part]:
        return self._order.store.split(self._order.collection.located())

    @cached_property
    def _measurer(self) -> PartMeasurer:
        from earwitness.measure.prepare import prepare
        from earwitness.targets.registry import load_target

        settings = self._order.settings
        target = load_target(settings.target, device=settings.device, dtype=settings.dtype)
        reader, instrument, plan = prepare(settings, target, self._order.collection)
        if plan.measurement_hash != self._order.store.plan_hash:
            raise EarwitnessError(
                f"On {socket.gethostname()} the model {settings.target} or what belongs to it is another than here; "
                "give all machines the same files and the same version of earwitness. Finished parts are kept."
            )
        return PartMeasurer(
            reader=reader,
            instrument=instrument,
            batch_size=settings.batch_size,
            readers=0 if settings.device == "cpu" else READERS,
        )

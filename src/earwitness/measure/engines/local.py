"""The local engine: one process measures one part after the other."""

from collections.abc import Mapping
from dataclasses import dataclass

from earwitness.measure.feature_parts import FeatureParts
from earwitness.measure.layout import Part
from earwitness.measure.part import PartMeasurer
from earwitness.types import OnProgress


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Measures in this process."""

    measurer: PartMeasurer

    def measure(self, parts: Mapping[int, Part], store: FeatureParts, on_progress: OnProgress) -> None:
        """As `Engine.measure`; parts in the order of their numbers."""
        total = sum(map(len, parts.values()))
        numbers, done = sorted(parts), 0

        def within(tracks: int, _: int) -> None:
            on_progress(done + tracks, total)

        for number, measured in zip(
            numbers, self.measurer.measure([parts[number] for number in numbers], within), strict=True
        ):
            part = parts[number]
            store.write(number, part, measured.rows, measured.failures)
            store.fetch(number)
            done += len(part)
            on_progress(done, total)

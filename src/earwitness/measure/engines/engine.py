"""What every engine does: measure parts and write them.

Goal: the extraction knows what is missing, the engine who measures it. An engine may measure parts in any order
and any of them twice; a part that was written is finished, whatever happens to the engine afterwards.
"""

from collections.abc import Mapping
from typing import Protocol

from earwitness.measure.feature_parts import FeatureParts
from earwitness.measure.layout import Part
from earwitness.types import OnProgress


class Engine(Protocol):
    """Measures parts."""

    def measure(self, parts: Mapping[int, Part], store: FeatureParts, on_progress: OnProgress) -> None:
        """Measure each part and write it to the store under its number.

        ``on_progress`` is called with (tracks done, tracks of these parts).
        """

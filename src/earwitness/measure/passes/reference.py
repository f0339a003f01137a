"""Reference models: the same windows under a model that cannot have seen them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import soxr
from numpy.typing import NDArray

from earwitness.measure.passes.batch import Answer, Batch, scores
from earwitness.signals.tokens.requests import ReferenceRequest, Request
from earwitness.targets.protocols import AnyTarget, TokenTarget


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferencePass:
    """Answers ``ReferenceRequest(name)``: audio in the model's own codes, scores in those of the target."""

    name: str
    model: AnyTarget

    def answers(self, request: Request) -> bool:
        """Whether the request names this model."""
        return request == ReferenceRequest(self.name)

    def ask(self, target: AnyTarget, batch: Batch, request: Request) -> Sequence[Answer | None]:
        """Scores under the reference; its own sample rate and codec are used."""
        if not isinstance(target, TokenTarget) or not isinstance(self.model, TokenTarget) or batch.waves is None:
            return scores(self.model, batch)
        waves = _channels(batch.waves, self.model.channels)
        if self.model.sample_rate != target.sample_rate:
            resampled = [soxr.resample(wave.T, target.sample_rate, self.model.sample_rate).T for wave in waves]
            waves = np.ascontiguousarray(np.stack(resampled), dtype=np.float32)
        codes = self.model.encode(waves)
        return scores(self.model, replace(batch, codes=codes, lengths=(codes.shape[2],) * len(codes)))


def _channels(waves: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
    """Waves [batch, samples] or [batch, 2, samples] as the other, where that is wanted."""
    if waves.ndim == 3 and wanted == 1:
        waves = waves.mean(axis=1)
    elif waves.ndim == 2 and wanted > 1:
        waves = np.repeat(waves[:, None], wanted, axis=1)
    return waves

"""The sample distance's pass: a window's mean logits beside those of the anchors, as the plain pass goes by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earwitness.measure.passes.batch import Answer, Batch, Window, encode, logits_of
from earwitness.signals.tokens.requests import Request, SdmRequest
from earwitness.signals.tokens.sdm import ChunkMeans, mean_cosine_distance
from earwitness.targets.protocols import AnyTarget


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SdmPass:
    """Answers ``SdmRequest`` while the plain pass goes by; ``cloud`` [m, K, V] are the anchors' chunks."""

    request: SdmRequest
    cloud: NDArray[np.float64]

    @classmethod
    def of(cls, target: AnyTarget, anchors: Iterable[Window], request: SdmRequest) -> "SdmPass":
        """From one pass over each anchor."""
        clouds = []
        with torch.inference_mode():
            for anchor in anchors:
                means = ChunkMeans(request.frames)
                for chunk in logits_of(target, encode(target, [anchor])):
                    means.add(chunk.condition)
                clouds += means.windows()
        return cls(request=request, cloud=np.concatenate(clouds))

    def answers(self, request: Request) -> bool:
        """Whether the request is for this distance to the anchors."""
        return request == self.request

    def watch(self, target: AnyTarget, batch: Batch, request: Request) -> "_Distances":
        """Begin to average the logits of a batch."""
        return _Distances(self.cloud, ChunkMeans(self.request.frames, lengths=batch.lengths))


@dataclass(frozen=True, slots=True, eq=False)
class _Distances:
    cloud: NDArray[np.float64]
    means: ChunkMeans

    def add(self, logits: Tensor) -> None:
        self.means.add(logits)

    def finish(self) -> Sequence[Answer | None]:
        return [mean_cosine_distance(chunks, self.cloud) for chunks in self.means.windows()]

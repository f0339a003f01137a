"""A store of encoded random crops, from which a denoiser's batches are drawn.

Goal: crops at any sample offset, encoded afresh, at the price of one encoding in so many steps: then a crop joins the
store, the oldest leaves, and batches are drawn from what is there. What is in store depends on (seed, step) alone, so
a run that goes on encodes it again.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from earwitness.types import Wave
from earwitness_bench.recipes.augment import Crop, draw_by_length, random_crop


@dataclass(kw_only=True)
class CropStore:
    """Crops of ``samples`` of ``waves`` at ``rate_hz``, as ``encode`` turns one [samples] into a latent."""

    waves: Sequence[Wave]
    samples: int
    rate_hz: int
    encode: Callable[[Wave], Tensor]
    size: int
    every: int
    seed: int
    crop: Crop = random_crop
    _held: deque[tuple[Tensor, int]] = field(init=False)
    _next: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._held = deque(maxlen=self.size)

    @property
    def crops_per_epoch(self) -> int:
        """How many crops last as long as the recordings."""
        return max(1, sum(map(len, self.waves)) // self.samples)

    def draw(self, step: int, count: int, rng: np.random.Generator) -> tuple[Tensor, list[int]]:
        """Latents [count, …] from what is in store at a step, and of which recordings they are."""
        oldest = step // self.every
        for past in range(max(self._next, oldest), oldest + self.size):
            fresh = np.random.default_rng([self.seed, past, 1])
            (row,) = draw_by_length([len(wave) for wave in self.waves], 1, fresh).tolist()
            self._held.append((self.encode(self.crop(self.waves[row], self.samples, self.rate_hz, fresh)), row))
        self._next = oldest + self.size
        drawn = [self._held[i] for i in rng.integers(len(self._held), size=count)]
        return torch.stack([latent for latent, _ in drawn]), [row for _, row in drawn]

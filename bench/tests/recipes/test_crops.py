"""A store of crops forgets the oldest, and says the same after a restart."""

import numpy as np
import torch

from earwitness_bench.recipes.crops import CropStore

WAVES = [np.full(400, 0.1, dtype=np.float32), np.full(1200, 0.5, dtype=np.float32)]


def store(encoded: list[float] | None = None) -> CropStore:
    def encode(wave: np.ndarray) -> torch.Tensor:
        if encoded is not None:
            encoded.append(float(wave.std()))
        return torch.from_numpy(wave[:2].copy())

    return CropStore(waves=WAVES, samples=200, rate_hz=16_000, encode=encode, size=6, every=2, seed=3)


def test_one_crop_in_so_many_steps_is_fresh() -> None:
    encoded: list[float] = []
    crops = store(encoded)
    counts = []
    for step in range(6):
        crops.draw(step, 4, np.random.default_rng(step))
        counts.append(len(encoded))
    assert counts == [6, 6, 7, 7, 8, 8]


def test_a_step_sees_the_same_after_a_restart() -> None:
    going, begun = store(), store()
    for step in range(9):
        last = going.draw(step, 4, np.random.default_rng(step))
    again = begun.draw(8, 4, np.random.default_rng(8))
    assert torch.equal(last[0], again[0])
    assert last[1] == again[1]


def test_an_epoch_lasts_as_long_as_the_recordings_and_the_longer_is_heard_more() -> None:
    crops = store()
    assert crops.crops_per_epoch == 8
    rows = [row for step in range(300) for row in crops.draw(step, 4, np.random.default_rng(step))[1]]
    assert abs(np.mean(rows) - 0.75) < 0.12

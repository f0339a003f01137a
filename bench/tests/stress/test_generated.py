"""The shipped targets make audio of a window's length."""

import numpy as np
import pytest

from earwitness.ground_truth.registry import shipped
from earwitness_bench.stress.generated import generated


# The codec of fiddle only listens: what it decodes is no music.
@pytest.mark.slow
@pytest.mark.parametrize(("target", "seconds"), [("hum", 5.12)])
def test_a_clip_is_as_long_as_a_window_and_the_same_for_the_same_seed(target: str, seconds: float) -> None:
    first, again = (generated(shipped(target).model, ["a reel in D major"] * 2, seed=0) for _ in range(2))
    assert len(first) == 2
    assert not np.array_equal(*first)
    for clip, same in zip(first, again, strict=True):
        assert clip.dtype == np.float32
        assert seconds <= len(clip) / 16_000 < seconds + 0.1
        assert np.abs(clip).max() <= 1
        assert clip.std() > 1e-3
        assert np.array_equal(clip, same)

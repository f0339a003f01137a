"""Where windows begin: no overlap while there is room, everything covered where there is none."""

import hashlib

import numpy as np
import pytest

from earwitness.errors import AudioError
from earwitness.measure.placement import window_starts

HASH = "a" * 64


@pytest.mark.parametrize("count", [1, 3, 9])
def test_each_window_has_its_own_part_of_the_track(count: int) -> None:
    for seed in range(50):
        starts = window_starts(100_003, 10_000, count, content_hash=HASH, seed=seed)
        assert starts.dtype == np.int64
        assert len(starts) == count
        gaps = np.diff([0, *starts]) - 10_000
        assert (gaps[1:] >= 0).all()
        space = 100_003 - count * 10_000
        own = starts - 10_000 * np.arange(count)  # what of the free space lies before each
        assert (own * count // (space + 1) == np.arange(count)).all()


def test_positions_are_the_published_function_of_their_inputs() -> None:
    digest = hashlib.sha256(f"window\n3\n{HASH}\n2".encode()).digest()
    share = (2 + int.from_bytes(digest[:8], "big") / 2**64) / 3
    by_hand = 20_000 + int(share * 70_001)
    assert window_starts(100_000, 10_000, 3, content_hash=HASH, seed=3)[2] == by_hand
    others = [
        window_starts(100_000, 10_000, 3, content_hash=HASH, seed=4),
        window_starts(100_000, 10_000, 3, content_hash="b" * 64, seed=3),
    ]
    assert all((other != window_starts(100_000, 10_000, 3, content_hash=HASH, seed=3)).all() for other in others)


def test_a_single_window_is_uniform_and_reaches_both_ends() -> None:
    starts = np.concatenate([window_starts(13, 10, 1, content_hash=HASH, seed=seed) for seed in range(4000)])
    counts = np.bincount(starts, minlength=4)
    assert len(counts) == 4
    assert (np.abs(counts - 1000) < 5 * np.sqrt(4000 * 0.25 * 0.75)).all()


@pytest.mark.parametrize("count", ["all", 4, 50])
def test_windows_that_do_not_fit_cover_the_track(count: int) -> None:
    assert window_starts(35, 10, count, content_hash=HASH, seed=0).tolist() == [0, 8, 16, 25]
    assert window_starts(10, 10, count, content_hash=HASH, seed=0).tolist() == [0]


def test_all_windows_of_whole_lengths_stand_side_by_side() -> None:
    assert window_starts(40, 10, "all", content_hash=HASH, seed=0).tolist() == [0, 10, 20, 30]


def test_a_track_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(AudioError, match=r"^a\.wav has 0\.5 s and one window needs 10 s; use shorter windows"):
        window_starts(8000, 160_000, 1, content_hash=HASH, seed=0, name="a.wav", sample_rate=16_000)
    with pytest.raises(AudioError, match=r"^The track has 9 samples and one window needs 10 samples"):
        window_starts(9, 10, 1, content_hash=HASH, seed=0)

import numpy as np
import pytest

from earwitness.signals.blind import CONTAINER_SPECS, container_features
from earwitness.spec import Direction

ROW = {
    "sample_rate": 44_100,
    "channels": 2,
    "seconds": 12.5,
    "bits_per_sample": 16,
    "bitrate": 320_000,
    "codec": "mp3",
    "prompt": "a reel",
    "title": "ignored",
}


def test_a_full_row_becomes_numbers() -> None:
    assert container_features(ROW) == {
        "blind/container_sample_rate": 44_100.0,
        "blind/container_channels": 2.0,
        "blind/container_seconds": 12.5,
        "blind/container_bits_per_sample": 16.0,
        "blind/container_bitrate": 320_000.0,
        "blind/codec=pcm": 0.0,
        "blind/codec=flac": 0.0,
        "blind/codec=mp3": 1.0,
        "blind/codec=vorbis": 0.0,
        "blind/codec=opus": 0.0,
        "blind/codec=aac": 0.0,
        "blind/prompt_length": 6.0,
    }


def test_what_is_absent_is_missing() -> None:
    assert all(np.isnan(value) for value in container_features({}).values())
    assert all(np.isnan(value) for value in container_features(dict.fromkeys(ROW)).values())


def test_an_unlisted_codec_is_none_of_the_listed() -> None:
    found = container_features({"codec": "atrac"})
    assert [value for name, value in found.items() if name.startswith("blind/codec")] == [0.0] * 6


@pytest.mark.parametrize("row", [{}, ROW])
def test_names_match_the_specs(row: dict[str, object]) -> None:
    assert list(container_features(row)) == [spec.name for spec in CONTAINER_SPECS]
    assert {spec.member_is for spec in CONTAINER_SPECS} == {Direction.UNKNOWN}

"""Which windows a reader cuts under the law of a target."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.errors import AudioError
from earwitness.measure.passes.batch import Window
from earwitness.measure.windows import AudioReader
from earwitness.targets.protocols import Place, WindowLaw

RATE = 1000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five seconds of stereo noise."""
    samples = np.random.default_rng(0).normal(scale=0.1, size=(5 * RATE, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    return tmp_path / "a.wav"


def windows(source: Path, law: WindowLaw, *, seconds: float = 2.0) -> tuple[np.ndarray, list[Window]]:
    """The track's samples [n, 2], and what a reader of mono windows makes of it."""
    reader = AudioReader(sample_rate=RATE, seconds=seconds, per_track=3, seed=0, law=law)
    return soundfile.read(source, dtype="float32")[0], reader.read(source, content_sha256="0" * 64)


def test_windows_anywhere_say_where_they_stand(source: Path) -> None:
    samples, found = windows(source, WindowLaw())
    assert len(found) == 3
    for window in found:
        assert window.place is not None
        assert window.place.track_seconds == 5.0
        start = round(window.place.start_seconds * RATE)
        np.testing.assert_allclose(window.content, samples[start : start + 2000].mean(axis=1), atol=1e-7)


def test_of_the_beginning_there_is_one_window_of_the_first_channel(source: Path) -> None:
    samples, found = windows(source, WindowLaw(place="first", filled=True, channel="first"))
    assert [window.place for window in found] == [Place(0.0, 5.0)]
    np.testing.assert_array_equal(found[0].content, samples[:2000, 0])


def test_a_shorter_track_is_one_shorter_window_where_silence_was_filled_in(source: Path) -> None:
    samples, found = windows(source, WindowLaw(filled=True), seconds=7.0)
    assert [window.place for window in found] == [Place(0.0, 5.0)]
    np.testing.assert_allclose(found[0].content, samples.mean(axis=1), atol=1e-7)
    with pytest.raises(AudioError, match="has 5 s and one window needs 7 s"):
        windows(source, WindowLaw(), seconds=7.0)

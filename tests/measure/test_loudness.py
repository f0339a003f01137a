"""The loudness that harmonising brings a run to: fixed once, and the same for whoever goes on with the run."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.collection.tracks import Collection
from earwitness.errors import EarwitnessError
from earwitness.measure.plan import Plan
from earwitness.measure.prepare import prepare
from earwitness.pipeline import extract_stage, index_stage, open_target
from earwitness.settings import Harmonise, MeasureSettings
from tests.tiny import save_tiny_musicgen

RATE = 16_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_musicgen(tmp_path_factory.mktemp("model") / "model"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """An index of four tracks, one of each side at -20 dB and one at -40."""
    for number, (side, scale) in enumerate([("s", 0.1), ("s", 0.01), ("h", 0.1), ("h", 0.01)]):
        path = tmp_path / "audio" / side / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wave = np.random.default_rng(number).normal(scale=scale, size=2 * RATE)
        soundfile.write(path, wave, RATE, subtype="FLOAT")
    index_stage(tmp_path / "run", suspect=tmp_path / "audio" / "s", held_out=tmp_path / "audio" / "h")
    return tmp_path / "run"


def _settings(model: str, **more: float) -> MeasureSettings:
    return MeasureSettings(target=model, seconds=0.5, windows_per_track=1, harmonise=Harmonise.LEVEL, **more)  # type: ignore[arg-type]


def _loudness(run: Path) -> float | None:
    audio = Plan.read(run).audio
    assert audio is not None
    return audio.loudness


def test_a_run_goes_on_at_the_loudness_of_its_plan(model: str, run: Path) -> None:
    """Where half of the audio is out of sight by then, the median of the rest would be another."""
    extract_stage(run, _settings(model))
    planned = _loudness(run)
    next((run / "features").glob("part-*.parquet")).unlink()
    for side, number in (("s", 0), ("h", 2)):
        (run.parent / "audio" / side / f"{number}.wav").rename(run.parent / f"{number}.wav")
    summary = extract_stage(run, _settings(model))
    assert (summary.measured, summary.failed) == (4, 2)
    assert _loudness(run) == planned


def test_where_no_audio_is_to_be_seen_no_loudness_is_planned(model: str, run: Path) -> None:
    (run.parent / "audio").rename(run.parent / "elsewhere")
    with pytest.raises(EarwitnessError, match="None of 4 tracks' files is to be seen from this machine"):
        extract_stage(run, _settings(model))
    assert not (run / "plan.json").exists()
    (run.parent / "elsewhere").rename(run.parent / "audio")
    assert extract_stage(run, _settings(model)).failed == 0


def test_a_loudness_of_nought_is_one(model: str, run: Path) -> None:
    settings = _settings(model, loudness=0.0)
    plan = prepare(settings, open_target(settings), Collection.read(run)).plan
    assert plan.audio is not None
    assert plan.audio.loudness == 0

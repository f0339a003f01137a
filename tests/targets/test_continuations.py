"""Prompts for a service, its answers in a folder, and what an extraction makes of them."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.collection.index import index
from earwitness.collection.tracks import Collection
from earwitness.errors import EarwitnessError, TargetError
from earwitness.features import FeatureTable
from earwitness.identity import TargetIdentity
from earwitness.measure.extract import extract
from earwitness.measure.generation import GeneratorInstrument
from earwitness.measure.plan import Plan, WindowPlan
from earwitness.measure.prompts import SAMPLE_RATE, write_prompts
from earwitness.measure.windows import AudioReader
from earwitness.targets.continuations import ContinuationsFamily, PromptRecord, Recorded
from earwitness.targets.protocols import GeneratorTarget
from earwitness.verdict.near_copies import near_copies
from tests.test_similarity import RATE, melody

SECONDS = 5.0


def resampled(wave: np.ndarray) -> np.ndarray:
    """At the prompts' rate, by the plainest means."""
    times = np.arange(round(len(wave) * SAMPLE_RATE / RATE)) * RATE / SAMPLE_RATE
    return np.interp(times, np.arange(len(wave)), wave).astype(np.float32)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("sets")
    for i in range(14):
        side = folder / ("suspect" if i < 4 else "held_out")
        side.mkdir(exist_ok=True)
        soundfile.write(side / f"{i:02d}.wav", resampled(melody(i, SECONDS)), SAMPLE_RATE)
    found = index(folder / "suspect", folder / "held_out")
    found.write(folder)
    return Collection.read(folder)


@pytest.fixture(scope="module")
def asked(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answered by a service that knows 01 and 02, returns 02 with its prompt, and fails on 05."""
    out = tmp_path_factory.mktemp("asked")
    write_prompts(collection, out, seconds=SECONDS, windows_per_track=1, seed=0)
    for track, path in collection.located():
        number = int(path.stem)
        wave, border = soundfile.read(path, dtype="float32")[0], round(0.4 * SECONDS * SAMPLE_RATE)
        strange = resampled(melody(100 + number, SECONDS))[border:]
        answer = {1: 0.5 * wave[border:], 2: wave}.get(number, strange)
        if number != 5:
            soundfile.write(out / "continuations" / f"{track.track_id}-0.flac", answer, SAMPLE_RATE)
    return out


def load(folder: Path) -> Recorded:
    assert ContinuationsFamily.matches(folder)
    return ContinuationsFamily.load(folder, name="asked", device="cpu", dtype="float32")


def test_prompts_are_the_beginnings_of_the_windows(collection: Collection, asked: Path) -> None:
    with (asked / "prompts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(list((asked / "prompts").iterdir())) == 14
    by_path = {row["path"]: row for row in rows}
    for _, path in collection.located():
        row = by_path[path.name]
        assert row["seconds_wanted"] == "3"
        written, rate = soundfile.read(asked / "prompts" / row["file"], dtype="float32")
        assert rate == SAMPLE_RATE
        whole = soundfile.read(path, dtype="float32")[0]
        np.testing.assert_allclose(written, whole[: 2 * SAMPLE_RATE], atol=1e-4)
    assert PromptRecord.read(asked).windows_per_track == 1


def test_an_extraction_finds_what_the_service_knew(collection: Collection, asked: Path, tmp_path: Path) -> None:
    target = load(asked)
    assert isinstance(target, GeneratorTarget)
    reader = AudioReader(sample_rate=SAMPLE_RATE, seconds=SECONDS, per_track=1, seed=0)
    plan = Plan(
        target=TargetIdentity(
            family=target.identity.family, weights_sha256=target.identity.weights_sha256, dtype=target.identity.dtype
        ),
        preset="generation", guided=False, signals=(), windows=WindowPlan(per_track=1, seconds=SECONDS), seed=0,
    )  # fmt: skip
    collection.write(tmp_path)
    extract(collection.located(), reader, GeneratorInstrument(target=target), plan, tmp_path)
    table = FeatureTable.read(tmp_path)
    names = {track.track_id: path.stem for track, path in collection.located()}
    alike = {
        names[track]: value for track, value in table.frame.select("track_id", "continuation/similarity").iter_rows()
    }
    assert alike["01"] > 0.95
    assert alike["02"] > 0.95
    assert np.isnan(alike["05"])
    assert max(value for name, value in alike.items() if name not in ("01", "02", "05")) < 0.5
    found = near_copies(table)
    assert found is not None
    assert found.held_out_groups == 9
    assert sorted(names[copy.track_id] for copy in found.found) == ["01", "02"]


def test_the_identity_is_that_of_the_answers(asked: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / "continuations").mkdir(parents=True)
    (copy / "continuations.json").write_bytes((asked / "continuations.json").read_bytes())
    with pytest.raises(TargetError, match="holds no answer yet"):
        load(copy)
    for path in (asked / "continuations").iterdir():
        (copy / "continuations" / path.name).write_bytes(path.read_bytes())
    assert load(copy).identity == load(asked).identity
    first = next((copy / "continuations").iterdir())
    first.unlink()
    assert load(copy).identity != load(asked).identity


def test_another_window_is_refused_with_the_settings_that_fit(asked: Path) -> None:
    with pytest.raises(TargetError, match=r"--seconds 5 --windows-per-track 1 --seed 0"):
        load(asked).continue_audio(np.zeros((1, 100), dtype=np.float32), 1.0, [""])


def test_a_folder_is_not_written_twice_and_must_hold_something(
    collection: Collection, asked: Path, tmp_path: Path
) -> None:
    with pytest.raises(EarwitnessError, match="holds prompts already"):
        write_prompts(collection, asked, seconds=SECONDS, windows_per_track=1, seed=0)
    with pytest.raises(EarwitnessError, match="smaller --seconds"):
        write_prompts(collection, tmp_path, seconds=60.0, windows_per_track=1, seed=0)


@pytest.mark.parametrize("content", ["{", "[]", '{"sample_rate": 1}'])
def test_a_damaged_record_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "continuations.json").write_text(content)
    with pytest.raises(TargetError, match="write them again") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)

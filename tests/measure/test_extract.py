"""Extraction on a real tiny model: values, resume after a kill, failures, refusals."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from polars.testing import assert_frame_equal

from earwitness.collection.tracks import Track
from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.files import write_bytes
from earwitness.identity import TargetIdentity
from earwitness.measure import feature_parts
from earwitness.measure.extract import ExtractSummary, extract
from earwitness.measure.passes.batch import Window
from earwitness.measure.plan import AudioPlan, Plan, WindowPlan
from earwitness.measure.tokens import TokenInstrument, prompts_inform
from earwitness.measure.windows import AudioReader
from earwitness.signals.blind import BLIND_SPECS, acoustic_features
from tests.audio_fixtures import located
from tests.tiny import SAMPLE_RATE

TRACKS = 7  # as the fixture ``sources`` writes them

Tracks = list[tuple[Track, Path]]


def plan(instrument: TokenInstrument, **changes: object) -> Plan:
    identity = instrument.target.identity
    content: dict[str, object] = {
        "target": TargetIdentity(family=identity.family, weights_sha256=identity.weights_sha256, dtype=identity.dtype),
        "preset": "default",
        "guided": True,
        "signals": tuple(map(repr, instrument.preset.guided)),
        "windows": WindowPlan(seconds=1.0, per_track=2),
        "audio": AudioPlan(sample_rate=SAMPLE_RATE),
        "seed": 0,
    }
    return Plan.model_validate(content | changes)


def ask(sources: Tracks, instrument: TokenInstrument, plan: Plan, run: Path, **options: object) -> ExtractSummary:
    windows = plan.windows
    reader = AudioReader(sample_rate=SAMPLE_RATE, seconds=windows.seconds or 0, per_track=windows.per_track, seed=0)
    return extract(sources, reader, instrument, plan, run, **options)  # type: ignore[arg-type]


def in_parts_of(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_parts, "tracks_per_part", lambda tracks: size)


def table(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "features" / "part-*.parquet").sort("track_id", "window")


def test_every_window_has_every_feature(instrument: TokenInstrument, sources: Tracks, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    summary = ask(sources, instrument, plan(instrument), tmp_path, on_progress=lambda *at: seen.append(at))
    frame = table(tmp_path)
    assert (summary.tracks, summary.measured, summary.failed) == (TRACKS, TRACKS, 0)
    assert frame.height == 2 * TRACKS
    assert frame.columns[2:] == [spec.name for spec in (*instrument.specs, *BLIND_SPECS)]
    assert seen[-1] == (TRACKS, TRACKS)
    plain = [name for name in frame.columns[2:] if "contrast" not in name and "blind/" not in name]
    guided = [name for name in frame.columns[2:] if "contrast" in name]
    assert np.isfinite(frame.select(plain).to_numpy()).all()
    prompted = frame.filter(pl.col("track_id") != "t0")
    assert np.isfinite(prompted.select(guided).to_numpy()).all()
    assert np.isnan(frame.filter(pl.col("track_id") == "t0").select(guided).to_numpy()).all()  # it has no prompt


def test_order_batch_size_and_parts_change_no_value_beyond_rounding(
    instrument: TokenInstrument, sources: Tracks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(sources, instrument, plan(instrument), tmp_path / "a")
    in_parts_of(3, monkeypatch)
    ask(sources[::-1], instrument, plan(instrument), tmp_path / "b", batch_size=3, read_ahead=True)
    assert_frame_equal(table(tmp_path / "a"), table(tmp_path / "b"), rel_tol=1e-4, abs_tol=1e-4)


def test_blind_features_describe_the_window_without_the_target(
    instrument: TokenInstrument, sources: Tracks, tmp_path: Path
) -> None:
    path = sources[0][1]
    source = located(path, track_id="t", prompt="a jig")
    windows = WindowPlan(seconds=2.0, per_track=1)
    ask([source], instrument, plan(instrument, windows=windows), tmp_path)
    row = table(tmp_path).row(0, named=True)
    wave, _ = soundfile.read(path, dtype="float32")
    for name, value in acoustic_features(wave, SAMPLE_RATE).items():
        assert row[name] == pytest.approx(value, nan_ok=True)
    assert (row["blind/codec=flac"], row["blind/codec=mp3"], row["blind/prompt_length"]) == (1, 0, 5)
    assert np.isnan(row["blind/container_bitrate"])  # nothing says it


class _Recorder:
    """An instrument that keeps the windows it is given."""

    def __init__(self, instrument: TokenInstrument) -> None:
        self.specs = instrument.specs
        self.windows: list[np.ndarray] = []

    def measure(self, windows: list[Window]) -> list[dict[str, float]]:
        self.windows += [window.content for window in windows]
        return [dict.fromkeys((spec.name for spec in self.specs), 0.0) for _ in windows]


def test_windows_begin_at_any_sample(instrument: TokenInstrument, sources: Tracks, tmp_path: Path) -> None:
    recorder = _Recorder(instrument)
    windows = WindowPlan(seconds=1.0, per_track=2)
    ask(sources[2:3], recorder, plan(instrument, windows=windows), tmp_path)  # type: ignore[arg-type]
    track, _ = soundfile.read(sources[2][1], dtype="float32")
    starts = [
        next(i for i in range(len(track) - SAMPLE_RATE + 1) if np.array_equal(track[i : i + SAMPLE_RATE], window))
        for window in recorder.windows
    ]
    assert len(set(starts)) == 2
    assert any(start % 320 for start in starts)


def test_all_windows_cover_the_track(instrument: TokenInstrument, sources: Tracks, tmp_path: Path) -> None:
    recorder = _Recorder(instrument)
    windows = WindowPlan(seconds=1.0, per_track="all")
    ask(sources[2:3], recorder, plan(instrument, windows=windows), tmp_path)  # type: ignore[arg-type]
    track, _ = soundfile.read(sources[2][1], dtype="float32")
    assert len(recorder.windows) == np.ceil(len(track) / SAMPLE_RATE)
    np.testing.assert_array_equal(recorder.windows[0], track[:SAMPLE_RATE])
    np.testing.assert_array_equal(recorder.windows[-1], track[-SAMPLE_RATE:])


_SCRIPT = """
import sys
from pathlib import Path
from earwitness.measure import feature_parts
from earwitness.measure.tokens import target_passes
from earwitness.signals.tokens.presets import token_preset
from earwitness.targets import load_target
from tests.measure import test_extract as t
feature_parts.tracks_per_part = lambda tracks: 2
target = load_target(sys.argv[1], device="cpu")
instrument = t.TokenInstrument(target=target, preset=token_preset("default"), guided=True, further=target_passes(0))
sources = [t.located(Path(sys.argv[2]) / f"{i}.flac", track_id=f"t{i}", content_sha256=f"{i:064x}",
                     prompt="" if i == 0 else f"a reel in {'dg'[i % 2]} major") for i in range(t.TRACKS)]
t.ask(sources, instrument, t.plan(instrument), Path(sys.argv[3]))
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_value_for_value(
    instrument: TokenInstrument, sources: Tracks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts_of(2, monkeypatch)
    ask(sources, instrument, plan(instrument), tmp_path / "whole")
    run = tmp_path / "killed"
    arguments = [instrument.target.identity.name, str(sources[0][1].parent), str(run)]
    process = subprocess.Popen([sys.executable, "-c", _SCRIPT, *arguments], stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(run.glob("features/part-*.parquet")):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list(run.glob("features/part-*.parquet")))
    assert kept >= 1
    summary = ask(sources, instrument, plan(instrument), run)
    assert summary.resumed >= 2 * kept - 1
    assert_frame_equal(table(tmp_path / "whole"), table(run), check_exact=True)


def test_a_full_disk_loses_nothing(
    instrument: TokenInstrument, sources: Tracks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts_of(2, monkeypatch)
    written: list[Path] = []

    def full_after_two(path: Path, content: bytes) -> None:
        if len(written) == 2:
            raise EarwitnessError("the disk is full")
        written.append(path)
        write_bytes(path, content)

    monkeypatch.setattr("earwitness.measure.feature_parts.write_bytes", full_after_two)
    with pytest.raises(EarwitnessError, match="full"):
        ask(sources, instrument, plan(instrument), tmp_path)
    monkeypatch.undo()
    in_parts_of(2, monkeypatch)
    assert ask(sources, instrument, plan(instrument), tmp_path).resumed == 4
    assert table(tmp_path)["track_id"].n_unique() == TRACKS


def test_unusable_tracks_are_listed_and_the_others_measured(
    instrument: TokenInstrument, sources: Tracks, tmp_path: Path
) -> None:
    (tmp_path / "text.wav").write_text("not audio")
    soundfile.write(tmp_path / "short.wav", np.full(800, 0.5), SAMPLE_RATE)
    bad = [
        located(tmp_path / "text.wav", track_id="bad", content_sha256="0" * 64),
        located(tmp_path / "short.wav", track_id="brief", content_sha256="1" * 64),
    ]
    run = tmp_path / "run"
    assert ask([*sources, *bad], instrument, plan(instrument), run).failed == 2
    failures = pl.read_parquet(run / "failures.parquet")
    assert failures["track_id"].to_list() == ["bad", "brief"]
    assert failures["stage"].unique().to_list() == ["extract"]
    assert "short.wav has 0.05 s and one window needs 1 s" in failures["message"][1]
    ask([*sources, *bad], instrument, plan(instrument), run)
    assert pl.read_parquet(run / "failures.parquet").height == 2  # resuming does not list them again


def test_a_used_folder_refuses_other_tracks(instrument: TokenInstrument, sources: Tracks, tmp_path: Path) -> None:
    ask(sources, instrument, plan(instrument), tmp_path)
    before = table(tmp_path)
    with pytest.raises(PlanMismatchError, match="collection has changed"):
        ask(sources[1:], instrument, plan(instrument), tmp_path)
    assert_frame_equal(table(tmp_path), before)


def test_a_damaged_part_is_named(instrument: TokenInstrument, sources: Tracks, tmp_path: Path) -> None:
    ask(sources, instrument, plan(instrument), tmp_path)
    part = tmp_path / "features" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(EarwitnessError, match=r"part-00000\.parquet is damaged"):
        ask(sources, instrument, plan(instrument), tmp_path)


def test_prompts_inform_when_they_tell_tracks_apart() -> None:
    assert prompts_inform(["a reel", "a jig"])
    assert not prompts_inform(["music", "music", ""])
    assert not prompts_inform(["", ""])

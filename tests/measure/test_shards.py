"""Shards: shares of a run that machines measure apart give the run that one machine makes, byte for byte."""

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import soundfile

from earwitness.collection.tracks import Track
from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.measure.layout import parts_of, tracks_per_part
from earwitness.measure.merge import merge
from earwitness.measure.plan import Plan, TrackPlan
from earwitness.measure.tokens import TokenInstrument
from earwitness.settings import Shard
from tests.audio_fixtures import located
from tests.measure.test_extract import TRACKS, Tracks, ask, in_parts_of, plan

BRIEF = "brief"


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    in_parts_of(2, monkeypatch)


@pytest.fixture
def tracks(sources: Tracks, tmp_path: Path) -> Tracks:
    """The seven tracks, and one that is shorter than a window: four parts."""
    soundfile.write(tmp_path / "brief.wav", [0.5] * 800, 16_000)
    return [*sources, located(tmp_path / "brief.wav", track_id=BRIEF, content_sha256="1" * 64)]


def planned(instrument: TokenInstrument, tracks: Tracks, **changes: object) -> Plan:
    rows = sorted((track.track_id, str(track.role), track.group) for track, _ in tracks)
    listed = tuple(TrackPlan(track_id=name, role=role, group=group) for name, role, group in rows)
    return plan(instrument, tracks=listed, **changes)


def files(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run / "features").iterdir())}


def test_shards_in_one_folder_give_the_run_of_one_machine(
    instrument: TokenInstrument, tracks: Tracks, tmp_path: Path
) -> None:
    whole, shared, one_plan = tmp_path / "whole", tmp_path / "shared", planned(instrument, tracks)
    ask(tracks, instrument, one_plan, whole)
    done = [ask(tracks, instrument, one_plan, shared, shard=Shard(number, 3)) for number in (3, 1, 2)]
    assert [(each.tracks, each.measured, each.waiting) for each in done] == [(2, 2, 6), (4, 4, 2), (2, 2, 0)]
    assert files(shared) == files(whole)
    failed = pl.read_parquet(shared / "failures.parquet")  # written by the shard that found all parts there
    assert failed.equals(pl.read_parquet(whole / "failures.parquet"))
    assert failed["track_id"].to_list() == [BRIEF]
    again = ask(tracks, instrument, one_plan, shared, shard=Shard(1, 3))
    assert (again.resumed, again.measured) == (4, 0)


def test_the_command_without_a_shard_measures_what_shards_left(
    instrument: TokenInstrument, tracks: Tracks, tmp_path: Path
) -> None:
    whole, shared, one_plan = tmp_path / "whole", tmp_path / "shared", planned(instrument, tracks)
    ask(tracks, instrument, one_plan, whole)
    ask(tracks, instrument, one_plan, shared, shard=Shard(2, 4))
    assert ask(tracks, instrument, one_plan, shared).measured == TRACKS + 1 - 2
    assert files(shared) == files(whole)


def test_shards_of_machines_that_share_nothing_merge(
    instrument: TokenInstrument, tracks: Tracks, tmp_path: Path
) -> None:
    whole, one_plan = tmp_path / "whole", planned(instrument, tracks)
    ask(tracks, instrument, one_plan, whole)
    runs = [tmp_path / f"run-{number}" for number in (1, 2, 3)]
    for number, run in enumerate(runs, start=1):
        ask(tracks, instrument, one_plan, run, shard=Shard(number, 3))
    first = merge(runs[0], runs[1:2])
    assert (first.brought, first.there, first.waiting, first.missing) == (1, 2, 2, (2,))
    assert not (runs[0] / "failures.parquet").exists()  # not all is known yet
    second = merge(runs[0], runs[1:])  # the second shard twice: it is the same
    assert (second.brought, second.there, second.waiting, second.missing) == (1, 3, 0, ())
    assert files(runs[0]) == files(whole)
    assert pl.read_parquet(runs[0] / "failures.parquet")["track_id"].to_list() == [BRIEF]


def test_what_does_not_belong_together_is_not_merged(
    instrument: TokenInstrument, tracks: Tracks, tmp_path: Path
) -> None:
    run, one_plan = tmp_path / "run", planned(instrument, tracks)
    ask(tracks, instrument, one_plan, run, shard=Shard(1, 2))
    before = files(run)
    other_model = replace(one_plan.target, weights_sha256="f" * 64)
    for changed, found in (
        ({"seed": 1}, "seed was 0, now 1"),
        ({"target": other_model}, "target.weights_sha256 was"),
        ({"tracks": one_plan.tracks[1:]}, "1 track\\(s\\) were left out: brief"),
    ):
        other = tmp_path / next(iter(changed))
        ask(tracks, instrument, one_plan.model_copy(update=changed), other, shard=Shard(2, 2))
        with pytest.raises(PlanMismatchError, match=f"does not belong to .*run \\({found}"):
            merge(run, [other])
    twin = tmp_path / "twin"
    shutil.copytree(run, twin)
    part = next((twin / "features").iterdir())
    frame, metadata = pl.read_parquet(part), pl.read_parquet_metadata(part)
    frame.with_columns(pl.col(frame.columns[2]) + 1).write_parquet(part, metadata=metadata)
    with pytest.raises(EarwitnessError, match=r"hold the same tracks with other values"):
        merge(run, [twin])
    frame.write_parquet(part, metadata=metadata | {"earwitness.plan_hash": "0"})
    with pytest.raises(PlanMismatchError, match="made under another plan"):
        merge(run, [twin])
    part.write_bytes(b"PAR1")
    with pytest.raises(EarwitnessError, match="damaged"):
        merge(run, [twin])
    assert files(run) == before


@pytest.mark.parametrize("scheme", ["memory://shards", "file://{}/away", "{}/plain"])
def test_shards_meet_at_a_url(scheme: str, instrument: TokenInstrument, tracks: Tracks, tmp_path: Path) -> None:
    whole, one_plan, url = tmp_path / "whole", planned(instrument, tracks), scheme.format(tmp_path)
    ask(tracks, instrument, one_plan, whole)
    ask(tracks, instrument, one_plan, tmp_path / "a", shard=Shard(1, 2), parts_url=url)
    last = ask(tracks, instrument, one_plan, tmp_path / "b", shard=Shard(2, 2), parts_url=url)
    assert (last.measured, last.waiting) == (4, 0)
    assert files(tmp_path / "b") == files(whole)
    assert ask(tracks, instrument, one_plan, tmp_path / "c", parts_url=url).resumed == TRACKS + 1
    with pytest.raises(PlanMismatchError, match="another plan"):
        ask(tracks, instrument, one_plan.model_copy(update={"seed": 1}), tmp_path / "d", parts_url=url)


def test_a_url_of_no_file_system_is_refused(instrument: TokenInstrument, tracks: Tracks, tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="heap://x is no place for parts"):
        ask(tracks, instrument, planned(instrument, tracks), tmp_path / "run", parts_url="heap://x")


def test_a_machine_that_does_not_see_the_audio_says_so(instrument: TokenInstrument, tmp_path: Path) -> None:
    gone = [vanished(tmp_path / f"{i}.flac", i) for i in range(2)]
    with pytest.raises(EarwitnessError, match="None of 2 tracks' files is to be seen from this machine"):
        ask(gone, instrument, plan(instrument), tmp_path / "run")


def vanished(path: Path, number: int) -> tuple[Track, Path]:
    soundfile.write(path, [0.5] * 800, 16_000)
    found = located(path, track_id=f"t{number}", content_sha256=f"{number:064x}")
    path.unlink()
    return found


def test_shares_are_read_and_cover_all_parts_once() -> None:
    shards = [Shard.parse(f"{number}/3") for number in (1, 2, 3)]
    assert [[part for part in range(8) if shard.takes(part)] for shard in shards] == [[0, 3, 6], [1, 4, 7], [2, 5]]
    for wrong in ("0/3", "4/3", "3", "a/b", "1/", "-1/2", "1/3/5", ""):
        with pytest.raises(EarwitnessError, match="is no share; write 3/16"):
            Shard.parse(wrong)


def test_parts_depend_on_the_collection_alone(sources: Tracks) -> None:
    assert [tracks_per_part(n) for n in (1, 160, 512, 1000, 2048, 100_000)] == [8, 8, 8, 16, 32, 32]
    parts = parts_of(sources[::-1], 3)
    assert [[track.track_id for track, _ in part] for part in parts] == [["t0", "t1", "t2"], ["t3", "t4", "t5"], ["t6"]]

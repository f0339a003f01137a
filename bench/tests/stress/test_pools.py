"""The pools on disk are what the scenarios call for."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.errors import EarwitnessError
from earwitness.ground_truth.card import Card
from earwitness.ground_truth.registry import shipped
from earwitness_bench.stress import pools
from earwitness_bench.stress.other_tunes import read_air
from earwitness_bench.stress.pools import draw_tunes, pool_size, write_pools
from earwitness_bench.stress.treatments import TREATMENTS
from stress.test_other_tunes import AIR

CLIP = np.zeros(16_000, dtype=np.float32) + 0.25


def small_card() -> Card:
    on_card = shipped("fiddle").read()
    sides = [
        [tune for tune in on_card.tunes if tune.member is member][:count] for member, count in ((True, 3), (False, 6))
    ]
    return replace(on_card, tunes=tuple(sides[0] + sides[1]))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    class Shipped:
        read = staticmethod(small_card)

    air = read_air(AIR, "air")
    monkeypatch.setattr(pools, "shipped", lambda target: Shipped)
    monkeypatch.setattr(
        pools, "generated", lambda model, captions, *, seed: [CLIP + i / 100 for i in range(len(captions))]
    )
    monkeypatch.setattr(
        pools, "other_tunes", lambda known, count: [replace(air, name=f"air-{i}") for i in range(count)]
    )
    write_pools("hum", tmp_path / "model", tmp_path / "audio", 2, report=lambda line: None)
    return tmp_path / "audio"


def test_every_track_is_where_the_pools_say_and_in_the_manifest(written: Path) -> None:
    rows, manifest = (
        list(csv.DictReader((written / name).read_text().splitlines())) for name in ("pools.csv", "manifest.csv")
    )
    assert [row["path"] for row in rows] == [row["path"] for row in manifest]
    assert all(
        row["role"] == ("member" if int(pool["member"]) else "non_member")
        for row, pool in zip(manifest, rows, strict=True)
    )
    counts = {(row["treatment"], row["member"]) for row in rows}
    assert {("base", "1"), ("flute", "0"), ("ogg", "0"), ("airs", "0"), ("generated", "0"), ("opening", "0")} <= counts
    assert ("ogg", "1") not in counts
    outside = [row for row in rows if (row["treatment"], row["member"]) == ("base", "0")]
    assert len(outside) == 4
    groups = [{row["group"] for row in rows if row["treatment"] == name} for name in ("base", "generated", "airs")]
    assert not groups[0] & groups[1] | groups[0] & groups[2]


def test_tracks_hold_the_treated_tune_and_what_is_there_is_kept(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = {path.parent.parent.name: soundfile.info(path).frames for path in written.rglob("*.flac")}
    assert lengths.pop("opening") == lengths.pop("generated") == len(CLIP)
    assert set(lengths) == {*TREATMENTS, "airs"}
    assert all(length > 5 * 16_000 for length in lengths.values())
    monkeypatch.setattr(pools, "shipped", None)
    assert write_pools("hum", written, written, 2, report=lambda line: None) == written / "manifest.csv"


def test_one_tune_of_each_group_is_drawn() -> None:
    drawn = draw_tunes(shipped("fiddle").read(), False, 200)
    assert len({tune.group for tune in drawn}) == 200
    assert not any(tune.member for tune in drawn)
    assert draw_tunes(shipped("fiddle").read(), False, 100) == drawn[:100]
    with pytest.raises(EarwitnessError, match="take fewer tracks"):
        draw_tunes(shipped("fiddle").read(), True, 2000)


def test_sizes_of_pools() -> None:
    assert [pool_size("base", member, 120) for member in (True, False)] == [120, 240]
    assert [pool_size("slower", member, 120) for member in (True, False)] == [30, 60]
    assert pool_size("mp3", False, 40) == 40


def test_a_target_that_hears_no_rendered_tunes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="use fiddle or hum"):
        write_pools("chorale", tmp_path, tmp_path, 2, report=lambda line: None)

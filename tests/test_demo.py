"""The demonstration: its sets are disjoint and fair, and the shipped target is what its card says."""

from pathlib import Path

import polars as pl
import pytest

from earwitness import demo
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.registry import shipped


def test_no_group_falls_into_two_sets() -> None:
    tunes = shipped("fiddle").read().tunes
    sets = demo.draw_sets(tunes, tracks=90, seed=0)
    assert [len(drawn) for drawn in sets] == [90] * 4
    assert [{tune.member for tune in drawn} for drawn in sets] == [{True}, {False}, {False}, {False}]
    groups = [{tune.group for tune in drawn} for drawn in sets]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert demo.draw_sets(tunes, tracks=90, seed=1) != sets


def test_sets_that_cannot_be_drawn_are_named() -> None:
    with pytest.raises(EarwitnessError, match="too small for sets of 400"):
        demo.draw_sets(shipped("fiddle").read().tunes, tracks=400, seed=0)


@pytest.mark.slow
def test_known_members_are_found_on_the_shipped_target(tmp_path: Path) -> None:
    """The main job on a real model, 40 tunes per side: what was trained on must stand out."""
    trained_on, _ = demo.render_collections(tmp_path, tracks=40, seed=0, on_progress=lambda done, total: None)
    manifest = pl.read_csv(trained_on.manifest)
    assert set(manifest.columns) == {"path", "role", "group", "prompt", "title"}  # no word of membership
    result, page = demo.audit(trained_on, on_progress=lambda done, total: None)
    assert result.verdict == "evidence_of_use"
    assert result.p_value is not None
    assert result.p_value <= 0.005
    assert page.read_text(encoding="utf-8").count("evidence") > 0
    features = pl.read_parquet(trained_on.folder / "run" / "features" / "*.parquet")
    assert features["track_id"].n_unique() == sum(result.n_tracks.model_dump().values())

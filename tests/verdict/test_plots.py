"""The charts of a result hold its numbers, and no others."""

import numpy as np
import pytest
import vl_convert

from earwitness.stats.power import minimum_detectable_auc, power_at, power_from_smallest
from earwitness.verdict.plots import COLOURS
from earwitness.verdict.result import TrackResult
from tests.report.samples import bare_result, full_result, hostile


def values(chart, layer=None):
    """The data of a chart, or of one of its layers."""
    spec = chart.to_dict()
    data = (spec if layer is None else spec["layer"][layer])["data"]
    return data["values"] if "values" in data else spec["datasets"][data["name"]]


@pytest.mark.parametrize("name", ["scores", "roc", "power", "signals"])
def test_every_chart_can_be_drawn(name: str) -> None:
    chart = getattr(full_result().plot, name)()
    assert vl_convert.vegalite_to_svg(chart.to_dict(), allowed_base_urls=[]).startswith("<svg")
    with pytest.raises(ValueError, match="holds no"):
        getattr(bare_result("no_evidence").plot, name)()


def test_every_track_is_a_point() -> None:
    result = full_result(tracks=40)
    points = values(result.plot.scores())
    assert {(p["track"], p["group"], p["score"]) for p in points} == {
        (t.track_id, t.group, t.score) for t in result.tracks
    }
    assert {p["set"] for p in points} == {"Suspect", "Held-out"}
    assert set(result.plot.scores().to_dict()["encoding"]["color"]["scale"]["range"]) == set(COLOURS.values())


def test_the_roc_is_that_of_the_scores() -> None:
    scores = {"suspect": [3.0, 2.0], "held_out": [2.5, 1.0]}
    tracks = [
        TrackResult(track_id=f"{role}{i}", role=role, group="g", score=score)
        for role, listed in scores.items()
        for i, score in enumerate(listed)
    ]
    curve = values(full_result().model_copy(update={"tracks": tracks}).plot.roc(), 1)
    assert [(p["false"], p["true"]) for p in curve] == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]


def test_the_power_runs_through_the_recorded_point() -> None:
    smallest = minimum_detectable_auc(60, 50, group_size=5, icc=0.1)
    aucs = np.array([0.5, 0.55, smallest, 0.7])
    assert power_from_smallest(aucs, smallest) == pytest.approx(
        [power_at(auc, 60, 50, group_size=5, icc=0.1) for auc in aucs]
    )
    result = full_result()
    assert values(result.plot.power(), 1)[0]["auc"] == result.power.minimum_detectable_auc


def test_the_heaviest_features_stand_first_and_strangers_text_is_clean() -> None:
    result = full_result()
    shown = [p["feature"] for p in values(result.plot.signals(most=5))]
    heaviest = sorted(result.features, key=lambda f: -(f.weight or 0))[:5]
    assert shown == [f.name for f in heaviest]
    dirty, _ = hostile("\u202e<b>")
    assert all("\u202e" not in p["feature"] for p in values(dirty.plot.signals()))
    assert all("\u202e" not in p["group"] for p in values(dirty.plot.scores()))

"""Progress of a verdict: counted in relabellings, up to the end, and nothing else changes."""

import numpy as np
import polars as pl

from earwitness import FeatureTable, dataset_inference
from earwitness.verdict.steps import Steps


def table(n: int = 24) -> FeatureTable:
    rng = np.random.default_rng(0)
    roles = ["suspect", "held_out"] * n
    frame = pl.DataFrame({"track_id": [str(i) for i in range(2 * n)], "role": roles})
    columns = {name: pl.Series(rng.normal(size=2 * n)) for name in ("score", "blind/a", "blind/b")}
    return FeatureTable.from_frame(frame.with_columns(group=pl.col("track_id"), **columns), higher=["score"])


def test_relabellings_are_counted_to_the_end_and_the_result_is_the_same() -> None:
    told: list[tuple[int, int]] = []
    tracks = table()
    settings = {"permutations": 1999, "a_a_runs": 20, "effect_runs": 5}
    watched = dataset_inference(tracks, **settings, on_progress=lambda done, total: told.append((done, total)))
    done, totals = zip(*told, strict=True)
    assert len(set(totals)) == 1
    assert totals[0] >= 3 * 1999
    assert list(done) == sorted(done)
    assert done[0] == 0
    assert done[-1] == totals[0]
    assert len(told) > 20 + 3 * 10  # every split of the control and every test of a part tells
    assert watched == dataset_inference(tracks, **settings)


def test_a_stage_that_is_longer_or_shorter_than_foreseen_keeps_to_its_share() -> None:
    told: list[tuple[int, int]] = []
    steps = Steps(on_progress=lambda done, total: told.append((done, total)), total=30)
    steps.stage(10)
    steps.take(15)
    steps.stage(20)
    steps.take(5)
    steps.stage(0)
    assert told == [(0, 30), (10, 30), (10, 30), (15, 30), (30, 30)]

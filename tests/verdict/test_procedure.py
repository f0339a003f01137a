"""What measures the verdict runs the verdict: headline, blind features, gate and adjustment."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from earwitness.features import FeatureTable
from earwitness.verdict.calibration import calibrate
from earwitness.verdict.curves import sample_curve
from earwitness.verdict.inference import dataset_inference
from earwitness.verdict.procedure import Divided, Procedure


def _frame(*, shift: float, member: float = 0.0, side: int = 30, seed: int = 0) -> pl.DataFrame:
    """Two features that follow a cause; six blind features, the first of which is that cause."""
    rng = np.random.default_rng(seed)
    suspect = np.arange(2 * side) < side
    described = rng.normal(size=(2 * side, 6))
    described[:, 0] += shift * suspect
    values = described[:, :1] + rng.normal(size=(2 * side, 2)) + member * suspect[:, None]
    return pl.DataFrame(
        {
            "track_id": [f"t{i:03d}" for i in range(2 * side)],
            "role": np.where(suspect, "suspect", "held_out"),
            "group": [f"g{i:03d}" for i in range(2 * side)],
            **{f"f{j}": values[:, j] for j in range(2)},
            **{f"blind/b{j}": described[:, j] for j in range(6)},
        }
    )


@pytest.mark.parametrize(("shift", "member"), [(0.0, 1.5), (1.5, 0.0), (1.0, 2.5)])
def test_the_procedure_is_the_verdicts_own(shift: float, member: float) -> None:
    table = FeatureTable.from_frame(_frame(shift=shift, member=member), higher=["f*"])
    whole = dataset_inference(table, permutations=499, a_a_runs=0, effect_runs=0, seed=3)
    tracks = table.pooled()
    found = Procedure.of(tracks, alpha=0.01, permutations=499).finds(Divided.of(tracks), seed=3)
    assert found == (whole.p_value, whole.verdict == "evidence_of_use")


def test_calibration_runs_the_gate_too(tmp_path: Path) -> None:
    _frame(shift=0.0, side=20).write_parquet(tmp_path / "scores.parquet")
    found = calibrate(tmp_path / "scores.parquet", runs=60, alphas=[0.3, 0.05], higher=["f*"])
    assert [level.alpha for level in found.verdicts] == [0.05, 0.3]
    for level, verdict in zip(found.levels, found.verdicts, strict=True):
        assert verdict.rejections <= level.rejections
    assert found.verdicts[1].rejections > 0
    assert "evidence" in found.text()
    # Half of each feature is a blind one: without what that says, the same splits have other p-values.
    bare = _frame(shift=0.0, side=20).select(pl.exclude("^blind/.*$"))
    bare.write_parquet(tmp_path / "bare.parquet")
    plain = calibrate(tmp_path / "bare.parquet", runs=60, alphas=[0.3, 0.05], higher=["f*"])
    assert plain.p_values != found.p_values
    assert [v.rejections for v in plain.verdicts] == [level.rejections for level in plain.levels]


def test_the_exact_curve_counts_verdicts_and_a_shift_that_was_measured_is_none() -> None:
    settings = {"method": "exact", "sizes": [30], "draws": 3, "null_runs": 20, "alpha": 0.05}
    used = sample_curve(FeatureTable.from_frame(_frame(shift=0.0, member=2.0), higher=["f*"]), **settings)  # type: ignore[arg-type]
    assert (used.points[0].share_rejected, used.points[0].share_evidence) == (1, 1)
    shifted = sample_curve(FeatureTable.from_frame(_frame(shift=1.5), higher=["f*"]), **settings)  # type: ignore[arg-type]
    assert shifted.points[0].share_evidence == 0
    published = sample_curve(
        FeatureTable.from_frame(_frame(shift=1.5), higher=["f*"]), method="iar", sizes=[30], draws=2, null_runs=1
    )
    assert published.points[0].share_evidence is None
    assert published.points[0].mean_p < 0.01


def test_the_published_sum_takes_the_papers_directions() -> None:
    # CAMIA's directions are unknown here, but the published sum counts it.
    frame = _frame(shift=0.0).rename({"f0": "loss", "f1": "camia/slope"}).select(pl.exclude("^blind/.*$"))
    assert sample_curve(FeatureTable.from_frame(frame), method="iar", sizes=[30], draws=1, null_runs=1).features == 2


def test_more_groups_than_a_float_can_count_are_calibrated(tmp_path: Path) -> None:
    _frame(shift=0.0, side=1050).select(pl.exclude("^blind/.*$")).write_parquet(tmp_path / "scores.parquet")
    assert calibrate(tmp_path / "scores.parquet", runs=1, higher=["f*"]).groups == 1050

"""The papers' curve against its closed form, with the false-alarm rates that stand beside it."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtri

from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.verdict.curves import sample_curve
from tests.cli.test_bad_input import one_line, run


def scores(suspect: np.ndarray, held_out: np.ndarray, *, group_size: int = 1) -> pl.DataFrame:
    """One feature column per column of the arrays; groups of neighbours, on one side each."""
    sides = [("suspect", suspect), ("held_out", held_out)]
    parts = [
        pl.DataFrame(
            {
                "track_id": [f"{role}-{i:04}" for i in range(len(values))],
                "role": [role] * len(values),
                "group": [f"{role}-album-{i // group_size}" for i in range(len(values))],
                **{f"score_{j}": column for j, column in enumerate(values.T)},
            }
        )
        for role, values in sides
    ]
    return pl.concat(parts)


def gaussian(n: int, *, mean: float = 0.0) -> np.ndarray:
    """The n-quantiles of a normal distribution: a sample without sampling error."""
    return mean + ndtri((np.arange(n) + 0.5) / n)[:, None]


def table(frame: pl.DataFrame) -> FeatureTable:
    return FeatureTable.from_frame(frame, higher=["score_*", "score_0"])


@pytest.mark.slow
@pytest.mark.parametrize("d", [1.0, 0.8])
def test_minimum_samples_are_near_the_closed_form(
    d: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Mean two-sided p is .01 at about 26.5/d² tracks per side.
    scores(gaussian(1000, mean=d), gaussian(1000)).write_parquet(tmp_path / "scores.parquet")
    sizes = range(round(21 / d**2), round(33 / d**2) + 1, 2)
    arguments = [option for size in sizes for option in ("--size", size)]
    assert (
        run(
            monkeypatch, "curve", tmp_path / "scores.parquet", "--method", "iar", "--higher", "score_*",
            "--draws", 600, *arguments, "--json",
        )
        == 0
    )  # fmt: skip
    content = json.loads(capsys.readouterr().out)
    assert [point["n"] for point in content["points"]] == list(sizes)
    assert content["minimum_samples"] == pytest.approx(26.5 / d**2, rel=0.12)
    assert min(point["mean_p"] for point in content["points"]) < 0.01 < content["points"][0]["mean_p"]
    # The sum of scaled features keeps its level where tracks are independent.
    for level in (content["held_out_level"], content["simulated_level"]):
        assert level["runs"] == 500
        assert level["low"] <= 0.01 <= level["high"]


def test_albums_show_in_the_level_beside_the_curve() -> None:
    rng = np.random.default_rng(3)
    albums = [np.repeat(rng.normal(size=(8, 1)), 10, axis=0) for _ in range(2)]
    sides = [0.7 * album + 0.7 * rng.normal(size=album.shape) for album in albums]
    found = sample_curve(
        table(scores(*sides, group_size=10)), method="iar", sizes=[20], draws=20, alpha=0.05, null_runs=300
    )
    assert (found.group_size, found.n_groups.suspect) == (10, 8)
    assert 0.3 < found.intraclass_correlation < 0.7
    assert found.held_out_level is not None
    assert found.simulated_level is not None
    assert found.held_out_level.low > 0.05
    # Closed form: the standard error is too small by √(1 + 9ρ); of 80 tracks per side the rate is 2Φ(−1.96/√(1 + 9ρ)).
    assert 0.3 < found.simulated_level.rejection_rate < 0.5
    assert "fires too often" in " ".join(found.sentences())
    assert "groups are ignored" in " ".join(found.sentences())


@pytest.mark.slow
def test_exact_relabels_drawn_tracks_by_group() -> None:
    # Two albums per side: six ways to relabel them, so no draw of tracks can go below p = 1/6.
    rng = np.random.default_rng(4)
    sides = [rng.normal(size=(20, 1)) + mean for mean in (9, 0)]
    found = sample_curve(table(scores(*sides, group_size=10)), method="exact", sizes=[10, 20], draws=5, null_runs=1)
    assert found.points[1].mean_p == pytest.approx(1 / 6)
    assert found.points[0].low >= 1 / 6 - 1e-12
    assert (found.minimum_samples, found.held_out_level, found.simulated_level) == (None, None, None)
    assert "too few to be split" in " ".join(found.notes)
    single = sample_curve(table(scores(*sides)), method="exact", sizes=[10], draws=5, alpha=0.05, null_runs=100)
    assert single.points[0].mean_p == pytest.approx(1 / 500)
    assert single.minimum_samples == 10
    assert single.held_out_level is not None
    assert single.held_out_level.low <= 0.05 <= single.held_out_level.high


def test_default_sizes_double_up_to_the_smaller_set() -> None:
    found = sample_curve(table(scores(gaussian(50), gaussian(33))), method="iar", draws=2, null_runs=1)
    assert [point.n for point in found.points] == [5, 10, 20, 33]


@pytest.mark.slow
def test_the_page_and_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scores(gaussian(12, mean=9), gaussian(12)).write_parquet(tmp_path / "scores.parquet")
    arguments = ["curve", tmp_path / "scores.parquet", "--method", "iar", "--lower", "score_0", "--draws", 20]
    assert run(monkeypatch, *arguments, "--size", 12, "--size", 6, "--plot", tmp_path / "curve.html") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "iar: 20 draws of each size, 1 features" in said
    # Published, the direction is ignored: a sum that separates the wrong way counts all the same.
    assert "Mean p reaches 0.01 at 6 tracks per side" in said
    page = (tmp_path / "curve.html").read_text(encoding="utf-8")
    assert '"tracks per side": 6' in page
    assert "<script src=" not in page
    assert run(monkeypatch, *arguments, "--size", 12, "--corrected") == 0
    assert "Mean p stays above 0.01 at every size tried" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("more", "needed"),
    [
        (["--size", 31], "31 tracks per side cannot be drawn"),
        (["--method", "guess"], "guess"),
        (["--alpha", 0], "alpha"),
        (["--method", "exact", "--corrected"], "no corrected form"),
        (["--method", "cdi", "--size", 3], "needs 5 tracks"),
    ],
)
def test_mistakes_are_one_line(
    more: list[object],
    needed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores(gaussian(30), gaussian(30)).write_parquet(tmp_path / "scores.parquet")
    assert run(monkeypatch, "curve", tmp_path / "scores.parquet", "--higher", "score_*", "--draws", 2, *more) == 2
    assert needed in one_line(capsys)


def test_groups_on_both_sides_are_refused() -> None:
    frame = scores(gaussian(10), gaussian(10)).with_columns(group=pl.lit("one album"))
    with pytest.raises(EarwitnessError, match="tracks on both sides"):
        sample_curve(table(frame), method="iar")

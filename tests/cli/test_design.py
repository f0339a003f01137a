"""What a manifest says of pairs and strata reaches the feature table, the plan, the verdict and the report."""

import json
from itertools import product
from pathlib import Path

import pytest

from earwitness.collection.tracks import Collection
from earwitness.features import FeatureTable
from earwitness.measure.plan import Plan
from earwitness.verdict.result import DatasetInferenceResult
from tests.cli.test_bad_input import model, one_line, run, write_sets  # noqa: F401 (a fixture)


def manifest(folder: Path, column: str, labels: list[str]) -> Path:
    """Two sets of noise, and a manifest that gives the n-th track of each side the n-th label."""
    if not (folder / "suspect").exists():
        write_sets(folder, tracks=len(labels), seconds=1.2)
    lines = [
        f"{side}/{n}.wav,{role},{label}"
        for (side, role), (n, label) in product((("suspect", "suspect"), ("held-out", "held_out")), enumerate(labels))
    ]
    path = folder / f"{column}-{'-'.join(labels)}.csv"
    path.write_text("\n".join([f"path,role,{column}", *lines]))
    return path


def audit(monkeypatch: pytest.MonkeyPatch, model: Path, listed: Path, out: Path) -> int:  # noqa: F811
    return run(
        monkeypatch, "audit", "--target", model, "--manifest", listed, "--out", out, "--seconds", 1,
        "--windows-per-track", 1, "--permutations", 999, "--alpha", 0.05,
    )  # fmt: skip


@pytest.mark.slow
def test_pairs_reach_everything(
    tmp_path: Path,
    model: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    works = [f"Work {n}" for n in range(6)]
    out = tmp_path / "run"
    assert audit(monkeypatch, model, manifest(tmp_path, "pair", works), out) == 0
    table = FeatureTable.read(out).frame
    role_of_pair = table.group_by("pair").agg("role")
    assert sorted(role_of_pair["pair"]) == [f"work {n}" for n in range(6)]
    assert {tuple(sorted(set(roles))) for roles in role_of_pair["role"]} == {("held_out", "suspect")}
    assert {track.pair for track in Plan.read(out).tracks} == {f"work {n}" for n in range(6)}
    result = DatasetInferenceResult.read(out / "result.json")
    assert result.p_value_floor == 2**-6
    assert result.p_value is not None
    assert result.p_value * 2**6 == pytest.approx(round(result.p_value * 2**6))
    assert "6 pairs" in " ".join(result.reasons)
    assert result.plan_hash == Plan.read(out).hash
    page = (out / "report.html").read_text()
    assert "6 pairs" in page
    assert '<th scope="col">Pair</th>' in page
    assert "<td>work 3</td>" in page
    assert "within each pair" in page
    capsys.readouterr()
    assert audit(monkeypatch, model, manifest(tmp_path, "pair", [*works[:5], "other"]), out) == 2
    assert "pair" in one_line(capsys)


@pytest.mark.slow
def test_strata_reach_everything(
    tmp_path: Path,
    model: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "run"
    listed = manifest(tmp_path, "stratum", ["Live", "live ", "Live", "Studio", "studio", "Studio"])
    assert audit(monkeypatch, model, listed, out) == 0
    assert sorted(FeatureTable.read(out).frame["stratum"].unique()) == ["live", "studio"]
    assert {track.stratum for track in Plan.read(out).tracks} == {"live", "studio"}
    result = DatasetInferenceResult.read(out / "result.json")
    assert result.p_value_floor == 1 / 20**2  # 3 of 6 groups in each stratum
    page = (out / "report.html").read_text()
    assert '<th scope="col">Stratum</th>' in page
    assert "within each stratum" in page


def test_the_plan_hash_knows_pairs_and_strata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from earwitness.measure.plan import track_differences, track_plans

    plans = []
    for column, labels in (("pair", ["a", "b"]), ("pair", ["a", "c"]), ("stratum", ["a", "b"])):
        run_folder = tmp_path / f"run{len(plans)}"
        assert run(monkeypatch, "index", run_folder, "--manifest", manifest(tmp_path, column, labels)) == 0
        plans.append(track_plans(Collection.read(run_folder).tracks))
    assert len({json.dumps([track.model_dump() for track in plan], sort_keys=True) for plan in plans}) == 3
    assert track_differences(plans[0], plans[1])
    assert track_differences(plans[0], plans[2])

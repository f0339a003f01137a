"""Experiments run end to end on tiny checkpoints, and the tables say what their parts say."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from earwitness.bench.paper import run as running
from earwitness.bench.paper.check import Checked, check
from earwitness.bench.paper.commands import Machine
from earwitness.bench.paper.run import Effort, run_experiment
from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.targets.figaro import FigaroConfig, FigaroModel, save_figaro
from earwitness.verdict.curves import SampleCurve
from earwitness.verdict.membership import MembershipResult
from earwitness.verdict.result import DatasetInferenceResult
from tests.bench.paper.layouts import write_attributions, write_audiocaps, write_lakh
from tests.bench.paper.test_check import one, sized
from tests.targets.test_audioldm import save_tiny
from tests.tiny import save_tiny_musicgen

LITTLE = Effort(
    permutations=199, control_runs=3, curve_draws=2, exact_curve_draws=2, null_runs=3, bootstrap=100
)  # fmt: skip
HERE = Machine(device="cpu")
METHODS = ["exact", "cdi", "iar", "llm-di"]


@pytest.fixture(scope="module")
def musicgen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checked, Path]:
    """A finished run of MusicGen on AudioCaps."""
    folder = tmp_path_factory.mktemp("musicgen")
    write_audiocaps(folder / "data", train=10, val=4, test=6)
    model = save_tiny_musicgen(folder / "model")
    (found,) = check(sized(["musicgen"], 10), {"--audiocaps": folder / "data"}, {"musicgen": str(model)})
    run_experiment(found, folder / "out", machine=HERE, effort=LITTLE)
    return found, folder / "out"


@pytest.mark.slow
def test_the_tables_repeat_the_records(musicgen: tuple[Checked, Path]) -> None:
    folder = musicgen[1] / "musicgen"
    verdicts = pl.read_csv(folder / "verdicts.csv")
    assert verdicts.select("preset", "method").rows() == [(p, m) for p in ("iar", "default") for m in METHODS]
    assert verdicts.select("suspect_tracks", "held_out_groups").unique().rows() == [(10, 10)]
    for row in verdicts.iter_rows(named=True):
        result = DatasetInferenceResult.read(folder / row["preset"] / f"result-{row['method']}.json")
        assert (row["verdict"], row["p_value"]) == (result.verdict, pytest.approx(result.p_value))
        curve = SampleCurve.model_validate_json((folder / row["preset"] / f"curve-{row['method']}.json").read_text())
        assert row["minimum_samples"] == curve.minimum_samples
    attacks = pl.read_csv(folder / "attacks.csv")
    for preset in ("iar", "default"):
        found = MembershipResult.read(folder / preset / "membership.json")
        rows = attacks.filter(pl.col("preset") == preset)
        assert rows["feature"].to_list() == ["combined", *(feature.name for feature in found.features)]
        assert rows["area_under_curve"].to_list() == pytest.approx(
            [found.combined.auc.estimate, *(feature.auc.estimate for feature in found.features)]
        )
        assert not rows["resolved_at_0.01_false_positives"].any()
    assert attacks.filter(pl.col("preset") == "iar").height == 1 + 18
    collections = pl.read_csv(folder / "collections.csv")
    assert collections.select("preset", "method", "tracks").rows() == [
        (preset, method, tracks) for preset in ("iar", "default") for method in METHODS for tracks in (5, 10)
    ]


def test_captions_guide_and_roles_are_what_is_known(musicgen: tuple[Checked, Path]) -> None:
    table = FeatureTable.read(musicgen[1] / "musicgen" / "iar")
    assert set(table.frame["role"]) == {"suspect", "held_out"}
    assert table.frame.height == 20
    assert "loss/codebook=0/contrast" in table.feature_names


@pytest.mark.slow
def test_a_second_run_asks_nothing_twice(musicgen: tuple[Checked, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    checked, out = musicgen
    before = {path: path.read_bytes() for path in (out / "musicgen").glob("*.csv")}
    assert len(before) == 4  # the manifest and three tables

    def refuse(*_: object, **__: object) -> SampleCurve:
        raise AssertionError("the curve was there")

    monkeypatch.setattr(running, "sample_curve", refuse)
    parts = {path: path.stat().st_mtime_ns for path in out.rglob("part-*.parquet")}
    run_experiment(checked, out, machine=HERE, effort=LITTLE)
    assert {path: path.read_bytes() for path in before} == before
    assert {path: path.stat().st_mtime_ns for path in parts} == parts
    with pytest.raises(AssertionError, match="the curve was there"):
        run_experiment(checked, out, machine=HERE, effort=replace(LITTLE, exact_curve_draws=3))


@pytest.mark.slow
def test_figaro_runs_on_lakh(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = {"d_model": 16, "num_attention_heads": 2, "intermediate_size": 32, "encoder_layers": 1, "decoder_layers": 1}
    net = FigaroModel(FigaroConfig(**sizes, context_size=64))
    for parameter in net.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    save_figaro(tmp_path / "model", net)
    write_lakh(tmp_path / "lakh", train=10, test=10)
    (experiment,) = sized(["figaro"], 10)
    experiment = replace(experiment, presets=("iar",))
    (found,) = check([experiment], {"--lakh": tmp_path / "lakh"}, {"figaro": str(tmp_path / "model")})
    tables = run_experiment(found, tmp_path / "out", machine=HERE, effort=LITTLE)
    table = FeatureTable.read(tmp_path / "out" / "figaro" / "iar")
    assert table.frame.height == 20  # one context a file
    assert set(table.frame["role"]) == {"member", "non_member"}
    assert not any("contrast" in name for name in table.feature_names)
    assert tables.verdicts["method"].to_list() == METHODS


@pytest.mark.slow
def test_a_diffusion_model_runs_on_the_attribution_lists(tmp_path: Path) -> None:
    model = save_tiny("audioldm", tmp_path / "model")
    write_attributions(tmp_path / "data", members=10, others=10, authors=10)
    (experiment,) = sized(["stable-audio-open-freesound"], 10)
    # The tiny model is of another family than the experiment's, and knows windows of .64 s.
    experiment = replace(experiment, families=("audioldm",), presets=("cdi",), seconds=0.64)
    (found,) = check([experiment], {"--stable-audio": tmp_path / "data"}, {experiment.name: str(model)})
    tables = run_experiment(found, tmp_path / "out", machine=HERE, effort=LITTLE)
    assert tables.attacks.height == 1 + 26
    assert tables.verdicts.select("suspect_groups", "held_out_groups").unique().rows() == [(10, 10)]
    assert FeatureTable.read(tmp_path / "out" / experiment.name / "cdi").frame.height == 20


def test_what_is_not_ready_does_not_run(tmp_path: Path) -> None:
    write_lakh(tmp_path)
    with pytest.raises(EarwitnessError, match="The experiment figaro is not ready"):
        run_experiment(one("figaro", "--lakh", tmp_path), tmp_path / "out", machine=HERE)

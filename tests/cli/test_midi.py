"""Scores go through the same commands as audio."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import symusic
import torch

from earwitness.features import FeatureTable
from earwitness.measure.plan import Plan
from earwitness.targets.figaro import FigaroConfig, FigaroModel, save_figaro
from tests.cli.test_bad_input import one_line, run
from tests.tiny import save_tiny_musicgen


def write_score(path: Path, seed: int, bars: int = 12) -> Path:
    """A melody of eighths in four-four, of its own."""
    rng = np.random.default_rng(seed)
    score = symusic.Score(480)
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    score.tempos.append(symusic.Tempo(0, qpm=120))
    track = symusic.Track(program=0)
    for eighth in range(8 * bars):
        track.notes.append(symusic.Note(240 * eighth, 240, int(rng.integers(55, 80)), 80))
    score.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    score.dump_midi(path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figaro")
    torch.manual_seed(0)
    sizes = {"d_model": 16, "num_attention_heads": 2, "intermediate_size": 32, "encoder_layers": 1, "decoder_layers": 1}
    net = FigaroModel(FigaroConfig(**sizes, context_size=64))
    for parameter in net.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    save_figaro(folder, net)
    return folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("scores")
    for side, name in enumerate(("suspect", "held-out")):
        for i in range(6):
            write_score(folder / name / f"{i}.mid", 100 * side + i)
    (folder / "suspect" / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\xff\xff")
    return folder / "suspect", folder / "held-out"


@pytest.mark.slow
def test_scores_are_audited_like_audio(
    model: Path,
    sets: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    arguments = ["--target", model, "--suspect", sets[0], "--held-out", sets[1], "--out", out, "--permutations", 199]
    further = ["--with", "surp", "--with", "neighbour", "--with", "recall", "--with", "grad_norm"]
    anchors = tmp_path / "anchors"
    write_score(anchors / "a.mid", 999)
    assert run(monkeypatch, "audit", *arguments, *further, "--anchors", anchors) == 0, capsys.readouterr().err
    tracks = pl.read_parquet(out / "tracks.parquet")
    assert tracks["codec"].unique().to_list() == ["midi"]
    assert tracks["seconds"].to_list() == [24.0] * 12
    assert "broken.mid" in pl.read_parquet(out / "failures.parquet")["message"][0]
    table = FeatureTable.read(out)
    assert {"excess_loss/codebook=0", "surp/k=0.2/h=2/codebook=0", "grad_norm", "blind/pitch_mean"} <= set(
        table.feature_names
    )
    assert np.isfinite(table.frame.select("excess_loss/codebook=0", "grad_norm", "blind/pitch_mean").to_numpy()).all()
    # A window of a score cannot be put behind another: its bars and description hold for their own place.
    assert np.isnan(table.frame["recall/codebook=0"].to_numpy()).all()
    plan = Plan.read(out)
    assert (plan.audio, plan.windows.tokens, plan.windows.seconds) == (None, 64, None)
    assert json.loads((out / "result.json").read_text())["n_tracks"] == {"suspect": 6, "held_out": 6}
    assert run(monkeypatch, "verify", out) == 0


def test_a_reference_reads_the_same_tokens(
    model: Path, sets: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    torch.manual_seed(1)
    save_figaro(
        other,
        FigaroModel(
            FigaroConfig(
                d_model=16, num_attention_heads=2, intermediate_size=32, encoder_layers=1, decoder_layers=1,
                context_size=64,
            )
        ),
    )  # fmt: skip
    out = tmp_path / "run"
    arguments = ["--target", model, "--suspect", sets[0], "--held-out", sets[1], "--out", out, "--permutations", 199]
    assert run(monkeypatch, "audit", *arguments, "--reference", other) == 0
    frame = pl.read_parquet(out / "features" / "*.parquet")
    name = next(name for name in frame.columns if name.startswith("reference/of=loss"))
    assert np.isfinite(frame[name].to_numpy()).all()


def test_audio_and_scores_are_not_mixed_up(
    model: Path,
    sets: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    audio_target = save_tiny_musicgen(tmp_path / "musicgen")
    arguments = ["audit", "--suspect", sets[0], "--held-out", sets[1], "--permutations", 199]
    assert run(monkeypatch, *arguments, "--target", audio_target, "--seconds", 1, "--out", tmp_path / "run") == 2
    one_line(capsys)
    failures = pl.read_parquet(tmp_path / "run" / "failures.parquet").filter(pl.col("stage") == "extract")
    assert "is a score, and the target takes audio" in failures["message"][0]
    assert run(monkeypatch, *arguments, "--target", model, "--seconds", 1, "--out", tmp_path / "other") == 2
    assert "leave --seconds out" in one_line(capsys)


def test_the_suite_checks_symbolic_targets(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "check", "--target", model) == 0
    assert "holds: batch-mates change nothing" in capsys.readouterr().out

"""Every mistake a user can make ends with one line, exit status 2 and no traceback."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.cli import main
from tests.tiny import SAMPLE_RATE, save_tiny_musicgen


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_musicgen(tmp_path_factory.mktemp("model"))


def write_sets(folder: Path, *, tracks: int = 6, seconds: float = 1.5) -> tuple[Path, Path]:
    """Two folders of noise, one track a file."""
    for side, name in enumerate(("suspect", "held-out")):
        (folder / name).mkdir(parents=True)
        for i in range(tracks):
            wave = np.random.default_rng([side, i]).normal(scale=0.2, size=round(seconds * SAMPLE_RATE)).clip(-1, 1)
            soundfile.write(folder / name / f"{i}.wav", wave, SAMPLE_RATE)
    return folder / "suspect", folder / "held-out"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command line; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["earwitness", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def audit(monkeypatch: pytest.MonkeyPatch, model: Path, suspect: Path, held_out: Path, out: Path, *more: object) -> int:
    return run(
        monkeypatch, "audit", "--target", model, "--suspect", suspect, "--held-out", held_out, "--out", out,
        "--seconds", 1, "--permutations", 199, *more,
    )  # fmt: skip


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The message, having checked that it is one line and no traceback."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("earwitness:")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.slow
def test_missing_empty_and_hopeless_folders(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = write_sets(tmp_path)
    assert audit(monkeypatch, model, tmp_path / "nowhere", held_out, tmp_path / "run") == 2
    assert "nowhere" in one_line(capsys)
    (tmp_path / "empty").mkdir()
    assert audit(monkeypatch, model, suspect, tmp_path / "empty", tmp_path / "run") == 2
    assert "empty" in one_line(capsys)
    (tmp_path / "empty" / "text.wav").write_text("no audio")
    assert audit(monkeypatch, model, suspect, tmp_path / "empty", tmp_path / "run") == 2
    assert "text.wav" in one_line(capsys)


@pytest.mark.slow
def test_single_bad_files_are_listed_and_the_audit_goes_on(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import polars as pl

    from earwitness.verdict.result import DatasetInferenceResult

    suspect, held_out = write_sets(tmp_path)
    good = (suspect / "0.wav").read_bytes()
    (suspect / "truncated.wav").write_bytes(good[: len(good) // 2])
    (suspect / "zero-length.wav").write_bytes(b"")
    (suspect / "text.wav").write_text("this is not audio at all")
    soundfile.write(suspect / "silence.wav", np.zeros(2 * SAMPLE_RATE), SAMPLE_RATE)
    soundfile.write(suspect / "nan.wav", np.full(2 * SAMPLE_RATE, np.nan), SAMPLE_RATE, subtype="FLOAT")
    soundfile.write(suspect / "short.wav", np.random.default_rng(9).normal(scale=0.1, size=4000), SAMPLE_RATE)
    (suspect / "twin.wav").write_bytes(good)
    assert audit(monkeypatch, model, suspect, held_out, tmp_path / "run") == 0
    rows = pl.read_parquet(tmp_path / "run" / "failures.parquet")
    assert set(rows["path"]) == {
        f"{name}.wav" for name in ("truncated", "zero-length", "text", "silence", "nan", "short", "twin")
    }
    assert rows["message"].str.contains("\n").sum() == 0
    result = DatasetInferenceResult.read(tmp_path / "run" / "result.json")
    assert result.n_tracks.suspect == 6
    assert (result.failures.suspect, result.failures.held_out) == (7, 0)
    assert "Traceback" not in capsys.readouterr().err


def test_the_same_track_in_both_sets(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = write_sets(tmp_path)
    samples, rate = soundfile.read(suspect / "3.wav")
    soundfile.write(held_out / "other-name.flac", samples, rate)
    assert audit(monkeypatch, model, suspect, held_out, tmp_path / "run") == 2
    assert "other-name.flac" in one_line(capsys)


@pytest.mark.slow
def test_too_few_groups_are_a_verdict_not_an_error(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = write_sets(tmp_path, tracks=2)
    assert audit(monkeypatch, model, suspect, held_out, tmp_path / "run", "--json") == 0
    assert '"verdict": "cannot_be_tested"' in capsys.readouterr().out
    assert (tmp_path / "run" / "report.html").is_file()


def test_directories_that_hold_no_usable_model(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = write_sets(tmp_path)
    assert audit(monkeypatch, tmp_path, suspect, held_out, tmp_path / "run") == 2
    assert "no model of a known family" in one_line(capsys)
    hostile = save_tiny_musicgen(tmp_path / "hostile", safe=False)
    (hostile / "pytorch_model.bin").write_bytes(pickle.dumps({"x": print}, 2))
    assert audit(monkeypatch, hostile, suspect, held_out, tmp_path / "run") == 2
    assert "pickle" in one_line(capsys)


@pytest.mark.slow
def test_other_settings_in_a_used_folder_lose_nothing(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = write_sets(tmp_path)
    out = tmp_path / "run"
    assert audit(monkeypatch, model, suspect, held_out, out) == 0
    kept = {path: path.read_bytes() for path in out.rglob("*.parquet")}
    assert audit(monkeypatch, model, suspect, held_out, out, "--windows-per-track", 2) == 2
    assert "windows.per_track was 6, now 2" in one_line(capsys)
    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == kept
    assert run(monkeypatch, "verify", out) == 0


@pytest.mark.slow
def test_another_collection_in_a_used_folder_loses_nothing(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = write_sets(tmp_path)
    soundfile.write(suspect / "short.wav", np.random.default_rng(9).normal(scale=0.1, size=4000), SAMPLE_RATE)
    out = tmp_path / "run"
    assert audit(monkeypatch, model, suspect, held_out, out) == 0
    kept = {path: path.read_bytes() for path in out.rglob("*.parquet")}
    assert audit(monkeypatch, model, suspect, held_out, out, "--preset", "iar") == 2
    assert "preset was default, now iar" in one_line(capsys)
    (suspect / "1.wav").unlink()
    assert audit(monkeypatch, model, suspect, held_out, out) == 2
    assert "other tracks or prompts" in one_line(capsys)
    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == kept


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["test", "no.parquet"], "no.parquet"),
        (["report", "no-run"], "no-run"),
        (["verify", "no-run"], "no-run"),
        (["extract", "no-run", "--target", "x/y/z"], "no-run"),
        (["signals", "--preset", "all"], "no preset 'all'"),
        (["reference", "path", "violin"], "no ground-truth target 'violin'"),
    ],
)
def test_wrong_arguments(
    arguments: list[str],
    needed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    assert needed in one_line(capsys)


@pytest.mark.slow
@pytest.mark.parametrize("more", [["--alpha", "2"], ["--alpha", "0"], ["--method", "guess"], ["--contrast", "maybe"]])
def test_settings_out_of_range(
    more: list[str], tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = write_sets(tmp_path)
    assert audit(monkeypatch, model, suspect, held_out, tmp_path / "run", *more) == 2
    assert more[1] in one_line(capsys)


def test_an_empty_statement_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = write_sets(tmp_path, tracks=1)
    assert audit(monkeypatch, tmp_path / "no model", suspect, held_out, tmp_path / "run", "--comparable", " ") == 2
    assert "say why in a few words" in one_line(capsys)
    assert not (tmp_path / "run").exists()

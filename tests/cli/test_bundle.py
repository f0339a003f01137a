"""The tampering table: whatever of a run or a bundle was changed, and however well it was hidden, is named."""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from earwitness.errors import EarwitnessError
from earwitness.measure.plan import Plan
from earwitness.record import run_folder
from earwitness.report.bundle import write_bundle_hashes
from earwitness.report.html import page_of
from earwitness.verdict.attempts import FIRST, line_hash
from earwitness.verification.remeasure import other_measurements, settings_of_plan
from tests.cli.test_bad_input import audit, one_line, run, write_sets
from tests.tiny import save_tiny_musicgen

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a case: two sets, a model, and a run that kept to a committed plan, with a second attempt."""
    case = tmp_path_factory.mktemp("case")
    suspect, held_out = write_sets(case)
    model = save_tiny_musicgen(case / "model")
    with pytest.MonkeyPatch.context() as patch:
        plan = ("plan", "--commit", "--target", model, "--suspect", suspect, "--held-out", held_out)
        assert run(patch, *plan, "--out", case / "run", "--seconds", 1, "--permutations", 199) == 0
        assert not (case / "run" / "features").exists()
        assert audit(patch, model, suspect, held_out, case / "run") == 0
        assert run(patch, "test", case / "run", "--alpha", 0.2, "--permutations", 199) == 0
        assert run(patch, "report", case / "run", "--title", "Case 17") == 0
    return case


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original / "run", tmp_path / "run"))


def test_a_plan_that_was_kept_is_said_so_in_the_report(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    committed = json.loads((folder / "commitment.json").read_text())["plan_hash"]
    assert committed == Plan.read(folder).hash
    assert "before the model was asked; the run kept to it" in page
    assert committed in page


def test_a_committed_plan_binds_and_cannot_be_made_late(
    original: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = ("--suspect", original / "suspect", "--held-out", original / "held-out", "--target", original / "model")
    late = ("plan", "--commit", *sets, "--seconds", 1, "--permutations", 199, "--out", folder)
    (folder / "commitment.json").unlink()
    assert run(monkeypatch, *late) == 2
    assert "can no longer be committed" in one_line(capsys)
    shutil.copytree(original / "run", folder.parent / "early", ignore=shutil.ignore_patterns("features", "att*"))
    early = folder.parent / "early"
    assert run(monkeypatch, "audit", *sets, "--seconds", 1, "--permutations", 99, "--out", early) == 2
    assert "permutations was 199, now 99" in one_line(capsys)


def test_a_sound_run_and_its_bundle_pass(
    original: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = folder.parent / "case.zip"
    assert run(monkeypatch, "bundle", folder, "--out", bundle) == 0
    first = bundle.read_bytes()
    assert run(monkeypatch, "bundle", folder, "--out", bundle) == 0
    assert bundle.read_bytes() == first
    with zipfile.ZipFile(bundle) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".wav", ".flac", ".mp3"))]
        assert "run/attempts/0002.json" in archive.namelist()
    capsys.readouterr()
    audio = ("--audio", original / "suspect", "--audio", original / "held-out")
    assert run(monkeypatch, "verify", bundle, *audio, "--target", original / "model", "--sample", 3) == 0
    said = capsys.readouterr().out
    assert "Results computed again from the feature table: 2, the same byte for byte." in said
    assert "12 audio files found, as indexed." in said
    assert "3 tracks measured again: the model gives the same features." in said


def test_a_preset_that_has_changed_since_is_not_held_against_a_run(original: Path, folder: Path) -> None:
    plan = Plan.read(folder)
    plan.model_copy(update={"signals": plan.signals[:1]}).write(folder)
    settings = settings_of_plan(plan, str(original / "model"))
    with pytest.raises(EarwitnessError, match=r"asks the target otherwise than .* was asked \(signals\).*environment"):
        list(other_measurements(folder, {}, settings, sample=1, seed=0))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def raise_scores(folder: Path) -> None:
    """Make the suspect tracks look trained on."""
    part = folder / "features" / "part-00000.parquet"
    frame, metadata = pl.read_parquet(part), pl.read_parquet_metadata(part)
    suspects = pl.read_parquet(folder / "tracks.parquet").filter(pl.col("role") == "suspect")["track_id"]
    name = next(name for name in frame.columns if name.startswith("excess_loss"))
    lowered = pl.when(pl.col("track_id").is_in(suspects.implode())).then(pl.col(name) - 5).otherwise(pl.col(name))
    frame.with_columns(lowered).write_parquet(part, metadata={k: v for k, v in metadata.items() if "earwitness" in k})


def retitle(folder: Path) -> None:
    path = folder / "tracks.parquet"
    frame, metadata = pl.read_parquet(path), pl.read_parquet_metadata(path)
    own = {key: value for key, value in metadata.items() if "earwitness" in key}
    frame.with_columns(pl.lit("0" * 64).alias("sha256")).write_parquet(path, metadata=own)


TAMPERED: dict[str, Callable[[Path], object]] = {
    "plan.json": lambda folder: edit(folder / "plan.json", '"seed": 0', '"seed": 1'),
    "commitment.json": lambda folder: edit(folder / "commitment.json", '"plan_hash": "', '"plan_hash": "f'),
    "tracks.parquet": retitle,
    "features": raise_scores,
    "result.json": lambda folder: edit(folder / "result.json", '"alpha": 0.01', '"alpha": 0.05'),
    "attempts/0002.json": lambda folder: edit(folder / "attempts/0002.json", '"alpha": 0.2', '"alpha": 0.01'),
    "attempts.jsonl": lambda folder: edit(folder / "attempts.jsonl", '"verdict":"', '"verdict":"not '),
    "report.html": lambda folder: edit(folder / "report.html", "</main>", "<p>It was used.</p></main>"),
    "case.json": lambda folder: edit(folder / "case.json", "Case 17", "Case 18"),
    "environment.json": lambda folder: edit(folder / "environment.json", '"target": "', '"target": "other '),
    "failures.parquet": lambda folder: (folder / "failures.parquet").unlink(),
}


@pytest.mark.parametrize("piece", TAMPERED)
def test_a_changed_piece_is_named(
    folder: Path, piece: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    TAMPERED[piece](folder)
    assert run(monkeypatch, "verify", folder, "--quick") == 2
    assert piece in one_line(capsys)


NAMED_UNDER_NEW_HASHES = {
    "plan.json": "plan.json is not the plan",
    "commitment.json": "plan.json is not the plan that was committed",
    "tracks.parquet": "report.html is not the page that the files of the run give",
    "features": "the files in features/ are not those",
    "result.json": "result.json is not the result that attempt 1 noted",
    "attempts/0002.json": "attempts/0002.json is not the result that attempt 2 noted",
    "attempts.jsonl": "does not follow from the line before",
    "report.html": "report.html is not the page",
    "case.json": "report.html is not the page",
    "environment.json": "result.json is not what the feature table gives",
    "failures.parquet": "report.html is not the page",
}


@pytest.mark.parametrize("piece", NAMED_UNDER_NEW_HASHES)
def test_a_changed_piece_under_new_hashes_is_named(
    folder: Path, piece: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    TAMPERED[piece](folder)
    write_bundle_hashes(folder)
    assert run(monkeypatch, "verify", folder) == 2
    assert NAMED_UNDER_NEW_HASHES[piece] in one_line(capsys)


def forge_log(folder: Path) -> None:
    """Make the log, the page and the hashes fit whatever the other files now say."""
    previous, lines = FIRST, []
    for line in (folder / "attempts.jsonl").read_text().splitlines():
        told = json.loads(line)
        told |= {
            "previous": previous,
            "result_sha256": run_folder.file_sha256(folder / told["result"]),
            "features_sha256": run_folder.features_sha256(folder),
        }
        lines.append(json.dumps(told))
        previous = line_hash(lines[-1])
    (folder / "attempts.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (folder / "report.html").write_text(page_of(folder))
    write_bundle_hashes(folder)


def test_a_result_in_a_record_that_was_forged_whole_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    TAMPERED["result.json"](folder)
    forge_log(folder)
    assert run(monkeypatch, "verify", folder) == 2
    assert "result.json is not what the feature table gives" in one_line(capsys)


def test_a_table_in_a_record_that_was_forged_whole_is_found_by_the_model(
    original: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from earwitness.verdict.attempts import read_attempts
    from earwitness.verification.recompute import recomputed

    attempts = read_attempts(folder)
    raise_scores(folder)
    for attempt in attempts:
        (folder / attempt.result).write_bytes(recomputed(folder, attempt.settings))
    forge_log(folder)
    assert run(monkeypatch, "verify", folder) == 0
    audio = ("--audio", original / "suspect", "--audio", original / "held-out")
    model = ("--target", original / "model", "--sample", 12)
    assert run(monkeypatch, "verify", folder, "--quick", *audio, *model) == 2
    assert "the model does not give excess_loss" in one_line(capsys)


def test_another_audio_file_and_another_model_are_named(
    original: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = Path(shutil.copytree(original / "suspect", folder.parent / "sets" / "suspect")).parent
    shutil.copytree(original / "held-out", sets / "held-out")
    other = save_tiny_musicgen(folder.parent / "other", seed=5)
    assert run(monkeypatch, "verify", folder, "--quick", "--audio", sets, "--target", other) == 2
    assert "are not those of the plan" in one_line(capsys)
    (sets / "suspect" / "3.wav").write_bytes((sets / "suspect" / "3.wav").read_bytes() + b"\0")
    assert run(monkeypatch, "verify", folder, "--quick", "--audio", sets) == 2
    assert "the audio file 3.wav (suspect) is not the one that was measured" in one_line(capsys)


def test_a_signature_holds_for_the_bundle_and_for_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    key, bundle = folder.parent / "key", folder.parent / "case 17.zip"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (folder.parent / "signers").write_text(f"me@example.org {key.with_suffix('.pub').read_text()}")
    check = f"ssh-keygen -Y verify -f {folder.parent}/signers -I me@example.org -n earwitness -s '{{}}.sig'"
    assert (
        run(monkeypatch, "bundle", folder, "--out", bundle, "--sign", f"ssh-keygen -q -Y sign -f {key} -n earwitness")
        == 0
    )
    assert (folder.parent / "case 17.zip.sig").exists()
    assert run(monkeypatch, "verify", bundle, "--quick", "--signature", check) == 0
    assert 'Good "earwitness" signature for me@example.org' in capsys.readouterr().out
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.comment = b"changed"
    assert run(monkeypatch, "verify", bundle, "--quick", "--signature", check) == 2
    assert "ended with status 255" in one_line(capsys)


@pytest.mark.parametrize("log", ["deleted", "emptied"])
def test_a_forged_verdict_without_its_log_is_named_and_computed_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], log: str
) -> None:
    shutil.rmtree(folder / "attempts")
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(result | {"verdict": "evidence_of_use"}))
    (folder / "attempts.jsonl").unlink()
    if log == "emptied":
        (folder / "attempts.jsonl").touch()
    assert run(monkeypatch, "report", folder) == 0
    named = "result.json is covered by no line of attempts.jsonl, which is missing or empty"
    assert named in capsys.readouterr().out
    assert (folder / "report.html").read_text().count(named) == 2
    bundle = folder.parent / "case.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        for path in folder.rglob("*.*"):
            if path.is_file() and not path.name.startswith("."):
                archive.write(path, f"run/{path.relative_to(folder)}")
    for whole in (folder, bundle):
        assert run(monkeypatch, "verify", whole) == 2
        said = one_line(capsys)
        assert named in said
        assert "result.json is not what the feature table gives" in said
        assert run(monkeypatch, "verify", whole, "--quick") == 2
        assert named in one_line(capsys)
    assert run(monkeypatch, "attempts", folder) == 2
    assert named in one_line(capsys)


def test_results_of_a_log_that_was_cut_are_named_and_never_overwritten(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log, orphan = folder / "attempts.jsonl", folder / "attempts" / "0002.json"
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    assert run(monkeypatch, "report", folder) == 0
    named = "attempts/0002.json is covered by no line of attempts.jsonl, whose last line is attempt 1"
    assert named in capsys.readouterr().out
    assert named in (folder / "report.html").read_text()
    for command in ("verify", "attempts"):
        assert run(monkeypatch, command, folder) == 2
        assert named in one_line(capsys)
    before = orphan.read_bytes()
    assert run(monkeypatch, "test", folder, "--alpha", 0.5, "--permutations", 199) == 0
    assert orphan.read_bytes() == before
    assert (folder / "attempts" / "0003.json").exists()


@pytest.mark.parametrize("alpha", [0.01, 0.5])
def test_an_honest_test_after_the_hashes_is_told_from_tampering(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], alpha: float
) -> None:
    assert run(monkeypatch, "test", folder, "--alpha", alpha, "--permutations", 199) == 0
    capsys.readouterr()
    assert run(monkeypatch, "verify", folder) == 2
    said = one_line(capsys)
    assert "tested again since its hashes were noted (1 more in the log" in said
    assert f"`earwitness report {folder}`" in said
    (folder / "report.html").write_text("other")
    assert run(monkeypatch, "verify", folder) == 2
    assert "is not what it says it is" in one_line(capsys)
    assert run(monkeypatch, "report", folder) == 0
    assert run(monkeypatch, "verify", folder) == 0

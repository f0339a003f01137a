"""``earwitness inspect`` on the command line, and its summary at the start of an audit."""

import json
from pathlib import Path

import pytest

from earwitness import pipeline
from earwitness.errors import EarwitnessError
from earwitness.report.findings_tables import left_out_table
from tests.audio_fixtures import noise, write
from tests.cli.test_bad_input import audit, model, one_line, run, write_sets  # noqa: F401 (a fixture)
from tests.collection.test_index import tag
from tests.findings.test_inspection import found, sets
from tests.report.test_html import Page

HOSTILE = "<script>alert(1)</script>[red]{{ 7 * 7 }}\x1b[31m\u202etxet"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two alike sets, of which one holds a track with hostile tags and a file with a hostile name that is no audio."""
    suspect, held_out = sets(tmp_path)
    tag(write(suspect / "x" / "1.flac", noise(88)), title=HOSTILE, artist=HOSTILE, album=HOSTILE)
    (suspect / "x" / "<img src=x onerror=go()>[bold]🎸.wav").write_text("no audio")
    return suspect, held_out


def test_strangers_text_stays_text(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    monkeypatch.setenv("COLUMNS", "200")
    arguments = ["--suspect", folders[0], "--held-out", folders[1], "--audits", 0]
    assert run(monkeypatch, "inspect", *arguments, "--out", page) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]🎸.wav" in shown
    assert f"The page is {page}" in shown
    html = page.read_text()
    document = Page(html)
    assert "<script" not in html
    assert "img" not in document.tags
    assert "{{ 7 * 7 }}" in " ".join(document.text)
    assert "49" not in " ".join(document.text).split("{{ 7")[0][-5:]
    assert not any(name in ("src", "href") or name.startswith("on") for _, name, _ in document.attributes)
    assert "These sets can be audited" in " ".join(document.text)


def test_json_holds_what_the_text_says(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--suspect", folders[0], "--held-out", folders[1], "--audits", 2, "--json"]
    assert run(monkeypatch, "inspect", *arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert [side["tracks"] for side in said["sides"]] == [13, 12]
    assert [chance["audits"] for chance in said["prospects"]["chances"]] == [2, 2, 2]
    assert said["left_out"][0]["path"].endswith("[bold]🎸.wav")
    assert said["mend"][0].keys() == {"found", "do", "command", "stops"}


def test_sets_that_no_audit_takes_are_inspected_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = sets(tmp_path, albums=2)
    write(held_out / "twin.flac", noise(0))
    out = tmp_path / "run"
    arguments = ["--suspect", suspect, "--held-out", held_out]
    monkeypatch.setenv("COLUMNS", "100")
    assert run(monkeypatch, "inspect", out, *arguments, "--audits", 0) == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "1. The same audio is in both sets" in shown
    assert shown.count("Before that, an audit can show nothing.") == 2  # the twin, and too few groups
    assert run(monkeypatch, "index", out, *arguments) == 2
    assert "The same audio is in both sets" in one_line(capsys)
    with pytest.raises(EarwitnessError, match="The same audio is in both sets"):
        pipeline.extract_stage(out, pipeline.MeasureSettings(target="none"))
    (held_out / "twin.flac").unlink()
    assert run(monkeypatch, "index", out, *arguments) == 0


def test_an_indexed_folder_is_inspected_without_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suspect, held_out = sets(tmp_path)
    assert run(monkeypatch, "index", tmp_path / "run", "--suspect", suspect, "--held-out", held_out) == 0
    for folder in (suspect, held_out):
        folder.rename(folder.with_name(f"{folder.name}-gone"))
    monkeypatch.setenv("COLUMNS", "100")
    manifest = tmp_path / "m.csv"
    capsys.readouterr()
    assert run(monkeypatch, "inspect", tmp_path / "run", "--audits", 0, "--write-manifest", manifest) == 0
    shown = capsys.readouterr().out
    assert "12 × flac, 16 bit" in shown
    assert "In 924 ways the groups could be labelled" in shown
    assert (
        manifest.read_text(encoding="utf-8-sig").splitlines()[1] == "s/0/0.flac,suspect,album:s0 by ann,,,,000,Ann,s0"
    )


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ([], "a test compares two sets"),
        (["no-run"], "holds no tracks.parquet"),
        (["--suspect", "nowhere", "--held-out", "."], "hold the same files"),
        (["--suspect", "nowhere", "--held-out", "h"], "nowhere does not exist"),
        (["--manifest", "no.csv"], "no.csv"),
        (["--suspect", "s", "--held-out", "h", "--alpha", "3"], "alpha is 3"),
        (["--suspect", "s", "--held-out", "h", "--icc", "-1"], "icc is -1"),
    ],
)
def test_mistakes_end_with_one_line(
    arguments: list[str],
    needed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    sets(tmp_path, albums=1, tracks=1)
    assert run(monkeypatch, "inspect", *arguments) == 2
    assert needed in one_line(capsys)


@pytest.mark.slow
def test_an_audit_begins_with_the_summary_and_decodes_nothing_that_an_inspection_read(
    tmp_path: Path,
    model: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    suspect, held_out = write_sets(tmp_path)
    out = tmp_path / "run"
    assert run(monkeypatch, "inspect", out, "--suspect", suspect, "--held-out", held_out, "--audits", 0) == 0
    capsys.readouterr()
    asked: list[str] = []

    def shown_first(*arguments: object, **more: object) -> object:
        asked.append(capsys.readouterr().err)
        return stage(*arguments, **more)  # type: ignore[arg-type]

    stage = pipeline.extract_stage
    monkeypatch.setattr(pipeline, "extract_stage", shown_first)
    monkeypatch.setattr("earwitness.collection.index.read", lambda *_: pytest.fail("decoded again"))
    assert audit(monkeypatch, model, suspect, held_out, out, "--json") == 0
    assert "6 × pcm, 16 bit" in asked[0]
    assert "Every suspect track is a group of its own." in " ".join(asked[0].replace("│", " ").split())
    assert f"earwitness inspect {out}" in "".join(asked[0].replace("│", " ").split("\n")).replace("  ", "")
    assert json.loads(capsys.readouterr().out)["n_tracks"]["suspect"] == 6


def test_every_file_left_out_is_in_the_table(folders: tuple[Path, Path]) -> None:
    rows = left_out_table(found(*folders)).rows
    assert len(rows) == 1
    assert rows[0][1] == "cannot be used"

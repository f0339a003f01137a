"""Audits on disk: what was asked for, the commands that answer it, and no way out of the work directory."""

from pathlib import Path

import pytest

from earwitness.app.audits import Asked, Audit, WorkDirectory, existing_folder
from earwitness.app.jobs import Job
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.registry import shipped

HOSTILE = "<script>alert(1)</script>\"'\u202e\n" + "w" * 4000


def asked(**more: object) -> Asked:
    return Asked.model_validate({"title": "", "target": "fiddle", "suspect": "/s", "held_out": "/h"} | more)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would be run."""
    run: list[list[str]] = []
    monkeypatch.setattr(Job, "start", lambda job, arguments: run.append(list(arguments)))
    return run


def test_an_audit_is_kept_as_asked_and_found_again(tmp_path: Path) -> None:
    work = WorkDirectory(tmp_path)
    first = work.new(HOSTILE, lambda folder: asked())
    second = work.new("", lambda folder: asked(target="/models/mine"))
    assert [audit.name for audit in WorkDirectory(tmp_path).audits()] == sorted((first.name, second.name), reverse=True)
    found = work.find(first.name)
    assert len(found.asked.title) == 200
    assert found.asked.title.startswith("<script>")
    assert second.asked.title == "Audit of mine"
    assert found.label.endswith(f"· not begun · {first.name}")
    assert found.asked.target_path == str(shipped("fiddle").model)


@pytest.mark.parametrize("name", [None, "", "..", "../../etc", "/etc", "20260101-000000/../..", "20260101-000000"])
def test_no_other_name_leads_anywhere(name: str | None, tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match="no such audit"):
        WorkDirectory(tmp_path).find(name)


def test_what_cannot_be_begun_leaves_nothing_behind(tmp_path: Path) -> None:
    work = WorkDirectory(tmp_path)

    def fail(folder: Path) -> Asked:
        (folder / "suspect").mkdir()
        raise EarwitnessError("no")

    with pytest.raises(EarwitnessError):
        work.new("x", fail)
    assert list((tmp_path / "audits").iterdir()) == []


def test_what_was_typed_is_never_an_option(tmp_path: Path, commands: list[list[str]]) -> None:
    audit = WorkDirectory(tmp_path).new("--json", lambda folder: asked(target="--help", suspect="-x", author="--out=/"))
    audit.begin_look()
    audit.begin_audit()
    look, full = commands
    assert look[:2] == ["inspect", str(audit.run)]
    assert full[0] == "audit"
    assert {"--suspect=-x", "--target=--help", "--author=--out=/", "--case=--json"} <= set(full)
    assert f"--out={audit.run}" in full
    assert all(argument.startswith("--") and "=" in argument for argument in (*look[2:], *full[1:]))


def test_two_commands_do_not_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = WorkDirectory(tmp_path)
    work.new("The first", lambda folder: asked())
    work.need_idle()
    monkeypatch.setattr(Audit, "is_busy", True)
    with pytest.raises(EarwitnessError, match="“The first” is running"):
        work.need_idle()


def test_folders_are_checked_where_they_are_typed(tmp_path: Path) -> None:
    assert existing_folder(f" {tmp_path} ", "suspect set") == str(tmp_path.resolve())
    for text in ("", str(tmp_path / "nowhere"), __file__):
        with pytest.raises(EarwitnessError, match="suspect set"):
            existing_folder(text, "suspect set")


def test_a_file_is_no_work_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EarwitnessError, match="cannot be a work directory"):
        WorkDirectory(tmp_path / "file")

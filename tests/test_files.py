"""Atomic writing: a failure leaves the old file whole and says what to do."""

import errno
from pathlib import Path

import pytest
from filelock import FileLock
from pydantic import BaseModel

from earwitness.errors import EarwitnessError
from earwitness.files import check_folder, locked, read_record, write_atomically, write_text
from earwitness.pipeline import index_stage


def test_text_arrives_and_no_partial_file_stays(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.txt", "ä")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "ä"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_a_full_disk_keeps_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(partial: Path) -> None:
        partial.write_text("half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(EarwitnessError, match="the disk is full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_really_full_disk_is_noticed() -> None:
    with pytest.raises(EarwitnessError, match="could not be written"):
        write_atomically(Path("/dev/full/x"), lambda partial: partial.write_text("x"))


def test_a_file_in_place_of_a_run_folder_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    check_folder(tmp_path / "new")
    check_folder(tmp_path)
    with pytest.raises(EarwitnessError, match=r"notes\.txt is a file; name a run folder"):
        index_stage(tmp_path / "notes.txt", suspect=tmp_path / "absent", held_out=tmp_path / "absent too")
    assert (tmp_path / "notes.txt").read_text() == "mine"


class _Person(BaseModel):
    name: str
    age: int


def test_a_record_is_read_or_it_is_said_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "person.json"
    assert read_record(path, _Person, is_not="is no person") is None
    path.write_text('{"name": "Ada", "age": 36}')
    assert read_record(path, _Person, is_not="is no person") == _Person(name="Ada", age=36)
    path.write_text('{"name": "Ada", "age": "many"}')
    with pytest.raises(EarwitnessError, match=r"person\.json is no person \(age: .*integer.*\); ask again\."):
        read_record(path, _Person, is_not="is no person", cure="ask again")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(EarwitnessError, match="is no person"):
        read_record(path, _Person, is_not="is no person")
    with pytest.raises(EarwitnessError, match="is no person"):
        read_record(tmp_path, _Person, is_not="is no person")


def test_a_read_only_folder_is_said_to_be_one_where_others_are_kept_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(lock: FileLock) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(FileLock, "acquire", refused)
    with (
        pytest.raises(EarwitnessError, match="notes could not be written: Read-only file system"),
        locked(tmp_path, "notes"),
    ):
        pass

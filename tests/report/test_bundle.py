import hashlib
import json
from pathlib import Path

import pytest

from earwitness.errors import EarwitnessError
from earwitness.report.bundle import hash_files, verify, write_bundle_hashes


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "features").mkdir(parents=True)
    (folder / "plan.json").write_bytes(b"{}\n")
    (folder / "features" / "part-0.parquet").write_bytes(bytes(range(256)))
    (folder / "result.json").write_bytes(b"result")
    write_bundle_hashes(folder)
    return folder


def test_hashes_are_those_of_the_bytes_by_relative_path(run: Path) -> None:
    noted = json.loads((run / "hashes.json").read_text())
    assert noted == {
        "algorithm": "sha256",
        "files": {
            "features/part-0.parquet": hashlib.sha256(bytes(range(256))).hexdigest(),
            "plan.json": hashlib.sha256(b"{}\n").hexdigest(),
            "result.json": hashlib.sha256(b"result").hexdigest(),
        },
    }


def test_an_untouched_run_matches(run: Path) -> None:
    found = verify(run)
    assert found.all_match
    assert found.matching == ("features/part-0.parquet", "plan.json", "result.json")
    assert found.hashes_sha256 == hashlib.sha256((run / "hashes.json").read_bytes()).hexdigest()


def test_one_changed_byte_is_found(run: Path) -> None:
    data = bytearray((run / "features" / "part-0.parquet").read_bytes())
    data[100] ^= 1
    (run / "features" / "part-0.parquet").write_bytes(data)
    found = verify(run)
    assert (found.changed, found.missing, found.added) == (("features/part-0.parquet",), (), ())
    assert not found.all_match


def test_a_missing_and_an_added_file_are_found(run: Path) -> None:
    (run / "result.json").rename(run / "features" / "result.json")
    found = verify(run)
    assert (found.changed, found.missing, found.added) == ((), ("result.json",), ("features/result.json",))


def test_hidden_partial_and_linked_files_do_not_belong_to_a_run(run: Path) -> None:
    (run / ".DS_Store").write_bytes(b"x")
    (run / "result.json.partial").write_bytes(b"x")
    (run / "link").symlink_to(run / "plan.json")
    assert verify(run).all_match
    assert "hashes.json" not in hash_files(run)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "does not exist"),
        ("nonsense", "cannot be read as JSON"),
        ("[]", "holds no SHA-256 hashes"),
        ('{"algorithm": "md5", "files": {}}', "holds no SHA-256 hashes"),
        ('{"algorithm": "sha256", "files": {"a": 1}}', "holds no SHA-256 hashes"),
    ],
)
def test_a_bad_list_of_hashes_is_one_clear_line(run: Path, content: str | None, complaint: str) -> None:
    (run / "hashes.json").unlink()
    if content is not None:
        (run / "hashes.json").write_text(content)
    with pytest.raises(EarwitnessError, match=complaint) as caught:
        verify(run)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    for act in (verify, write_bundle_hashes):
        with pytest.raises(EarwitnessError, match="is not a folder"):
            act(tmp_path / "nowhere")

"""Bundles of strangers: nothing leaves the folder, nothing fills the disk, and a run is bundled whole or not at all."""

import stat
import zipfile
from pathlib import Path

import pytest

from earwitness.errors import EarwitnessError
from earwitness.report.archive import unpacked, write_archive
from earwitness.report.bundle import write_bundle_hashes

FILES = ("plan.json", "tracks.parquet", "attempts.jsonl", "result.json", "report.html", "features/part-00000.parquet")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / name).write_text(name)
    write_bundle_hashes(tmp_path / "run")
    return tmp_path / "run"


def test_what_went_in_comes_out(run: Path, tmp_path: Path) -> None:
    bundle = write_archive(run, tmp_path / "run.zip")
    with unpacked(bundle) as folder:
        assert {name: (folder / name).read_text() for name in FILES} == {name: name for name in FILES}
        assert (folder / "hashes.json").read_bytes() == (run / "hashes.json").read_bytes()
    assert not folder.exists()
    with unpacked(run) as folder:
        assert folder == run


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: (run / "plan.json").write_text("other"), "has other files than its hashes.json notes"),
        (lambda run: (run / "report.html").unlink() or write_bundle_hashes(run), "lacks report.html"),
        (lambda run: (run / "take.wav").touch() or write_bundle_hashes(run), "take.wav"),
        (lambda run: (run / "features/take.wav").touch() or write_bundle_hashes(run), "features/take.wav"),
    ],
)
def test_a_run_that_is_not_whole_and_alone_is_not_bundled(run: Path, tmp_path: Path, change, said: str) -> None:
    change(run)
    with pytest.raises(EarwitnessError, match=said):
        write_archive(run, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()


@pytest.mark.parametrize(
    "names",
    [
        ("../plan.json",), ("/plan.json",), ("run/../../plan.json",), ("run/features/../../../plan.json",),
        ("run\\..\\plan.json",), ("plan.json",), ("run/secret.py",), ("run/features/deep/part-0.parquet",),
        ("run/plan.json", "run/plan.json"), ("run/plan.json", "other/result.json"), ("C:/plan.json/x",),
        ("run/.ssh/plan.json",),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_an_entry_that_no_run_has_is_not_unpacked(tmp_path: Path, names: tuple[str, ...]) -> None:
    bundle = tmp_path / "strange.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    with pytest.raises(EarwitnessError, match="not unpacked"), unpacked(bundle):
        pytest.fail("it was unpacked")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["strange.zip"]


def test_a_link_is_not_unpacked(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("run/plan.json")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(EarwitnessError, match="no file of a run"), unpacked(tmp_path / "link.zip"):
        pytest.fail("it was unpacked")


def test_what_would_fill_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwitness.report.archive._LIMIT_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/plan.json", bytes(10**6))
    with pytest.raises(EarwitnessError, match="would unpack to more than"), unpacked(tmp_path / "bomb.zip"):
        pytest.fail("it was unpacked")


def test_a_damaged_or_absent_bundle_is_one_line(run: Path, tmp_path: Path) -> None:
    bundle = write_archive(run, tmp_path / "run.zip")
    data = bytearray(bundle.read_bytes())
    data[60] ^= 255
    bundle.write_bytes(data)
    for path, said in (
        (bundle, "cannot be read as a bundle"),
        (run / "plan.json", "cannot be read as a bundle"),
        (tmp_path / "none.zip", "does not exist"),
    ):
        with pytest.raises(EarwitnessError, match=said) as caught, unpacked(path):
            pytest.fail("it was unpacked")
        assert "\n" not in str(caught.value)


def test_a_bundle_with_names_of_no_alphabet_is_one_line(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("run/é.json", "{}")
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace("é".encode(), b"\xff\xfe"))
    with pytest.raises(EarwitnessError, match="cannot be read as a bundle") as caught, unpacked(tmp_path / "a.zip"):
        pass
    assert "\n" not in str(caught.value)

"""Manifests as spreadsheets write them mean what they say, or a line says the cure."""

import unicodedata
from pathlib import Path

import pytest

from earwitness.collection.manifest import read_manifest
from earwitness.errors import EarwitnessError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "b.wav", unicodedata.normalize("NFC", "Björk.wav"), "sub/c.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def entries(folder: Path, content: bytes) -> list[tuple[str, str]]:
    (folder / "m.csv").write_bytes(content)
    return [(entry.name, str(entry.role)) for entry in read_manifest(folder / "m.csv").entries]


PAIR = [("a.wav", "suspect"), ("b.wav", "held_out")]
BJORK = [("Björk.wav", "suspect"), ("b.wav", "held_out")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"path;role\r\na.wav;suspect\r\nb.wav;held_out\r\n", PAIR),
        (b"sep=;\r\npath;role\r\na.wav;suspect\r\nb.wav;held_out\r\n", PAIR),
        ("path\trole\r\na.wav\tsuspect\r\nb.wav\theld_out\r\n".encode("utf-16"), PAIR),
        (b"path,role,,,\na.wav,suspect,,,\n,,,,\nb.wav,held_out,,,\n,,,,\n\n", PAIR),
        (b"Path,ROLE\na.wav,Suspect\nb.wav,Held-Out\n", PAIR),
        (b"path,role\na.wav,published\nb.wav,Unreleased\n", PAIR),
        (b"path,role\na.wav,Member\nb.wav,non-member\n", [("a.wav", "member"), ("b.wav", "non_member")]),
        (b"path,role\nsub\\c.wav,suspect\nb.wav,held out\n", [("sub/c.wav", "suspect"), ("b.wav", "held_out")]),
        (f"path,role\n{unicodedata.normalize('NFD', 'Björk.wav')},suspect\nb.wav,held_out\n".encode(), BJORK),
        ("path,role\nBjörk.wav,suspect\nb.wav,held_out\n".encode("cp1252"), BJORK),
    ],
    ids=["semicolons", "sep", "utf-16 tabs", "blank", "case", "published", "member", "backslash", "nfd", "cp1252"],
)
def test_what_spreadsheets_write_is_read(folder: Path, content: bytes, expected: list[tuple[str, str]]) -> None:
    assert entries(folder, content) == expected


def test_reading_windows_1252_is_said(folder: Path) -> None:
    entries(folder, "path,role\nBjörk.wav,suspect\nb.wav,held_out\n".encode("cp1252"))
    assert read_manifest(folder / "m.csv").warnings == (
        "m.csv is not UTF-8 and was read as Windows-1252; save it as CSV UTF-8 to be sure.",
    )


def test_pairs_and_strata_are_read_whatever_their_spelling(folder: Path) -> None:
    entries(folder, b"path,role,pair,stratum\na.wav,suspect,Song  1,Live\nb.wav,held_out,song 1,live \n")
    found = read_manifest(folder / "m.csv").entries
    assert [(entry.pair, entry.stratum) for entry in found] == [("song 1", "live")] * 2
    entries(folder, b"path,role,pair,stratum\na.wav,suspect,,\nb.wav,held_out,,\n")
    assert {(entry.pair, entry.stratum) for entry in read_manifest(folder / "m.csv").entries} == {(None, None)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"path,role,,\na.wav,suspect,,note\n", "line 2 has more cells than the first line"),
        (b"path,role\n,,,,\na.wav,suspect\nno.wav,held_out\n", r"line 4: no\.wav does not exist"),
        (b"path,role\nC:\\Music\\a.wav,suspect\n", r"line 2: C:\\Music\\a\.wav is a path on a Windows drive"),
        (b"path,role\n" + 300 * b"x" + b",suspect\n", r"line 2: x{40}… cannot be a path \(File name too long\)"),
        (b"path,role\na.wav,test\n", r"'test' is unknown; use .* non_member if it certainly was not\)"),
    ],
)
def test_what_cannot_be_read_says_the_cure(folder: Path, content: bytes, message: str) -> None:
    with pytest.raises(EarwitnessError, match=message) as caught:
        entries(folder, content)
    assert "\n" not in str(caught.value)

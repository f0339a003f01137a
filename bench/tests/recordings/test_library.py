"""A library is read for what it is: music by those it names, each recording once."""

import shutil
import subprocess
from pathlib import Path

import pytest

from earwitness.audio import decode
from earwitness.errors import EarwitnessError
from earwitness_bench.recordings.library import Recording, read_library
from recordings.library_tree import miniature


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    folder = tmp_path_factory.mktemp("library")
    miniature(folder / "packages", folder)
    recordings = read_library(folder / "packages", folder / "work")
    return {Path(recording.name).name: recording for recording in recordings}


def test_effects_links_copies_and_broken_files_are_left_out(found: dict[str, Recording]) -> None:
    assert set(found) == {"first.ogg", "second.ogg", "nobody.ogg", "web.ogg", "PsymongA.ogg", "Crystan-B.ogg"}


def test_artists_are_those_who_are_named(found: dict[str, Recording]) -> None:
    """By tag without the nickname, by composer, by the package's own credits; never by a label or a bare file name."""
    assert {name: recording.artist for name, recording in found.items()} == {
        "first.ogg": "Ada Byron",
        "second.ogg": "Ada Byron",
        "nobody.ogg": None,
        "web.ogg": None,
        "PsymongA.ogg": "Simon Green",
        "Crystan-B.ogg": None,  # this miniature's copyright file does not name Christian Hoffmann
    }


def test_versions_share_a_piece(found: dict[str, Recording]) -> None:
    assert found["first.ogg"].piece == found["second.ogg"].piece == "dawn"
    assert found["first.ogg"].title == "Dawn"
    assert found["PsymongA.ogg"].title == "PsymongA"


def test_licences_are_those_the_package_states_for_the_file(found: dict[str, Recording]) -> None:
    assert found["first.ogg"].licence == "CC-BY-3.0"
    assert found["PsymongA.ogg"].licence == "GPL-2"
    assert found["Crystan-B.ogg"].licence == "see usr/share/doc/ufoai-music/copyright"


def test_every_recording_is_a_file_known_by_what_is_heard(found: dict[str, Recording]) -> None:
    assert all(decode(recording.path).content_hash == recording.content_sha256 for recording in found.values())
    assert found["PsymongA.ogg"].package == "ufoai-music"
    assert found["PsymongA.ogg"].seconds == pytest.approx(31, abs=0.1)


def test_an_empty_folder_says_what_to_download(tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match=r"apt-get download singularity-music wesnoth-1\.16-music"):
        read_library(tmp_path, tmp_path / "work")


def test_packages_without_music_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tool" / "usr" / "bin").mkdir(parents=True)
    with pytest.raises(EarwitnessError, match="no recording of 30 s"):
        read_library(tmp_path, tmp_path / "work")


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "game" / "usr").mkdir(parents=True)
    (tmp_path / "game" / "usr" / "music.pk3").write_bytes(b"PK no zip")
    with pytest.raises(EarwitnessError, match=r"music\.pk3 cannot be opened"):
        read_library(tmp_path, tmp_path / "work")


def test_a_deb_needs_dpkg_deb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "game-music_1.0_all.deb").write_bytes(b"!<arch>")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(EarwitnessError, match="apt-get install dpkg"):
        read_library(tmp_path, tmp_path / "work")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs Debian's dpkg-deb")
def test_a_deb_is_unpacked_once_into_the_work_folder(tmp_path: Path) -> None:
    miniature(tmp_path / "tree", tmp_path)
    control = tmp_path / "tree" / "game-music" / "DEBIAN" / "control"
    control.parent.mkdir()
    control.write_text("Package: game-music\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n")
    library = tmp_path / "debs"
    library.mkdir()
    made = ["dpkg-deb", "-b", "-Znone", str(control.parents[1]), str(library / "game-music_1_all.deb")]
    subprocess.run(made, check=True, capture_output=True)
    (library / "broken_1_all.deb").write_bytes(b"no package")
    with pytest.raises(EarwitnessError, match=r"broken_1_all\.deb is no Debian package"):
        read_library(library, tmp_path / "work")
    (library / "broken_1_all.deb").unlink()
    assert {Path(r.name).name for r in read_library(library, tmp_path / "work")} >= {"first.ogg", "second.ogg"}
    assert (tmp_path / "work" / "packages" / "game-music" / "usr").is_dir()

"""From folders and manifests to the tracks table, on real files with real tags."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import mutagen
import mutagen.id3
import numpy as np
import polars as pl
import pytest
import soundfile
from polars.testing import assert_frame_equal

from earwitness.collection.index import Collection, Role, index
from earwitness.collection.tags import Tags, read_tags
from earwitness.errors import EarwitnessError
from tests.audio_encoders import encoded, music, written
from tests.audio_fixtures import noise, tone, write


def tag(path: Path, **texts: str) -> Path:
    file = mutagen.File(path, easy=True)
    if file.tags is None:
        file.add_tags()
    file.tags.update({name: [text] for name, text in texts.items()})
    file.save()
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suspect folder of two albums and a loose track; a held-out folder with a like-named subfolder."""
    root = tmp_path_factory.mktemp("encoded")
    suspect, held_out = root / "s", root / "h"
    tone(suspect / "CD1" / "01.flac", 1)
    tone(suspect / "CD1" / "02.wav", 2)
    tag(tone(suspect / "CD2" / "01.flac", 3), title="One", artist="Ann", album="First")
    tag(tone(suspect / "CD2" / "extra" / "02.ogg", 4), artist="Ann", album=" first ")
    tone(suspect / "loose.mp3", 5)
    tone(held_out / "CD1" / "01.flac", 6)
    tag(tone(held_out / "a.opus", 7), title="Seven", artist="Bob", album="First")
    return root


@pytest.fixture
def folders(files: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of both folders that a test may change."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    return tmp_path / "s", tmp_path / "h"


def groups(collection: Collection) -> dict[str, tuple[str, str]]:
    rows = collection.tracks.iter_rows(named=True)
    return {f"{row['role']}/{row['path']}": (row["group"], row["group_from"]) for row in rows}


def test_folders_become_a_table(folders: tuple[Path, Path]) -> None:
    collection = index(*folders)
    tracks = collection.tracks
    assert tracks["path"].to_list() == [
        "CD1/01.flac", "CD1/02.wav", "CD2/01.flac", "CD2/extra/02.ogg", "loose.mp3", "CD1/01.flac", "a.opus",
    ]  # fmt: skip
    assert tracks["role"].to_list() == ["suspect"] * 5 + ["held_out"] * 2
    first, opus = tracks.row(0, named=True), tracks.row(6, named=True)
    assert first["track_id"] == first["content_sha256"][:16]
    assert (first["seconds"], first["sample_rate"], first["channels"]) == (0.5, 16_000, 1)
    assert (first["codec"], first["bits_per_sample"], first["prompt"]) == ("flac", 16, "")
    assert first["bitrate"] == 16 * (folders[0] / "CD1" / "01.flac").stat().st_size
    assert (first["title"], first["artist"], first["album"]) == (None, None, None)
    assert (opus["title"], opus["artist"], opus["album"], opus["bits_per_sample"]) == ("Seven", "Bob", "First", None)
    assert tracks["track_id"].n_unique() == 7
    assert collection.failures.height == 0
    assert all(path.is_file() for _, path in collection.located())


def test_groups_come_from_the_album_else_the_subfolder_else_the_track(folders: tuple[Path, Path]) -> None:
    collection = index(*folders)
    loose = collection.tracks.filter(pl.col("path") == "loose.mp3")["track_id"][0]
    assert groups(collection) == {
        "suspect/CD1/01.flac": ("folder:suspect:CD1", "folder"),
        "suspect/CD1/02.wav": ("folder:suspect:CD1", "folder"),
        "suspect/CD2/01.flac": ("album:first by ann", "album"),
        "suspect/CD2/extra/02.ogg": ("album:first by ann", "album"),
        "suspect/loose.mp3": (f"track:suspect:{loose}", "track"),
        "held_out/CD1/01.flac": ("folder:held_out:CD1", "folder"),
        "held_out/a.opus": ("album:first by bob", "album"),
    }
    assert len(collection.warnings) == 1
    assert "1 of the 3 suspect groups are a single track among groups of several (loose.mp3)" in collection.warnings[0]


def test_an_album_in_both_sets_is_one_group_and_warned_about(folders: tuple[Path, Path]) -> None:
    tag(folders[1] / "a.opus", artist="Various", albumartist="ANN")
    collection = index(*folders)
    assert groups(collection)["held_out/a.opus"] == ("album:first by ann", "album")
    assert len(collection.warnings) == 2
    assert collection.warnings[0].startswith("1 group with tracks in both sets (album:first by ann)")


def test_summary_counts(folders: tuple[Path, Path]) -> None:
    suspect, held_out = folders
    (suspect / "cover.jpg").write_bytes(b"jpeg")
    (suspect / "song.m4p").write_bytes(b"locked")
    tone(suspect / ".hidden.wav", 20)
    tone(suspect / ".trash" / "a.wav", 21)
    (suspect / "link.flac").symlink_to(held_out / "CD1" / "01.flac")
    (suspect / "linked").symlink_to(held_out)
    write(suspect / "CD9" / "copy.wav", noise(1))
    (held_out / "broken.wav").write_bytes(b"")
    collection = index(suspect, held_out)
    assert collection.summary() == {
        "suspect tracks": 5, "suspect groups": 3, "suspect minutes": 0.04, "suspect failed": 0,
        "suspect duplicates": 1, "held_out tracks": 2, "held_out groups": 2, "held_out minutes": 0.02,
        "held_out failed": 1, "held_out duplicates": 0, "ignored": 2, "symlinks": 2,
    }  # fmt: skip
    assert collection.warnings[0] == f"1 audio files in {suspect} cannot be decoded (.m4p); convert them to FLAC."


def test_bad_files_become_failures_and_the_rest_is_kept(folders: tuple[Path, Path]) -> None:
    suspect, held_out = folders
    (suspect / "text.wav").write_text("words")
    (suspect / "empty.mp3").touch()
    write(suspect / "silent.wav", np.zeros(8000, dtype=np.int16))
    write(suspect / "zz.flac", noise(1))
    failures = index(suspect, held_out).failures.sort("path")
    assert failures["path"].to_list() == ["empty.mp3", "silent.wav", "text.wav", "zz.flac"]
    assert failures["stage"].unique().to_list() == ["index"]
    assert failures["error"].to_list() == ["AudioError"] * 3 + ["duplicate"]
    assert failures["track_id"].to_list()[:3] == [""] * 3
    assert failures["message"][3] == "zz.flac is the same audio as CD1/01.flac, which is used in its place."


def test_samples_that_were_mended_are_said(folders: tuple[Path, Path]) -> None:
    left = noise(50)[:, 0]
    write(folders[0] / "one-sided.wav", np.stack([left, 0 * left], axis=1))
    collection = index(*folders)
    assert collection.warnings[0] == (
        "Of 1 file the samples were mended (one-sided.wav: 1 of 2 channels hold no sound and were left out of the mix)."
    )
    row = collection.tracks.filter(pl.col("path") == "one-sided.wav").row(0, named=True)
    level = 20 * np.log10(np.sqrt(np.mean((left / 32768) ** 2)))
    assert row["rms_dbfs"] == pytest.approx(level, abs=1e-4)
    assert row["decoder"].startswith("libsndfile")


def test_a_disk_that_fails_midway_is_a_failure(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> str:
        if path.name == "loose.mp3":
            raise OSError(5, "Input/output error", str(path))
        return "0" * 64

    monkeypatch.setattr("earwitness.collection.reading.file_sha256", fail)
    assert index(*folders).failures.rows() == [
        ("", "loose.mp3", "index", "OSError", "loose.mp3 cannot be read (Input/output error); check the disk."),
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_subfolder_is_a_failure(folders: tuple[Path, Path]) -> None:
    (folders[0] / "CD2").chmod(0)
    try:
        collection = index(*folders)
    finally:
        (folders[0] / "CD2").chmod(0o755)
    assert collection.failures.select("path", "error").rows() == [("CD2", "PermissionError")]
    assert collection.summary()["suspect failed"] == 1


def test_a_folder_that_cannot_be_listed_is_a_failure(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("CD2"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    collection = index(*folders)
    assert collection.failures.rows() == [
        ("", "CD2", "index", "PermissionError",
         "The folder CD2 cannot be listed (Permission denied); grant read permission or leave it out."),
    ]  # fmt: skip
    assert collection.summary()["suspect failed"] == 1


def test_the_same_audio_in_both_sets_is_an_error_that_names_three(tmp_path: Path) -> None:
    for i in range(5):
        write(tmp_path / "s" / f"{i}.flac", noise(i))
        write(tmp_path / "h" / f"copy {i}.wav", noise(i))
    with pytest.raises(EarwitnessError) as caught:
        index(tmp_path / "s", tmp_path / "h")
    message = str(caught.value)
    assert "suspect 0.flac = held_out copy 0.wav; suspect 1.flac" in message
    assert "2.flac = held_out copy 2.wav and 2 more)" in message
    assert "meaningless" in message
    assert "copy 3" not in message


def test_workers_and_listing_order_change_nothing(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    write(folders[0] / "CD0.wav", noise(2))  # sorts before CD1/02.wav, which is the same audio
    seen: list[tuple[int, int]] = []
    expected = index(*folders, workers=1, on_progress=lambda *at: seen.append(at))
    assert seen == [(i, 8) for i in range(1, 9)]
    walk = os.walk

    def backwards(root: Path, **options: Callable[[OSError], None]) -> object:
        for parent, names, files in walk(root, **options):  # type: ignore[call-overload]
            names.reverse()
            yield parent, names, files[::-1]

    monkeypatch.setattr(os, "walk", backwards)
    again = index(*folders, workers=4)
    assert_frame_equal(again.tracks, expected.tracks)
    assert_frame_equal(again.failures, expected.failures)
    assert expected.failures["path"].to_list() == ["CD1/02.wav"]


def test_a_collection_is_read_back_as_it_was_written(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (folders[0] / "empty.wav").touch()
    tag(folders[1] / "a.opus", artist="Ann")
    written = index(*folders)
    written.write(tmp_path / "run")
    read = Collection.read(tmp_path / "run")
    assert_frame_equal(read.tracks, written.tracks)
    assert_frame_equal(read.failures, written.failures)
    assert read.summary() == written.summary()
    assert read.warnings == written.warnings != ()
    assert list(read.located()) == list(written.located())
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["failures.parquet", "tracks.parquet"]


def test_reading_what_is_no_collection(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match=r"holds no tracks\.parquet; make it"):
        Collection.read(tmp_path)
    index(*folders).write(tmp_path)
    (tmp_path / "failures.parquet").unlink()
    with pytest.raises(EarwitnessError, match=r"lost its failures\.parquet"):
        Collection.read(tmp_path)
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "tracks.parquet")
    with pytest.raises(EarwitnessError, match="was not made by"):
        Collection.read(tmp_path)
    (tmp_path / "tracks.parquet").write_bytes(b"no parquet")
    with pytest.raises(EarwitnessError, match="is damaged"):
        Collection.read(tmp_path)


# Folders that cannot be used


def test_folders_that_cannot_be_used(folders: tuple[Path, Path], tmp_path: Path) -> None:
    suspect, held_out = folders
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("words")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.wav").write_text("words")
    for other, message in {
        "absent": "The held_out folder .*absent does not exist; give a folder",
        "s/loose.mp3": "loose.mp3 is no folder",
        "empty": r"empty holds no audio or MIDI file \(found: nothing\); put WAV",
        "texts": r"texts holds no audio or MIDI file \(found: 1 other files \(1 × \.txt\)\)",
        "bad": r"None of the 1 held_out files can be used; the first: a\.wav cannot be decoded",
        "s": "hold the same files",
        "s/CD1": "hold the same files",
    }.items():
        if other.startswith("s/loose"):
            with pytest.raises(EarwitnessError, match=message):
                index(tmp_path / other, held_out)
            continue
        with pytest.raises(EarwitnessError, match=message):
            index(suspect, tmp_path / other)
    with pytest.raises(EarwitnessError, match="Found nothing; a test compares two sets"):
        index()
    with pytest.raises(EarwitnessError, match="Found only the suspect folder"):
        index(suspect)
    with pytest.raises(EarwitnessError, match="Both a manifest and a folder"):
        index(suspect, manifest=tmp_path / "m.csv")


def test_roles_name_the_two_folders(folders: tuple[Path, Path]) -> None:
    collection = index(*folders, roles=(Role.MEMBER, Role.NON_MEMBER))
    assert collection.tracks["role"].unique(maintain_order=True).to_list() == ["member", "non_member"]
    assert "folder:member:CD1" in collection.tracks["group"].to_list()


# Strangers' text


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.opus", "a.mp3"])
def test_hostile_titles_are_kept_verbatim(folders: tuple[Path, Path], name: str) -> None:
    title = "<script>alert('ü')</script>\nsecond line \u202e " + "x" * 20_000
    tag(tone(folders[0] / "new" / name, 30), title=title, artist='"; DROP TABLE tracks; --')
    row = index(*folders).tracks.filter(pl.col("path") == f"new/{name}").row(0, named=True)
    assert row["title"] == title
    assert row["artist"] == '"; DROP TABLE tracks; --'


@pytest.mark.parametrize(("name", "codec", "container"), [("a.m4a", "aac", "ipod"), ("a.wma", "wmav2", "asf")])
def test_tags_of_m4a_and_wma_are_read(tmp_path: Path, name: str, codec: str, container: str) -> None:
    names = {"a.m4a": ("title", "albumartist"), "a.wma": ("Title", "WM/AlbumArtist")}[name]
    file = mutagen.File(written(tmp_path / name, encoded(music(1), codec, container, kbps=128)), easy=True)
    if file.tags is None:
        file.add_tags()
    file.tags[names[0]], file.tags[names[1]] = ["Tïtle"], ["Ann"]
    file.save()
    assert read_tags(tmp_path / name) == Tags(title="Tïtle", album_artist="Ann")


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
def test_id3_inside_wav_and_aiff_is_read(tmp_path: Path, name: str) -> None:
    file = mutagen.File(tone(tmp_path / name, 31))
    file.add_tags()
    file.tags.add(mutagen.id3.TIT2(encoding=3, text=["Tïtle", "Subtitle"]))
    file.tags.add(mutagen.id3.TALB(encoding=3, text=["Album"]))
    file.save()
    tags = read_tags(tmp_path / name)
    assert (tags.title, tags.artist, tags.album, tags.album_artist) == ("Tïtle; Subtitle", None, "Album", None)


def test_riff_info_is_read_where_there_is_no_id3(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 16_000, 1, subtype="PCM_16") as file:
        file.title, file.artist, file.album = "Tïtle", "Ann", "   "
        file.write(noise(32))
    tags = read_tags(tmp_path / "a.wav")
    assert (tags.title, tags.artist, tags.album) == ("Tïtle", "Ann", None)


def test_a_broken_tag_is_no_failure(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "loose.mp3"
    path.write_bytes(b"ID3\x04\x00\x00\x00\x00\x01\x00TIT2\xff\xff\xff\xff\x00\x00" + bytes(256) + path.read_bytes())
    collection = index(*folders)
    row = collection.tracks.filter(pl.col("path") == "loose.mp3").row(0, named=True)
    assert (row["title"], row["group_from"]) == (None, "track")
    assert collection.failures.height == 0


def test_a_parser_that_trips_gives_no_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tag(tone(tmp_path / "a.mp3", 33), title="T")
    assert read_tags(path).title == "T"

    def trip(*_: object, **__: object) -> None:
        raise IndexError

    monkeypatch.setattr(mutagen, "File", trip)
    assert read_tags(path).album is None


def test_what_is_no_audio_has_no_tags(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("words")
    assert read_tags(tmp_path / "a.wav") == Tags()


def test_unicode_names_are_kept_and_undecodable_ones_reported(folders: tuple[Path, Path]) -> None:
    suspect, held_out = folders
    tone(suspect / "Ænima – 日本.wav", 40)
    tone(suspect / "ne\nw.wav", 41)
    latin = os.fsdecode(os.fsencode(suspect) + b"/caf\xe9.wav")
    Path(latin).write_bytes((suspect / "CD1" / "02.wav").read_bytes())
    collection = index(suspect, held_out)
    assert {"Ænima – 日本.wav", "ne\nw.wav"} <= set(collection.tracks["path"])
    assert collection.failures.select("path", "message").rows() == [
        ("caf�.wav", "caf�.wav has a name that is not UTF-8; rename it.")
    ]


# Manifests


def manifest(folder: Path, *lines: str, header: str = "path,role,group,prompt,title,artist,album") -> Path:
    path = folder / "m.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8-sig")
    return path


def test_a_manifest_says_more_than_tags(folders: tuple[Path, Path], tmp_path: Path) -> None:
    root = tmp_path / "lists"
    root.mkdir()
    path = manifest(
        root,
        '../h/CD1/01.flac,held_out,,"a reel, in d",,,',
        f"{tmp_path}/s/CD1/01.flac,suspect,session 1,,New title,,",
        "../s/CD2/01.flac,suspect,,,,Cleo,",
        "../h/a.opus,held_out,,,,,Other",
        "../s/loose.mp3,suspect,,,,,",
    )
    collection = index(manifest=path)
    rows = {row["path"]: row for row in collection.tracks.iter_rows(named=True)}
    assert list(rows) == [
        "../s/CD1/01.flac", "../s/CD2/01.flac", "../s/loose.mp3", "../h/CD1/01.flac", "../h/a.opus",
    ]  # fmt: skip
    assert rows["../h/CD1/01.flac"]["prompt"] == "a reel, in d"
    assert rows["../s/CD1/01.flac"]["title"] == "New title"
    assert groups(collection) == {
        "suspect/../s/CD1/01.flac": ("session 1", "manifest"),
        "suspect/../s/CD2/01.flac": ("album:first by cleo", "album"),
        "suspect/../s/loose.mp3": (f"track:suspect:{rows['../s/loose.mp3']['track_id']}", "track"),
        "held_out/../h/CD1/01.flac": ("folder:held_out:CD1", "folder"),
        "held_out/../h/a.opus": ("album:other by bob", "album"),
    }
    assert all(found.is_file() for _, found in collection.located())


def test_manifest_tracks_in_one_folder_a_role_are_groups_of_their_own(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    lines = ("s/CD1/01.flac,suspect", "s/CD1/02.wav,suspect", "h/CD1/01.flac,held_out")
    collection = index(manifest=manifest(tmp_path, *lines, header="path,role"))
    assert collection.tracks["group_from"].to_list() == ["track"] * 3


def test_the_order_of_a_manifest_changes_nothing(folders: tuple[Path, Path], tmp_path: Path) -> None:
    write(folders[0] / "again.wav", noise(1))
    lines = [f"s/{name},suspect" for name in ("CD1/01.flac", "CD1/02.wav", "again.wav")] + ["h/a.opus,held_out"]
    first = index(manifest=manifest(tmp_path, *lines, header="path,role"))
    second = index(manifest=manifest(tmp_path, *lines[::-1], header="path,role"))
    assert_frame_equal(first.tracks, second.tracks)
    assert first.failures["path"].to_list() == second.failures["path"].to_list() == ["s/again.wav"]


def test_unknown_columns_and_kinds_are_reported(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "s" / "a.m4p").write_bytes(b"locked")
    lines = ("s/loose.mp3,suspect,4", "h/a.opus,held_out,5", "s/a.m4p,suspect,1")
    collection = index(manifest=manifest(tmp_path, *lines, header=" path , role,mood"))
    assert collection.warnings[0].startswith("Columns of m.csv that mean nothing here were ignored: mood (known: path")
    assert collection.failures["message"][0].startswith("a.m4p is of a kind that is not decoded; convert it")


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        ((), "path,role", r"m\.csv lists no track"),
        (("a,b",), "file,role", r"has no column path \(found: file, role\)"),
        (("a;b",), "path;what", r"has no column role \(found: path, what\); its first line must be path,role\["),
        (("a,suspect,b",), "path,role,path", r"has the column path twice"),
        (("s/loose.mp3,Guilty",), "path,role", r"line 2: role 'Guilty' is unknown; use suspect, held_out, member"),
        (("s/loose.mp3,train",), "path,role", r"non_member \(member if the model was certainly trained on it"),
        (
            ("D:\\music\\a.wav,suspect",),
            "path,role",
            r"line 2: D:.* is a path on a Windows drive that is not here; write",
        ),
        (("s/loose.mp3",), "path,role", r"line 2: role '' is unknown"),
        (("s/loose.mp3,suspect", "", "s/no.wav,suspect"), "path,role", r"line 4: s/no\.wav does not exist"),
        (("s/CD1,suspect",), "path,role", r"line 2: s/CD1 is no file"),
        ((",suspect",), "path,role", r"line 2 has no path"),
        (("s/loose.mp3,suspect,x",), "path,role", r"line 2 has more cells than the first line"),
        (("s/loose.mp3,suspect", "s/CD1/../loose.mp3,suspect"), "path,role", "lines 2 and 3 name the same file"),
        (("s/loose.mp3,suspect",), "path,role", "roles are suspect; a test needs suspect and held_out, or member"),
        (("s/loose.mp3,suspect", "h/a.opus,non_member"), "path,role", "roles are non_member and suspect"),
        (('s/loose.mp3,"susp',), "path,role", "is not a valid CSV file"),
    ],
)
def test_manifests_that_cannot_be_used(
    folders: tuple[Path, Path], tmp_path: Path, lines: tuple[str, ...], header: str, message: str
) -> None:
    with pytest.raises(EarwitnessError, match=message) as caught:
        index(manifest=manifest(tmp_path, *lines, header=header))
    assert "\n" not in str(caught.value)


def test_manifests_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    with pytest.raises(EarwitnessError, match=r"m\.csv does not exist"):
        index(manifest=path)
    with pytest.raises(EarwitnessError, match="cannot be read"):
        index(manifest=tmp_path)
    path.touch()
    with pytest.raises(EarwitnessError, match=r"has no column path and role \(found: nothing\)"):
        index(manifest=path)
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(EarwitnessError, match="is a workbook, not a CSV; save it as CSV UTF-8"):
        index(manifest=path)
    path.write_bytes(b"path,role\ncaf\x81.wav,suspect\n")
    with pytest.raises(EarwitnessError, match="neither UTF-8 nor Windows-1252"):
        index(manifest=path)

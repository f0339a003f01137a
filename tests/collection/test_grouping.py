"""Groups: an album is one group whatever its tags do, and what looks like an album in pieces is said."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from earwitness.collection.grouping import Filed, groups_of
from earwitness.collection.remarks import group_remarks
from earwitness.collection.tags import Tags, read_tags
from earwitness.collection.tracks import Role, Track
from earwitness.collection.walk import Entry
from tests.audio_fixtures import noise, write


def filed(name: str, *, role: Role = Role.SUSPECT, group: str | None = None, **tags: str) -> Filed:
    folder = Path(name).parent.as_posix()
    entry = Entry(path=Path(name), name=name, role=role, folder="" if folder == "." else folder, group=group)
    return Filed(entry=entry, tags=Tags(**tags), track_id=name)


def names(*tracks: Filed) -> list[str]:
    return [group for group, _ in groups_of(tracks)]


def test_guests_do_not_take_an_album_apart() -> None:
    found = names(
        filed("1", album="Blue", artist="Anna"),
        filed("2", album="Blue", artist="Anna & Guest"),
        filed("3", album="Blue", artist="Anna feat. Bob"),
        filed("4", album="Blue", artist="Somebody Else"),
        filed("5", album="Blue", artist="Anna"),
    )
    assert found == ["album:blue by anna"] * 5


def test_a_compilation_without_album_artist_is_one_group() -> None:
    assert names(*(filed(f"Hits/{a}", album="Hits", artist=a) for a in "abc")) == ["album:hits by a"] * 3


@pytest.mark.parametrize("artist", ["Anna feat. Bob", "Anna (ft. Bob)", "Anna & Bob", "Anna, Bob", "Anna x Bob"])
def test_an_album_whose_guests_have_folders_of_their_own_is_one_group(artist: str) -> None:
    tracks = [filed("Anna/Blue/1", album="Blue", artist="Anna"), filed("Other/Blue/2", album="Blue", artist=artist)]
    assert names(*tracks) == ["album:blue by anna"] * 2


def test_albums_of_one_title_by_others_elsewhere_stay_apart() -> None:
    found = names(
        filed("A/1", album="Greatest Hits", artist="AC/DC"),
        filed("B/1", album="Greatest Hits", artist="X Ambassadors"),
        filed("C/1", album="Greatest Hits", artist="Andy"),
        filed("C/2", album="Lowest Hits", artist="Andy"),
    )
    assert found == [
        "album:greatest hits by ac/dc", "album:greatest hits by x ambassadors", "album:greatest hits by andy",
        "album:lowest hits by andy",
    ]  # fmt: skip


def test_case_spaces_and_unicode_form_make_no_group() -> None:
    titles = ["Für  Elise", "für elise ", unicodedata.normalize("NFD", "FÜR ELISE"), "Ｆür Elise"]
    assert len(set(names(*(filed(f"{i}/1", album=title, artist="L") for i, title in enumerate(titles))))) == 1
    assert names(*(filed(f"{i}/1", group=title) for i, title in enumerate(titles))) == ["FÜR ELISE"] * 4


def test_discs_are_parts_of_an_album_and_their_folders_of_its_folder() -> None:
    assert names(
        filed("W/CD1/1"), filed("W/Disc 2/1"), filed("W/side b/1"), filed("CD1/1"), filed("W/inside a/1")
    ) == ["folder:suspect:W"] * 3 + ["folder:suspect:CD1", "folder:suspect:W/inside a"]  # fmt: skip
    titles = ["Box (Disc 1)", "Box CD2", "Box [cd 3]", "Box - Disc 4", "Box"]
    assert set(names(*(filed(f"{i}/1", album=t, artist="L") for i, t in enumerate(titles)))) == {"album:box by l"}
    assert names(filed("1", album="CD 1", artist="L")) == ["album:cd 1 by l"]


def test_untagged_tracks_belong_to_the_one_album_of_their_folder() -> None:
    found = groups_of([filed("B/1", album="Blue", artist="Anna"), filed("B/2"), filed("C/1")])
    assert found == [("album:blue by anna", "album"), ("album:blue by anna", "folder"), ("folder:suspect:C", "folder")]
    two = [filed("B/1", album="Blue"), filed("B/2", album="Red"), filed("B/3")]
    assert names(*two) == ["album:blue", "album:red", "folder:suspect:B"]
    assert names(filed("1", album="Blue"), filed("2")) == ["album:blue", "track:suspect:2"]


def test_the_order_of_tracks_changes_no_group() -> None:
    tracks = [
        filed("1", album="Blue", artist="Bob & Anna"), filed("2", album="Blue", artist="Anna"),
        filed("x/1", album="Blue", artist="Bob"), filed("y/1", group="Take"), filed("y/2", group="take "),
    ]  # fmt: skip
    assert names(*tracks[::-1]) == names(*tracks)[::-1]
    assert len(set(names(*tracks[:3]))) == 1


def test_an_album_is_one_group_in_both_sets_and_a_folder_is_not() -> None:
    found = names(
        filed("a/1", album="Blue", artist="Anna"), filed("b/1", role=Role.HELD_OUT, album="Blue", artist="Anna & Bob"),
        filed("c/1"), filed("c/1", role=Role.HELD_OUT),
    )  # fmt: skip
    assert found == ["album:blue by anna"] * 2 + ["folder:suspect:c", "folder:held_out:c"]


def test_tags_in_an_unknown_code_page_are_absent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1))
    data = path.read_bytes()
    chunk = b"INFO" + b"IPRD" + (6).to_bytes(4, "little") + b"\xcc\xee\xf1\xea\xe2\x00"
    listed = data + b"LIST" + len(chunk).to_bytes(4, "little") + chunk
    path.write_bytes(listed[:4] + (len(listed) - 8).to_bytes(4, "little") + listed[8:])
    assert read_tags(path).album is None


TRACK = Track(
    track_id="", role=Role.SUSPECT, group="", path="", sha256="", seconds=1, sample_rate=1, prompt="", title=None,
    artist=None, album=None, group_from="album", pair=None, stratum=None, channels=1, content_sha256="", codec="pcm",
    bits_per_sample=16, bitrate=1, decoder="", peak_dbfs=0, rms_dbfs=0,
)  # fmt: skip


def test_folders_in_pieces_and_single_tracks_among_albums_are_said() -> None:
    tracks = [
        replace(TRACK, path=path, group=group)
        for path, group in {"A/1": "a", "A/2": "a", "A/3": "b", "B/1": "c", "B/2": "c", "d": "d"}.items()
    ]
    torn, single = group_remarks(tracks)
    assert torn.startswith("1 folder split into several groups (suspect A: 2 groups). If tracks were made together")
    assert single.startswith("2 of the 4 suspect groups are a single track among groups of several (A/3; d). If tracks")
    assert group_remarks([replace(track, group_from="manifest") for track in tracks]) == ()


def test_a_few_groups_of_several_do_not_make_single_tracks_odd() -> None:
    tracks = [replace(TRACK, path=f"{i}", group=f"{max(i, 1)}") for i in range(6)]
    assert group_remarks(tracks) == ()


def test_albums_alone_and_single_tracks_alone_are_nothing_to_remark() -> None:
    albums = [replace(TRACK, path=f"{g}/{i}", group=g) for g in "ab" for i in range(2)]
    singles = [replace(TRACK, path=str(i), group=str(i), role=Role.HELD_OUT) for i in range(3)]
    assert group_remarks([*albums, *singles]) == ()
    stated = [replace(TRACK, path=f"A/{i}", group=f"session {i // 2}", group_from="manifest") for i in range(4)]
    assert group_remarks(stated) == ()

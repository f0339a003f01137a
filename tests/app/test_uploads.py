"""What a browser sends stays in the folder it is moved to, under a harmless name."""

from pathlib import Path

import pytest

pytest.importorskip("hypothesis", reason="property tests need hypothesis: pip install 'earwitness[dev]'")

from hypothesis import given, settings
from hypothesis import strategies as st

from earwitness.app import uploads
from earwitness.app.uploads import checked, keep, safe_name
from earwitness.errors import EarwitnessError


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/cron.d/x.wav", "x.wav"),
        ("C:\\Windows\\..\\a.MP3", "a.MP3"),
        ("....wav", "wav"),
        (".hidden.flac", "hidden.flac"),
        ("a\x00b\n\u202ec.wav", "a_b__c.wav"),
        ('"><script>alert(1)</script>.wav', "script_.wav"),
        ("CON.wav", "_CON.wav"),
        ("/", "_"),
        ("Für Elise – नमस्ते.ogg", "Für Elise _ नमस्ते.ogg"),
        ("ä" * 4096 + ".flac", "ä" * 57 + ".flac"),
    ],
)
def test_names(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept


@settings(derandomize=True, database=None, max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_a_safe_name_is_one_visible_short_part_of_a_path_and_stays_itself(sent: str) -> None:
    name = safe_name(sent)
    assert Path(name).name == name
    assert not name.startswith(".")
    assert len(name.encode()) <= 121
    assert name.isprintable()
    assert safe_name(name) == name


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    (tmp_path / "uploads" / "ab12").mkdir(parents=True)
    return tmp_path / "uploads"


def upload(inside: Path, name: str, content: bytes = b"x") -> Path:
    path = inside / "ab12" / name
    path.write_bytes(content)
    return path


def test_uploads_are_moved_and_none_is_overwritten(inside: Path, tmp_path: Path) -> None:
    first = upload(inside, "a<b.wav", b"1")
    second = upload(inside, "a>b.wav", b"2")
    folder = keep(checked([first, second], inside=inside), tmp_path / "set")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a_b.wav": b"1", "a_b-2.wav": b"2"}
    assert not first.exists()


def test_only_uploads_are_taken(inside: Path, tmp_path: Path) -> None:
    private = tmp_path / "private.wav"
    private.write_bytes(b"x")
    link = inside / "ab12" / "link.wav"
    link.symlink_to(private)
    for path in (private, inside / ".." / "private.wav", link, inside / "ab12", inside / "ab12" / "gone.wav"):
        with pytest.raises(EarwitnessError, match="not uploaded here"):
            checked([path], inside=inside)
    assert private.exists()


def test_what_is_too_much_or_of_no_kind_is_refused(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, song = upload(inside, "page.html"), upload(inside, "song.wav", b"12345")
    with pytest.raises(EarwitnessError, match=r"page\.html is neither audio nor MIDI"):
        checked([song, page], inside=inside)
    monkeypatch.setattr(uploads, "FILE_BYTES", 4)
    with pytest.raises(EarwitnessError, match="give the folder"):
        checked([song], inside=inside)
    monkeypatch.setattr(uploads, "SET_FILES", 0)
    with pytest.raises(EarwitnessError, match="a set takes 0"):
        checked([song], inside=inside)
    assert song.exists()

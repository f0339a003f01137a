"""Texts from outside are texts on the page; a document stays locked in its frame."""

from html.parser import HTMLParser
from pathlib import Path

from earwitness.app import fragments
from earwitness.app.audits import Asked, WorkDirectory

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e&quot;"


class Elements(HTMLParser):
    """The elements of a fragment, with their attributes."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(fragment)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_document_is_one_attribute_of_a_frame_without_rights() -> None:
    document = f'<!doctype html><p title="x">{HOSTILE}</p>'
    ((tag, attributes),) = Elements(fragments.frame(document, HOSTILE)).found
    assert tag == "iframe"
    assert attributes["sandbox"] == ""
    assert attributes["srcdoc"] == document
    assert attributes.keys() == {"class", "title", "sandbox", "referrerpolicy", "srcdoc"}


def test_sentences_and_a_status_hold_no_markup_of_others(tmp_path: Path) -> None:
    assert [tag for tag, _ in Elements(fragments.alert(HOSTILE)).found] == ["p"]
    audit = WorkDirectory(tmp_path).new(
        HOSTILE, lambda folder: Asked(title="", target=HOSTILE, suspect=HOSTILE, held_out=str(folder / "held-out"))
    )
    audit.look.folder.mkdir()
    (audit.look.folder / "command.json").write_text('{"arguments": []}')
    (audit.look.folder / "exit.json").write_text('{"status": 2}')
    (audit.look.folder / "log.txt").write_text(f"earwitness: {HOSTILE}\n", encoding="utf-8")
    shown = fragments.status(audit)
    assert {tag for tag, _ in Elements(shown).found} == {"h2", "dl", "div", "dt", "dd", "p"}
    assert "could not be finished" in shown
    assert "uploaded files" in shown
    assert "\u202e" not in shown

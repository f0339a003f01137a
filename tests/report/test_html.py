from html.parser import HTMLParser
from pathlib import Path

import pytest

from earwitness.errors import EarwitnessError
from earwitness.report.context import ReportContext
from earwitness.report.html import render_html, write_report
from earwitness.verdict.result import Verdict
from earwitness.verdict.wording import VERDICT_NAMES
from tests.report.samples import VERDICTS, bare_result, full_context, full_result, hostile

PAYLOAD = "<script>alert('x')</script>\"'><img src=x onerror=go()>{{ 7 * 7 }}&amp;"
VOID = {"meta", "br", "img", "link", "input", "hr", "base", "source"}


class Page(HTMLParser):
    """Tags, attributes and visible text of a page; complains where tags do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def full_page() -> str:
    return render_html(full_result(), full_context())


def test_the_golden_figures_are_on_the_page(full_page: str) -> None:
    text = " ".join(" ".join(Page(full_page).text).split())
    for figure in (
        "about 1 of 2,500 audits",
        "0.0001",
        "the smallest value 9,999 permutations can give",
        "0.66 (0.58 to 0.75)",
        "0 % (0 % to 1.8 %)",
        "smallest AUC seen with power 0.8 0.61",
        "at least 18.3 %",
        "min_k/k=0.3/codebook=all higher 0.663 0.048",
        "Gate passed. Without asking the model, from sound and file properties alone, the two sets",
        "by folder (8 tracks), by album tag (72 tracks)",
        "suspect/17 Low Tide.mp3 index AudioError It ends early.",
        "arXiv 2409.19798",
        "earwitness verify RUN",
        "windows.per_track 3",
        "extract, seconds 214.8",
        "Audit of fiddle-musicgen for the Example Ensemble",
    ):
        assert figure in text, figure


def test_the_page_follows_the_order_of_a_reader(full_page: str) -> None:
    headings = [
        'id="verdict"',
        'id="meaning"',
        'id="limits"',
        'id="figures"',
        'id="scores-heading"',
        'id="control-heading"',
        'id="signals"',
        'id="blind"',
        'id="sets"',
        'id="exclusions"',
        'id="procedure"',
        'id="references"',
    ]
    places = [full_page.index(heading) for heading in headings]
    assert places == sorted(places)


def test_the_page_asks_the_network_for_nothing(full_page: str) -> None:
    page = Page(full_page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "image", "use", "base", "form"} & set(page.tags)
    loading = {"src", "href", "xlink:href", "srcset", "poster", "data", "action", "background", "ping"}
    assert [entry for entry in page.attributes if entry[1] in loading or entry[1].startswith("on")] == [
        ("a", "href", "#after-dots")
    ]
    assert [value for _, _, value in page.attributes if "url(" in value and not value.startswith("url(#")] == []
    addresses = {value for _, _, value in page.attributes if "//" in value}
    assert addresses == {"http://www.w3.org/2000/svg"}
    style = full_page[full_page.index("<style>") : full_page.index("</style>")]
    assert not any(word in style for word in ("url(", "@import", "@font-face", "//"))
    assert "Content-Security-Policy\" content=\"default-src 'none'" in full_page


def test_that_the_network_check_can_fail(full_page: str) -> None:
    with pytest.raises(AssertionError):
        test_the_page_asks_the_network_for_nothing(full_page.replace("<main>", '<main><img src="http://x">'))


def test_every_id_is_unique_and_every_label_points_at_one(full_page: str) -> None:
    page = Page(full_page)
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    labels = {ref for _, name, value in page.attributes if name == "aria-labelledby" for ref in value.split()}
    clips = {value[5:-1] for _, name, value in page.attributes if name == "clip-path"}
    assert labels | clips <= set(ids)
    assert page.tags.count("svg") == 6


def test_strangers_strings_are_shown_and_never_obeyed() -> None:
    html = render_html(*hostile(PAYLOAD))
    page = Page(html)
    assert "<script" not in html.lower()
    assert "<img" not in html.lower()
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    text = "".join(page.text)
    for place in (
        "title", "created", "name", "family", "sha", "reason", "warning", "method", "scorer", "hash", "artist",
        "album", "group", "role", "path", "stage", "error", "message", "key", "inner", "item", "package", "version",
        "digest",
    ):  # fmt: skip
        assert f"{PAYLOAD}{place}" in text, place
    assert PAYLOAD in text
    assert ">49<" not in html


def test_control_and_direction_characters_become_visible() -> None:
    html = render_html(*hostile("\x00\x1b\u202e\ud800"))
    assert html.encode("utf-8")
    assert not set("\x00\x1b\u202e") & set(html)
    assert "����reason" in html


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_renders_full_and_almost_empty(verdict: Verdict) -> None:
    for html in (
        render_html(full_result(verdict=verdict, tracks=8), full_context(tracks=8)),
        render_html(bare_result(verdict), ReportContext()),
        render_html(bare_result(verdict, p_value=0.02), ReportContext()),
    ):
        page = Page(html)
        assert html.count("<h1>") == 1
        assert VERDICT_NAMES[verdict] in "".join(page.text)
        assert ("section", "class", f"verdict {verdict}") in page.attributes
        assert not any(word in "".join(page.text) for word in ("None", "nan", "Undefined"))


def test_what_a_run_did_not_compute_is_said_and_never_zero() -> None:
    text = "".join(Page(render_html(bare_result("no_evidence", p_value=0.4), ReportContext())).text)
    assert "Not computed in this run: smallest possible p-value, unadjusted AUC" in text
    assert "was not run; the error rate of the test was not measured" in text
    assert "The two sets without the model" not in text


def test_a_positive_verdict_alone_lists_tracks_with_p_values_and_the_share_used() -> None:
    negative = "".join(Page(render_html(full_result(verdict="no_evidence"), full_context())).text)
    assert "share of the suspect set used" not in negative


def test_write_report_reads_and_writes_the_run_folder(tmp_path: Path) -> None:
    full_result(tracks=8).write(tmp_path / "result.json")
    page = write_report(tmp_path, title="Audit <one>", created="2025-11-24")
    assert page == tmp_path / "report.html"
    html = page.read_text(encoding="utf-8")
    assert "<h1>Audit &lt;one&gt;</h1>" in html
    assert "2025-11-24" in html
    again = write_report(tmp_path, title="Audit <one>", created="2025-11-24").read_text(encoding="utf-8")
    assert again == html


def test_a_folder_without_result_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(EarwitnessError, match=r"result\.json does not exist"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []

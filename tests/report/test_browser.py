"""The page in a real browser: 400 px, dark, print, keyboard, and strangers' text."""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from earwitness.report.html import render_html
from earwitness.report.membership_page import render_membership
from earwitness.report.pdf import write_pdf
from tests.report.samples import full_context, full_result, hostile
from tests.report.test_membership_page import evaluated

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BROWSER is None or find_spec("playwright") is None or find_spec("pypdf") is None,
        reason="needs Chromium (Debian: apt-get install chromium) and playwright and pypdf (extra dev)",
    ),
]
HOSTILE = "<script>document.title='run'</script>\"'><img src=x onerror=alert(1)>\u202e" + "w" * 4000
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of ``earwitness mia --roc``."""
    page = tmp_path_factory.mktemp("curves") / "roc.html"
    page.write_text(render_membership(evaluated()), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("page") / "report.html"
    page.write_text(render_html(full_result(), full_context()), encoding="utf-8")
    return page


def test_400_pixels_need_no_sideways_scrolling(browser: Any, path: Path) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.goto(path.as_uri())
    assert page.evaluate(OVERFLOW) == 0
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    assert page.evaluate(OVERFLOW) == 0


def test_charts_are_drawn_and_follow_dark_mode(browser: Any, path: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(path.as_uri())
    boxes = page.evaluate("[...document.querySelectorAll('.chart svg')].map(s => s.getBoundingClientRect().height)")
    assert len(boxes) == 6
    assert min(boxes) > 100
    text = "getComputedStyle(document.querySelector('.chart svg text[fill=\"#222222\"]')).fill"
    assert page.evaluate(text) == page.evaluate("getComputedStyle(document.body).color")
    page.emulate_media(color_scheme="light")
    assert page.evaluate(text) == "rgb(29, 29, 27)"


def test_a_pdf_is_printed_whole_with_all_folds_open(path: Path, tmp_path: Path) -> None:
    from pypdf import PdfReader

    pages = PdfReader(write_pdf(path, tmp_path / "report.pdf")).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    # From the folds: tracks, settings, hashes, machine, glossary.
    assert text.count("The Example Ensemble") >= 160
    for folded in ("windows.per_track", "plan.json", "transformers", "for which the model is not asked"):
        assert folded in text, folded


def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name(browser: Any, path: Path) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    unreachable = (
        "[...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1 && "
        "['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.tabIndex < 0).length"
    )
    assert page.evaluate(unreachable) == 0
    names = page.evaluate("[...document.querySelectorAll('[role=region]')].map(e => e.getAttribute('aria-label'))")
    assert all(names)
    assert len(set(names)) == len(names)
    assert page.evaluate("document.documentElement.lang") == "en"


def test_a_dot_is_named_to_pointer_and_keyboard(browser: Any, path: Path) -> None:
    page = browser.new_page()
    page.goto(path.as_uri())
    dots = page.locator(".dot")
    assert dots.count() == 160
    told = dots.nth(5).locator(".told")
    assert not told.is_visible()
    dots.nth(5).focus()
    assert told.is_visible()
    name = dots.nth(5).get_attribute("aria-label")
    assert " · suspect/album " in name
    assert told.text_content() == name
    page.keyboard.press("Tab")
    assert not told.is_visible()
    assert dots.nth(6).locator(".told").is_visible()
    dots.nth(9).locator("path").hover()
    assert dots.nth(9).locator(".told").is_visible()
    # Who does not want 160 stops goes past them.
    page.locator(".skip").focus()
    assert page.locator(".skip").is_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#after-dots') !== null")


def test_a_hostile_title_is_text(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(render_html(*hostile(HOSTILE)), encoding="utf-8")
    page = browser.new_page(viewport={"width": 400, "height": 800})
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "report.html").as_uri())
    assert asked == [(tmp_path / "report.html").as_uri()]
    assert page.evaluate("document.querySelectorAll('script, img').length") == 0
    assert page.evaluate("document.title") != "run"
    assert page.evaluate(OVERFLOW) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["path", "curves"])
def test_axe_finds_nothing(browser: Any, which: str, scheme: str, request: pytest.FixtureRequest) -> None:
    """Contrast, names, landmarks, tables: what axe-core can see, with all folds open."""
    package = find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        pytest.skip("axe-playwright-python is not installed; it belongs to the extra dev")
    context = browser.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": 400, "height": 800})
    page = context.new_page()
    page.goto(request.getfixturevalue(which).as_uri())
    assert page.evaluate(OVERFLOW) == 0
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    page.add_script_tag(path=Path(package.origin).with_name("axe.min.js"))
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 15
    assert [(each["impact"], each["id"]) for each in found["violations"]] == []

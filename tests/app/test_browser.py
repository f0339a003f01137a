"""A whole audit through the app in a real browser, on a shipped target; and its bundle in the viewer.

The files carry hostile names, tags and titles; the app is killed while the audit runs and opened again.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from earwitness.report.archive import write_archive
from earwitness.verdict.result import DatasetInferenceResult
from tests.report.samples import full_result

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
NEEDED = ("gradio", "playwright", "axe_playwright_python", "music21", "midirenderer")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BROWSER is None or any(find_spec(name) is None for name in NEEDED) or os.name == "nt",
        reason="needs Chromium (Debian: apt-get install chromium) and the extras dev and app",
    ),
]
HOSTILE = "<script>document.title='run'</script>\"'><img src=x onerror=alert(1)>\u202e${alert(1)}{{alert(1)}}"
FILE = "\"><script>alert(1)<\u2044script>'\u202e.flac"
TUNES = 6
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
GRADIOS_OWN = '<button class="icon-button svelte-'  # a button that holds a file input, in its list of uploads
PATIENCE = 300_000  # ms; only what never comes fails


@contextmanager
def serving(*arguments: object) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """``earwitness app`` as a process of its own, with its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "from earwitness.cli import main; main()"
    command = [sys.executable, "-c", code, "app", "--port", str(port), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.startswith("The page is http://127.0.0.1:"), said
            yield said.split()[-1], process
        finally:
            process.kill()


@contextmanager
def looking(browser: Any, address: str, **more: Any) -> Iterator[Any]:
    """A page that may ask nothing but its own server, and on which nobody may speak."""
    context = browser.new_context(bypass_csp=True, **more)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    strange: list[str] = []
    page.on("dialog", lambda dialog: strange.append(dialog.message) or dialog.dismiss())
    page.on("request", lambda asked: strange.append(asked.url) if not is_own(asked.url, address) else None)
    page.goto(address)
    yield page
    assert strange == []
    assert "run" not in page.title()
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    context.close()


def is_own(url: str, address: str) -> bool:
    return url.startswith((address, "data:", "blob:", "about:"))


def wrong(page: Any) -> list[tuple[str, str]]:
    """What axe-core finds serious on the page; what is in the frames has its own tests."""
    package = find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    page.add_script_tag(path=Path(package.origin).with_name("axe.min.js"))
    found = page.evaluate("axe.run(document, {iframes: false})")
    assert len(found["passes"]) > 15
    return [
        (each["id"], node["html"])
        for each in found["violations"]
        for node in each["nodes"]
        if each["impact"] in ("serious", "critical") and not node["html"].startswith(GRADIOS_OWN)
    ]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``suspect`` and ``held-out``: six tunes each that the shipped model was trained on, and was not."""
    from mutagen.flac import FLAC

    from earwitness.demo import draw_sets
    from earwitness.ground_truth.fiddle.tunes import read_tunes, write_audio
    from earwitness.ground_truth.registry import shipped

    folder = tmp_path_factory.mktemp("music")
    sets = draw_sets(shipped("fiddle").read().tunes, tracks=TUNES, seed=0)[:2]
    tunes = {tune.name: tune for tune in read_tunes({tune.name for side in sets for tune in side})}
    for role, side in zip(("suspect", "held-out"), sets, strict=True):
        for number, drawn in enumerate(side):
            path = folder / role / (f"{drawn.name}.flac" if number else FILE)
            write_audio(tunes[drawn.name], path)
            if not number:
                tags = FLAC(path)
                tags["title"] = tags["artist"] = HOSTILE + "w" * 4000
                tags.save()
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])


@pytest.fixture(scope="module")
def work(browser: Any, music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work directory in which an audit runs, begun in an app that was killed."""
    folder = tmp_path_factory.mktemp("work")
    with serving("--work", folder) as (address, app), looking(browser, address) as page:
        page.get_by_label("Name of the audit").fill(HOSTILE)
        page.get_by_role("button", name="Look at the files").click()
        page.get_by_role("alert").get_by_text("The model is missing").wait_for()
        page.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name="fiddle").click()
        page.get_by_label("Suspect set: folder on this machine").fill(str(music / "suspect"))
        page.get_by_role("button", name="Held-out set: upload files instead").click()
        page.locator("input[type=file]").set_input_files(sorted((music / "held-out").iterdir()))
        page.get_by_role("button", name="Settings and statements").click()
        page.get_by_label("Simulated audits").fill("2")
        page.get_by_label("Windows per track").fill("2")
        page.get_by_text("KB").nth(TUNES - 1).wait_for()
        assert wrong(page) == []
        page.get_by_role("button", name="Look at the files").click()
        page.wait_for_selector("#findings iframe")
        assert page.frame_locator("#findings iframe").get_by_text("What to mend, in this order").count() == 1
        page.get_by_role("button", name="Start the audit").click()
        page.wait_for_selector("#stop", state="visible")
        app.send_signal(signal.SIGKILL)
        app.wait()
    return folder


@pytest.fixture(scope="module")
def reopened(browser: Any, work: Path) -> Iterator[tuple[str, Path]]:
    """The app on the same directory, when the audit has ended; with its run folder."""
    with serving("--work", work) as (address, app), looking(browser, address) as page:
        page.wait_for_selector("#report iframe")
        (run,) = work.glob("audits/*/run")
        yield address, run
        app.send_signal(signal.SIGINT)
        assert app.wait(300) == 130


def test_the_audit_went_on_and_its_report_is_shown(browser: Any, reopened: tuple[str, Path]) -> None:
    address, run = reopened
    result = DatasetInferenceResult.read(run / "result.json")
    assert (result.n_tracks.suspect, result.n_tracks.held_out) == (TUNES, TUNES)
    uploaded = {path.name for path in (run.parent / "held-out").iterdir()}
    assert len(uploaded) == TUNES
    assert not any(set('<>"/\u202e') & set(name) for name in uploaded)
    with looking(browser, address, viewport={"width": 400, "height": 800}, color_scheme="dark") as page:
        report = page.frame_locator("#report iframe")
        report.get_by_text("What is weighed against what").wait_for()
        assert report.locator("script, img").count() == 0
        assert report.get_by_text("onerror").count() > 0
        assert page.inner_text("#status h2").startswith("<script>")
        assert page.evaluate(OVERFLOW) == 0
        assert wrong(page) == []
        page.get_by_role("button", name="Listen").click()
        page.wait_for_selector("#players .alert")
        assert "only where there is evidence of use" in page.inner_text("#players")


def test_tracks_are_played_where_the_verdict_allows_it(browser: Any, reopened: tuple[str, Path]) -> None:
    address, run = reopened
    whole = (run / "result.json").read_bytes()
    tracks = DatasetInferenceResult.read(run / "result.json").tracks
    try:
        full_result().model_copy(update={"tracks": tracks}).write(run / "result.json")
        with looking(browser, address) as page:
            page.get_by_role("button", name="Listen").click()
            page.wait_for_selector("#players audio")
            lengths = page.evaluate(
                "Promise.all([...document.querySelectorAll('#players audio')].map(sound => new Promise((done, failed) "
                "=> { sound.onloadedmetadata = () => done(sound.duration); sound.onerror = failed; sound.load(); "
                "sound.preload = 'metadata' })))"
            )
            assert len(lengths) == TUNES
            assert all(10 < seconds <= 20 for seconds in lengths)
            assert page.evaluate("document.querySelectorAll('#players script, #players img').length") == 0
            assert page.evaluate(OVERFLOW) == 0
            assert wrong(page) == []
    finally:
        (run / "result.json").write_bytes(whole)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"Origin": "http://evil.example"}, 403),
        ("", {"Host": "evil.example"}, 403),
        ("gradio_api/file=/etc/passwd", {}, 403),
        ("gradio_api/file={run}/result.json", {}, 403),
        ("gradio_api/file={run}/../asked.json", {}, 403),
    ],
)
def test_the_server_answers_its_own_page_alone(
    path: str, headers: dict[str, str], status: int, reopened: tuple[str, Path]
) -> None:
    address, run = reopened
    asked = urllib.request.Request(address + path.format(run=run), headers=headers)
    try:
        with urllib.request.urlopen(asked) as answer:
            found = answer.status
    except urllib.error.HTTPError as refused:
        found = refused.code
        refused.close()
    assert found == status


def test_its_bundle_is_viewed_and_a_page_that_came_along_is_not_believed(
    browser: Any, reopened: tuple[str, Path], tmp_path: Path
) -> None:
    from earwitness.report.bundle import write_bundle_hashes

    _, run = reopened
    forged = Path(shutil.copytree(run, tmp_path / "forged"))
    (forged / "report.html").write_text("<script>parent.document.title='run'</script>Guilty", encoding="utf-8")
    write_bundle_hashes(forged)
    bundle = write_archive(forged, tmp_path / "case.zip")
    with serving("--view", bundle) as (address, _), looking(browser, address) as page:
        report = page.frame_locator("#report iframe")
        report.get_by_text("What is weighed against what").wait_for()
        assert report.get_by_text("Guilty").count() == 0
        assert "report.html is not the page that the files of the run give" in page.get_by_role("alert").inner_text()
        assert page.get_by_role("button", name="Listen").count() == 0
        assert wrong(page) == []

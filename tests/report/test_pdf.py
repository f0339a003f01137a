"""Printing where there is no browser: by weasyprint, or one line on what is missing."""

import shutil
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from earwitness.errors import EarwitnessError
from earwitness.report import pdf
from earwitness.report.html import render_html
from tests.report.samples import full_context, full_result


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A report on a machine without a browser."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    path = tmp_path / "report.html"
    path.write_text(render_html(full_result(tracks=12), full_context(tracks=12)), encoding="utf-8")
    return path


@pytest.mark.slow
def test_weasyprint_prints_folds_and_no_names_of_dots(page: Path) -> None:
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("needs weasyprint (extra pdf) and Pango (Debian: libpango-1.0-0, libpangoft2-1.0-0)")
    reader = pytest.importorskip("pypdf").PdfReader
    pages = reader(pdf.write_pdf(page, page.with_name("report.pdf"))).pages
    text = " ".join(" ".join(each.extract_text() for each in pages).split())
    assert text.count("The Example Ensemble") >= 24
    for folded in ("windows.per_track", "plan.json", "transformers", "for which the model is not asked"):
        assert folded in text, folded
    # What is shown to a pointer alone is not printed over the dots.
    assert "· suspect/album" not in text
    assert "Skip the dots" not in text


def test_without_pango_one_line_says_what_to_install(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise OSError("cannot load library 'libpango-1.0-0'\nmore")

    broken = Broken("weasyprint")
    broken.__spec__ = ModuleSpec("weasyprint", None)
    monkeypatch.setitem(sys.modules, "weasyprint", broken)
    with pytest.raises(EarwitnessError, match=r"'libpango-1\.0-0'\); install Pango") as caught:
        pdf.write_pdf(page, page.with_name("report.pdf"))
    assert "\n" not in str(caught.value)
    assert not page.with_name("report.pdf").exists()


def test_without_any_printer_one_line_says_what_to_install(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "find_spec", lambda name: None if name == "weasyprint" else find_spec(name))
    with pytest.raises(EarwitnessError, match="pip install weasyprint"):
        pdf.write_pdf(page, page.with_name("report.pdf"))

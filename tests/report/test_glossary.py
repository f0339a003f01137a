"""One word per thing: the page is made from the list, and a report explains the words it uses."""

from pathlib import Path

from earwitness.report.glossary import GLOSSARY, markdown, report_terms
from earwitness.report.html import render_html
from tests.report.samples import full_context, full_result

PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_the_page_is_what_the_list_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_no_word_is_explained_twice_and_none_stands_for_another() -> None:
    words = [term.word for terms in GLOSSARY.values() for term in terms]
    assert len(set(words)) == len(words)
    others = {other.strip() for terms in GLOSSARY.values() for term in terms for other in term.instead_of.split(",")}
    assert others.isdisjoint(words)


def test_a_report_explains_its_words() -> None:
    page = render_html(full_result(), full_context())
    assert len(report_terms()) > 15
    for term in report_terms():
        assert f"<dt>{term.word}</dt>" in page

from xml.etree import ElementTree

from earwitness.report.svg import inline_svg

DIRTY = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" onload="go()">
<script>alert(1)</script><defs><clipPath id="c1"><rect width="1" height="1"/></clipPath></defs>
<a xlink:href="https://example.org"><text>linked</text></a><foreignObject><text>foreign</text></foreignObject>
<image href="https://example.org/x.png"/><style>@import url(https://example.org)</style>
<g clip-path="url(#c1)" fill="url(https://example.org/#f)"><text onclick="go()" style="x">1 &lt; 2</text></g></svg>"""


def test_only_shapes_and_text_survive() -> None:
    clean = inline_svg(DIRTY, name="chart", title="a <b>", description='say "x"')
    for word in ("script", "alert", "onload", "onclick", "href", "example.org", "foreign", "linked", "style", "image"):
        assert word not in clean
    assert "1 &lt; 2" in clean


def test_ids_are_unique_to_the_page_and_references_follow() -> None:
    clean = inline_svg(DIRTY, name="chart", title="t", description="d")
    assert 'id="chart-c1"' in clean
    assert 'clip-path="url(#chart-c1)"' in clean


def test_title_and_description_are_spoken() -> None:
    root = ElementTree.fromstring(inline_svg(DIRTY, name="chart", title="a <b>", description='say "x"'))
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "chart-title chart-desc"
    assert [(child.tag, child.text) for child in root][:2] == [(space + "title", "a <b>"), (space + "desc", 'say "x"')]

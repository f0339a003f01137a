"""A chart as SVG that is safe and sensible to put inside a page.

Goal: only shapes and text survive. Elements and attributes are taken from short lists of
what drawing needs (no links, no scripts, no events, no foreign content), ids are made
unique to the page, and the drawing gets a title and a description for those who listen. A mark with a
name of its own can be pointed at and reached by keyboard; its name then stands above its panel.
"""

import re
from xml.etree import ElementTree

import altair as alt
import vl_convert

Drawing = alt.Chart | alt.LayerChart | alt.VConcatChart | alt.FacetChart
INK = "#222222"
POINT = "\N{ZERO WIDTH SPACE}"
"""Begins the ``description`` of a mark that a reader may point at."""
_SHOWN = 90
_STYLE = {
    "background": "transparent",
    "font": "sans-serif",
    "padding": 8,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": "#dddddd",
        "domainColor": "#888888",
        "tickColor": "#888888",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 220,
    },
    "title": {"color": INK, "fontSize": 13, "fontWeight": "normal"},
    "header": {"labelFontSize": 12, "labelColor": INK},
    "legend": {"orient": "top", "labelFontSize": 12, "labelColor": INK, "symbolStrokeColor": INK},
}

_SHAPES = {"svg", "g", "path", "rect", "line", "circle", "text", "tspan", "defs", "clipPath", "title"}
_GEOMETRY = {
    "width",
    "height",
    "viewBox",
    "transform",
    "d",
    "x",
    "y",
    "x1",
    "y1",
    "x2",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "dx",
    "dy",
    "points",
}
_PAINT = {
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-dasharray",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-miterlimit",
    "opacity",
    "font-family",
    "font-size",
    "font-weight",
    "font-style",
    "text-anchor",
    "display",
    "id",
    "clip-path",
}
_ATTRIBUTES = _GEOMETRY | _PAINT
_LOCAL_REFERENCE = re.compile(r"url\(#([\w-]+)\)")


def chart_svg(chart: Drawing, *, name: str, title: str, description: str) -> str:
    """Draw a chart and make it safe to inline; ``name`` is the prefix of its ids.

    No address is ever asked for data: the list of allowed ones is empty.
    """
    drawn = vl_convert.vegalite_to_svg(chart.to_dict(), config=_STYLE, allowed_base_urls=[])
    return inline_svg(drawn, name=name, title=title, description=description)


def inline_svg(svg: str, *, name: str, title: str, description: str) -> str:
    """Keep only shapes and text of an SVG document, with unique ids and a spoken title."""
    drawn = ElementTree.fromstring(svg)
    root = _kept(drawn, name, _number(drawn.get("width", "")))
    root.set("xmlns", "http://www.w3.org/2000/svg")
    # What is an image has no parts for those who listen.
    root.set("role", "group" if root.find(".//g[@class='dot']") is not None else "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        spoken = ElementTree.Element(tag, {"id": f"{name}-{tag}"})
        spoken.text = text
        root.insert(position, spoken)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _kept(element: ElementTree.Element, name: str, width: float) -> ElementTree.Element:
    copy = ElementTree.Element(_local(element.tag))
    copy.text = element.text
    for key, value in element.attrib.items():
        reference = _LOCAL_REFERENCE.fullmatch(value)
        if key not in _ATTRIBUTES or ("url(" in value and reference is None):
            continue
        if key == "id":
            copy.set(key, f"{name}-{value}")
        else:
            copy.set(key, f"url(#{name}-{reference[1]})" if reference else value)
    copy.extend(_kept(child, name, width) for child in element if _local(child.tag) in _SHAPES)
    told = element.get("aria-label", "")
    return _named(copy, told.removeprefix(POINT), width) if told.startswith(POINT) else copy


def _named(mark: ElementTree.Element, told: str, width: float) -> ElementTree.Element:
    """A mark with its name: what a pointer shows, what is read out, and a text above the panel (report.css)."""
    dot = ElementTree.Element("g", {"class": "dot", "tabindex": "0", "role": "img", "aria-label": told})
    # Browsers show it where a pointer rests.
    ElementTree.SubElement(mark, "title").text = told
    at = _number(mark.get("transform", "").removeprefix("translate("))
    third = min(int(3 * at / width), 2) if width else 1
    text = ElementTree.Element(
        "text",
        {
            "class": "told", "x": f"{at:g}", "y": "-7", "font-family": "sans-serif", "font-size": "12px", "fill": INK,
            "text-anchor": ("start", "middle", "end")[third], "aria-hidden": "true", "display": "none",
        },
    )  # fmt: skip
    text.text = told if len(told) <= _SHOWN else f"{told[: _SHOWN - 1]}…"
    dot.extend((mark, text))
    return dot


def _number(text: str) -> float:
    """The number that a text begins with, or 0."""
    found = re.match(r"-?[\d.]+", text)
    return float(found[0]) if found else 0.0


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]

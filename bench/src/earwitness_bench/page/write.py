"""Put the page together and write it beside its tables and plots: an overview, and a page for each long part."""

from pathlib import Path

from earwitness.files import write_text
from earwitness_bench.page.blocks import Bullets, Section, rendered
from earwitness_bench.page.introduction import introduction, paper_experiments
from earwitness_bench.page.meaning import meaning_section
from earwitness_bench.page.membership import membership_section
from earwitness_bench.page.ranking import ranking_section
from earwitness_bench.page.recordings import recordings_section
from earwitness_bench.page.sets import sets_section
from earwitness_bench.page.stress import stress_section
from earwitness_bench.page.tables import Tables
from earwitness_bench.page.targets import targets_section
from earwitness_bench.scale import Scale

BESIDE = "bench"
"""The folder of tables, drawings and parts, beside the overview."""


def write_page(out: Path, scale: Scale) -> Path:
    """Write ``out/bench.md``, ``out/bench/*.md`` and ``out/bench/*.svg`` from ``out/bench/*.csv``; return the first.

    Raises
    ------
    EarwitnessError
        If a table that every benchmark leaves is not there, or is not one of its tables.
    """
    tables = Tables.read(out / "bench")
    parts = {
        "membership-inference": membership_section(tables),
        "dataset-inference": sets_section(tables),
        "signals": ranking_section(tables.ranking),
        "stress": stress_section(tables.stress),
        "recordings": recordings_section(tables.recordings),
    }
    overview = [
        introduction(tables, scale),
        targets_section(tables),
        Section(
            heading="The parts",
            blocks=(Bullets([f"[{part.heading}]({BESIDE}/{name}.md)" for name, part in parts.items()]),),
        ),
        paper_experiments(),
        meaning_section(tables),
    ]
    for section in [*overview, *parts.values()]:
        for name, svg in section.drawings.items():
            write_text(out / BESIDE / f"{name}.svg", svg)
    for name, part in parts.items():
        write_text(out / BESIDE / f"{name}.md", rendered("The benchmark", [part], drawings=""))
    page = out / "bench.md"
    write_text(page, rendered("The benchmark", overview, drawings=f"{BESIDE}/"))
    return page

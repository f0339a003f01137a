"""Put the page together and write it beside its tables and plots."""

from pathlib import Path

from earwitness.files import write_text
from earwitness_bench.page.blocks import rendered
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


def write_page(out: Path, scale: Scale) -> Path:
    """Write ``out/bench.md`` and ``out/bench/*.svg`` from ``out/bench/*.csv``; return the page.

    Raises
    ------
    EarwitnessError
        If a table that every benchmark leaves is not there, or is not one of its tables.
    """
    tables = Tables.read(out / "bench")
    sections = [
        introduction(tables, scale),
        targets_section(tables),
        membership_section(tables),
        sets_section(tables),
        ranking_section(tables.ranking),
        stress_section(tables.stress),
        recordings_section(tables.recordings),
        paper_experiments(),
        meaning_section(tables),
    ]
    for section in sections:
        for name, svg in section.drawings.items():
            write_text(out / "bench" / f"{name}.svg", svg)
    page = out / "bench.md"
    write_text(page, rendered("The benchmark", sections))
    return page

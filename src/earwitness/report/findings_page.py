"""An inspection as one self-contained HTML page, under the rules of the report's page."""

from pathlib import Path

from earwitness.files import write_text
from earwitness.findings.record import Findings
from earwitness.report.charts import property_figure
from earwitness.report.findings_tables import (
    chance_table,
    couple_table,
    gate_sentence,
    group_table,
    left_out_table,
    property_table,
    prospect_sentences,
    sides_table,
)
from earwitness.report.html import page_environment


def render_findings(findings: Findings, *, title: str | None = None) -> str:
    """Render an inspection as one HTML document."""
    stops = any(item.stops for item in findings.mend)
    mend = findings.mend
    headline = (
        "These sets cannot be audited yet."
        if stops
        else f"These sets can be audited; {len(mend)} points would make the answer better."
        if mend
        else "These sets can be audited; nothing to mend was found."
    )
    return (
        page_environment()
        .get_template("findings.html.j2")
        .render(
            title=title or "Inspection of two sets of music",
            headline=headline,
            tone="cannot_be_tested" if stops else "inconclusive" if mend else "no_evidence",
            findings=findings,
            sides=sides_table(findings),
            gate=gate_sentence(findings),
            figure=property_figure([found for found in findings.properties if found.differs]),
            properties=property_table(findings, most=None),
            couples=couple_table(findings),
            groups=group_table(findings),
            left_out=left_out_table(findings),
            prospects=prospect_sentences(findings),
            chances=chance_table(findings),
        )
    )


def write_findings(path: Path, findings: Findings, *, title: str | None = None) -> Path:
    """Write the page; returns its path."""
    write_text(path, render_findings(findings, title=title))
    return path

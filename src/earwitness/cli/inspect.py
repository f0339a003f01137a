"""``earwitness inspect``: what two sets of files are and can show, before any model is asked."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar


def command(
    run: Annotated[
        Path | None,
        typer.Argument(help="A run folder: what was read is kept there, and an audit with --out RUN reads it no more."),
    ] = None,
    suspect: options.Suspect = None,
    held_out: options.HeldOut = None,
    manifest: options.Manifest = None,
    out: Annotated[Path | None, typer.Option(help="Write a page (HTML) here.")] = None,
    write_manifest: Annotated[
        Path | None,
        typer.Option(help="Write a manifest of what was found here, to correct groups, pairs and titles in."),
    ] = None,
    alpha: options.Alpha = 0.01,
    icc: Annotated[float, typer.Option(help="Assumed correlation of two tracks of a group, 0 to 1.")] = 0.05,
    audits: Annotated[int, typer.Option(min=0, help="Simulated audits for each size of a leak; 0: none.")] = 100,
    seed: options.TestSeed = 0,
    as_json: options.AsJson = False,
) -> None:
    """Say what two sets of files are, what tells them apart, what a test of them can show, and what to mend.

    No model is asked. With an indexed RUN alone nothing is read again.

    Example: earwitness inspect --suspect my-albums --held-out my-unreleased

    Example: earwitness inspect RUN --manifest tracks.csv --out inspection.html
    """
    import json
    from dataclasses import asdict

    from earwitness import pipeline
    from earwitness.findings.inspection import inspection
    from earwitness.findings.prospects import check

    check(alpha, icc)
    with bar("reading the files") as on_progress:
        collection = pipeline.look_stage(
            run, suspect=suspect, held_out=held_out, manifest=manifest, on_progress=on_progress
        )
    with bar("simulating audits") as on_audit:
        findings = inspection(collection, alpha=alpha, icc=icc, audits=audits, seed=seed, on_progress=on_audit)
    said = []
    if write_manifest is not None:
        from earwitness.collection.draft import write_draft

        said.append(f"The manifest is {write_draft(write_manifest, collection)}")
    if out is not None:
        from earwitness.report.findings_page import write_findings

        said.append(f"The page is {write_findings(out, findings)}")
    if as_json:
        typer.echo(json.dumps(asdict(findings), indent=2))
        return
    from earwitness.cli.console import Console
    from earwitness.report.findings_text import print_findings

    print_findings(findings, Console())
    for line in said:
        typer.echo(line)

"""``earwitness audit``: from two folders and a model to a verdict and a report."""

from pathlib import Path
from typing import Annotated

import typer

from earwitness.cli import options
from earwitness.cli.progress import bar


def command(
    target: options.Target,
    suspect: options.Suspect = None,
    held_out: options.HeldOut = None,
    manifest: options.Manifest = None,
    out: Annotated[Path, typer.Option(help="The run folder; an interrupted run in it is continued.")] = Path("run"),
    preset: options.Preset = "default",
    further: options.With = None,
    reference: options.Reference = None,
    anchors: options.Anchors = None,
    contrast: options.Contrast = "auto",
    seconds: options.Seconds = None,
    windows_per_track: options.WindowsPerTrack = 6,
    harmonise: options.Harmonise = "off",
    alpha: options.Alpha = 0.01,
    method: options.Method = "exact",
    permutations: options.Permutations = 9999,
    exclude_spanning: options.ExcludeSpanning = False,
    comparable: options.Comparable = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    dtype: options.Dtype = "float32",
    batch_size: options.BatchSize = 8,
    engine: options.Engine = "local",
    workers: options.Workers = None,
    cpus_per_worker: options.CpusPerWorker = 1,
    gpus_per_worker: options.GpusPerWorker = None,
    ray_address: options.RayAddress = None,
    parts: options.Parts = None,
    case: options.CaseReference = None,
    author: options.Author = None,
    held_out_statement: options.HeldOutStatement = None,
    as_json: options.AsJson = False,
) -> None:
    """Index both sets, say what they are and can show, ask the target, test, and write report.html.

    Where `earwitness inspect RUN` has read the same files before, an audit with --out RUN does not decode them again.

    Example: earwitness audit --target facebook/musicgen-small --suspect my-albums --held-out my-unreleased --out run
    """
    from earwitness import pipeline
    from earwitness.cli.console import Console
    from earwitness.findings.inspection import inspection
    from earwitness.record.case import Case
    from earwitness.report.findings_text import print_findings

    test = pipeline.VerdictSettings(
        method=method, alpha=alpha, permutations=permutations, seed=seed,
        spanning="exclude" if exclude_spanning else "refuse", comparable=comparable,
    )  # fmt: skip
    measure = pipeline.MeasureSettings(
        target=target, preset=preset, further=tuple(further or ()), references=tuple(reference or ()),
        anchors=anchors, contrast=contrast, seconds=seconds, windows_per_track=windows_per_track,
        harmonise=harmonise,
        seed=seed, device=device, dtype=dtype, batch_size=batch_size,
    )  # fmt: skip
    machines = options.machines(
        engine=engine, workers=workers, cpus_per_worker=cpus_per_worker, gpus_per_worker=gpus_per_worker,
        address=ray_address, parts=parts,
    )  # fmt: skip
    asked = pipeline.open_target(measure, test, machines)
    with bar("reading the files") as on_progress:
        collection = pipeline.index_stage(
            out, suspect=suspect, held_out=held_out, manifest=manifest, on_progress=on_progress
        )
    findings = inspection(collection, alpha=alpha, harmonised=harmonise != "off")
    print_findings(findings, Console(stderr=True), brief_of=str(out))
    for warning in (*collection.warnings, *pipeline.foresee(collection, test)):
        typer.echo(f"warning: {warning}", err=True)
    with bar("asking the target") as on_progress:
        pipeline.extract_stage(out, measure, target=asked, test=test, machines=machines, on_progress=on_progress)
    with bar("testing") as on_progress:
        result = pipeline.test_stage(out, test, on_progress=on_progress)
    Case.note(out, reference=case, author=author, held_out_statement=held_out_statement)
    page = pipeline.report_stage(out)
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
        return
    from earwitness.report.context import report_context
    from earwitness.report.text import print_result

    print_result(result, Console(), context=report_context(out))
    typer.echo(f"The report is {page}")

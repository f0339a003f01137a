"""Ask a target about every copy of every sealed work, and test whether it prefers the published ones.

Goal: the stages of an ordinary audit with another manifest and another verdict. Conventions: a work is a pair of
the manifest; the published copy is the suspect, its twins are held out; nothing is asked before the seal was checked.
"""

import csv
from io import StringIO
from pathlib import Path

from earwitness import pipeline
from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.files import write_text
from earwitness.settings import MeasureSettings
from earwitness.twins.seal import Seal, copy_path, drawn, inconsistencies
from earwitness.twins.verdict import TwinsResult, twins_test
from earwitness.types import OnProgress

RESULT_NAME, MANIFEST_NAME = "twins.json", "twins.csv"


def checked_seal(sealed: Path, key: bytes) -> Seal:
    """Return the seal of a folder where everything is as it says.

    Raises
    ------
    EarwitnessError
        Which names the first thing that is not.
    """
    seal = Seal.read(sealed)
    if found := inconsistencies(sealed, seal, key):
        more = f" ({len(found) - 1} more; `earwitness mark verify` lists them)" if len(found) > 1 else ""
        raise EarwitnessError(f"The seal does not hold: {found[0]}{more}. The target was not asked.")
    return seal


def write_manifest(run: Path, sealed: Path, seal: Seal, key: bytes) -> Path:
    """Write what the index reads: every copy with its role and its work."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "role", "group", "pair"])
    for work in seal.works:
        published = drawn(key, seal.beacon, work.master_sha256, len(work.copies))
        for number in range(len(work.copies)):
            path = copy_path(sealed, work.name, number).absolute()
            role = "suspect" if number == published else "held_out"
            writer.writerow([path, role, f"{work.name} {number:02d}", work.name])
    manifest = run / MANIFEST_NAME
    write_text(manifest, text.getvalue())
    return manifest


def measure(
    run: Path, sealed: Path, key: bytes, settings: MeasureSettings, *, on_read: OnProgress, on_ask: OnProgress
) -> Seal:
    """Index the copies and ask the target about each; resumes where an interrupted run stopped."""
    seal = checked_seal(sealed, key)
    target = pipeline.open_target(settings)
    manifest = write_manifest(run, sealed, seal, key)
    pipeline.index_stage(run, manifest=manifest, on_progress=on_read)
    pipeline.extract_stage(run, settings, target=target, on_progress=on_ask)
    return seal


def judge(run: Path, seal: Seal, *, alpha: float, permutations: int, seed: int) -> TwinsResult:
    """Test the run folder's features and write ``twins.json``."""
    result = twins_test(
        FeatureTable.read(run), alpha=alpha, permutations=permutations, seed=seed, seal_sha256=seal.sha256
    )
    write_text(run / RESULT_NAME, result.model_dump_json(indent=2) + "\n")
    return result

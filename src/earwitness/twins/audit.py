"""Ask a target about every copy of every sealed work, and test whether it prefers the published ones.

Goal: the stages of an ordinary audit with another manifest and another verdict. Conventions: a work is a pair of
the manifest; the published copy is the suspect, its twins are held out; nothing is asked before the seal was checked.
"""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from types import MappingProxyType

from earwitness import pipeline
from earwitness.errors import EarwitnessError
from earwitness.features import FeatureTable
from earwitness.files import read_record, write_text
from earwitness.measure.plan import PLAN_NAME, Plan
from earwitness.settings import MeasureSettings, VerdictSettings
from earwitness.twins.seal import Seal, copy_path, drawn, inconsistencies
from earwitness.twins.verdict import TwinsResult, twins_test
from earwitness.types import OnProgress
from earwitness.verdict.admission import check_settings
from earwitness.verdict.attempts import differences

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


def write_manifest(
    run: Path, sealed: Path, seal: Seal, key: bytes, prompts: Mapping[str, str] = MappingProxyType({})
) -> Path:
    """Write what the index reads: every copy with its role, its work, and the prompt of the work."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "role", "group", "pair", "prompt"])
    for work in seal.works:
        published = drawn(key, seal.beacon, work.master_sha256, len(work.copies))
        for number in range(len(work.copies)):
            path = copy_path(sealed, work.name, number, seal.suffix).absolute()
            role = "suspect" if number == published else "held_out"
            writer.writerow([path, role, f"{work.name} {number:02d}", work.name, prompts.get(work.name, "")])
    manifest = run / MANIFEST_NAME
    write_text(manifest, text.getvalue())
    return manifest


def read_prompts(path: Path, seal: Seal) -> dict[str, str]:
    """Read a CSV file with the columns ``work`` and ``prompt``: under what each work is asked about.

    Raises
    ------
    EarwitnessError
        Where it is not one, or names a work that was not sealed.
    """
    try:
        rows = list(csv.DictReader(StringIO(path.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError) as error:
        raise EarwitnessError(f"{path} cannot be read ({error}); give a CSV file with work and prompt.") from None
    if not rows or not {"work", "prompt"} <= set(rows[0]):
        raise EarwitnessError(f"{path} has no columns work and prompt; give a CSV file with both.")
    known = {work.name for work in seal.works}
    if unknown := [row["work"] for row in rows if row["work"] not in known]:
        raise EarwitnessError(f"{path} names the work {unknown[0]!r}, which was not sealed; correct the name.")
    return {row["work"]: row["prompt"] or "" for row in rows}


def measure(
    run: Path,
    sealed: Path,
    key: bytes,
    settings: MeasureSettings,
    test: VerdictSettings,
    *,
    prompts: Path | None = None,
    on_read: OnProgress,
    on_ask: OnProgress,
) -> Seal:
    """Index the copies and ask the target about each; resumes where an interrupted run stopped.

    Without ``prompts`` (see `read_prompts`) works are asked about without one. The first call fixes the settings of
    the test in the plan, before the target is asked.
    """
    check_settings(test.alpha, test.method, test.permutations, a_a_runs=0)
    seal = checked_seal(sealed, key)
    asked = {} if prompts is None else read_prompts(prompts, seal)
    target = pipeline.open_target(settings)
    manifest = write_manifest(run, sealed, seal, key, asked)
    pipeline.index_stage(run, manifest=manifest, on_progress=on_read)
    planned = None if (run / PLAN_NAME).exists() else test
    pipeline.extract_stage(run, settings, target=target, test=planned, on_progress=on_ask)
    return seal


def judge(run: Path, seal: Seal, test: VerdictSettings) -> tuple[TwinsResult, Path]:
    """Test the run folder's features; return the result and the file that it is kept in.

    The planned test, or where the plan has none the first, is ``twins.json`` and stays. The same test again gives the
    same file; any other is kept beside it as ``twins-0002.json`` and so on, and says in what it departs.
    """
    result = twins_test(
        FeatureTable.read(run),
        alpha=test.alpha, permutations=test.permutations, seed=test.seed, seal_sha256=seal.sha256,
    )  # fmt: skip
    path = run / RESULT_NAME
    first = read_record(path, TwinsResult, is_not="is no result of twins")
    departures = _from_plan(run, result) or ([] if first is None else _from_first(first, result))
    if departures:
        stamp = f"This test is not as first planned: {'; '.join(departures)}."
        result = result.model_copy(update={"departures": departures, "reasons": [stamp, *result.reasons]})
        path = _free_path(run)
    write_text(path, result.model_dump_json(indent=2) + "\n")
    return result, path


def _from_plan(run: Path, now: TwinsResult) -> list[str]:
    """In what a test's settings depart from those that the plan holds."""
    planned = Plan.read(run).test if (run / PLAN_NAME).exists() else None
    if planned is None:
        return []
    names = ("alpha", "permutations", "seed")
    return differences({name: planned.get(name) for name in names}, {name: getattr(now, name) for name in names})


def _from_first(first: TwinsResult, now: TwinsResult) -> list[str]:
    """In what a test departs from the first of its run: its settings, or else what it tested."""
    if first == now:
        return []
    settings = {"alpha", "permutations", "seed", "seal_sha256", "plan_hash"}
    named = differences(first.model_dump(mode="json", include=settings), now.model_dump(mode="json", include=settings))
    return named or ["the same settings gave another result, so the features or the version are others"]


def _free_path(run: Path) -> Path:
    number = 2
    while (path := run / f"twins-{number:04d}.json").exists():
        number += 1
    return path

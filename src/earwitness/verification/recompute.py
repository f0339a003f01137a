"""Is a run what it says it is? Its files, its log, its results made once more, and its page rendered once more.

Goal: someone who holds a run folder or a bundle, and trusts nobody, names whatever was changed. Each check is a
function from a run folder to sentences; no sentence, no difference. What needs the audio or the model is in
`earwitness.verification.remeasure`.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earwitness import pipeline
from earwitness.errors import EarwitnessError
from earwitness.measure.plan import Plan
from earwitness.record import run_folder
from earwitness.report.bundle import REPORT_NAME, verify
from earwitness.report.html import page_of
from earwitness.settings import VerdictSettings
from earwitness.types import OnProgress
from earwitness.verdict.attempts import Attempt, read_attempts

_NAMED = 5
_OF_NUMBERS = ("earwitness", "numpy", "scipy", "polars")
_OF_THE_PAGE = ("earwitness", "altair", "vl-convert-python")


def changed_files(run: Path) -> Iterator[str]:
    """Files that are not as hashes.json notes them."""
    found = verify(run)
    kinds = (("changed", found.changed), ("missing", found.missing), ("added", found.added))
    if not found.all_match:
        differences = "; ".join(f"{kind}: {_listed(names)}" for kind, names in kinds if names)
        yield f"it is not as it was when its hashes were noted ({differences})"


def other_results(run: Path, on_progress: OnProgress = lambda done, total: None) -> Iterator[str]:
    """Results that the feature table does not give, byte for byte, under the settings that the log notes."""
    attempts = {attempt.result: attempt for attempt in read_attempts(run)}
    for done, (name, attempt) in enumerate(attempts.items()):
        on_progress(done, len(attempts))
        if not (run / name).exists():
            yield f"{name}, the result of attempt {attempt.number}, is missing"
        elif (run / name).read_bytes() != recomputed(run, attempt):
            yield f"{name} is not what the feature table gives{_other_versions(run, _OF_NUMBERS)}"
    on_progress(len(attempts), len(attempts))


def recomputed(run: Path, attempt: Attempt) -> bytes:
    """The file that an attempt's test gives today: the same table, the same settings, nothing written."""
    known = {field.name for field in dataclasses.fields(VerdictSettings)}
    if strangers := attempt.settings.keys() - known:
        raise EarwitnessError(
            f"Attempt {attempt.number} was made with the setting {sorted(strangers)[0]}, which this version does not "
            f"have; verify the run with earwitness {attempt.version}."
        )
    given: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in attempt.settings.items()}
    settings = VerdictSettings(**given)
    result = run_folder.as_recorded(run, Plan.read(run), settings, pipeline.infer(run, settings))
    return (result.model_dump_json(indent=2) + "\n").encode()


def other_page(run: Path) -> Iterator[str]:
    """Whether report.html is the page that the run's files give."""
    path = run / REPORT_NAME
    if path.exists() and path.read_bytes() != page_of(run).encode():
        yield f"{REPORT_NAME} is not the page that the files of the run give{_other_versions(run, _OF_THE_PAGE)}"


def _other_versions(run: Path, packages: tuple[str, ...]) -> str:
    """What else can be the cause: a clause about versions that differ from those of the run."""
    noted = run_folder.read_environment(run).get("versions")
    noted = noted if isinstance(noted, dict) else {}
    differ = [
        f"{name} was {noted[name]}, here {run_folder.version_of(name)}"
        for name in packages
        if name in noted and noted[name] != run_folder.version_of(name)
    ]
    return f" (with other versions, which can be the cause: {'; '.join(differ)})" if differ else ""


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")

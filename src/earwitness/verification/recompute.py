"""Is a run what it says it is? Its files, its log, its results made once more, and its page rendered once more.

Goal: someone who holds a run folder or a bundle, and trusts nobody, names whatever was changed. Each check is a
function from a run folder to sentences; no sentence, no difference. What needs the audio or the model is in
`earwitness.verification.remeasure`.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from earwitness import pipeline
from earwitness.errors import EarwitnessError
from earwitness.measure.plan import Plan
from earwitness.record import run_folder
from earwitness.report.bundle import HASHES_NAME, REPORT_NAME, noted_hashes, verify
from earwitness.report.html import page_of
from earwitness.settings import VerdictSettings
from earwitness.types import OnProgress
from earwitness.verdict.attempts import LOG_NAME, RESULT_NAME, read_attempts

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
    """Results that the feature table does not give, byte for byte.

    ``result.json`` is computed under the settings of the plan, whatever the log says or lacks; any other result under
    those that its line of the log notes.
    """
    attempts = {attempt.result: attempt for attempt in read_attempts(run)}
    names = results(run)
    planned = Plan.read(run).test if RESULT_NAME in names else None
    for done, name in enumerate(names):
        on_progress(done, len(names))
        attempt = attempts.get(name)
        noted = attempt.settings if attempt is not None else None
        settings = planned if name == RESULT_NAME and planned is not None else noted
        if not (run / name).exists():
            yield f"{name}, the result that the log names, is missing"
        elif settings is None:
            yield f"{name} cannot be computed again: neither plan nor log holds the settings of its test"
        elif (run / name).read_bytes() != recomputed(run, settings, attempt.version if attempt else None):
            yield f"{name} is not what the feature table gives{_other_versions(run, _OF_NUMBERS)}"
    on_progress(len(names), len(names))


def results(run: Path) -> list[str]:
    """The results that can be computed again: ``result.json``, logged or not, and all that the log names."""
    there = [RESULT_NAME] if (run / RESULT_NAME).exists() else []
    return list(dict.fromkeys([*there, *(attempt.result for attempt in read_attempts(run))]))


def tests_since(run: Path) -> int:
    """How many tests were made since the hashes were noted, where that is all that became of the run; else 0.

    The log's first lines must be the very file that ``hashes.json`` noted, and every new file a result of a later line.
    """
    found, attempts = verify(run), read_attempts(run)
    later = set(found.added)
    lines = (run / LOG_NAME).read_bytes().splitlines(keepends=True) if attempts else []
    noted = noted_hashes(run / HASHES_NAME).get(LOG_NAME)
    if found.missing or found.changed != (LOG_NAME,):
        return 0
    for kept in range(1, len(lines)):
        if hashlib.sha256(b"".join(lines[:kept])).hexdigest() == noted:
            grown = later <= {attempt.result for attempt in attempts[kept:]} and not run_folder.inconsistencies(run)
            return len(lines) - kept if grown else 0
    return 0


def recomputed(run: Path, noted: Mapping[str, Any], version: str | None = None) -> bytes:
    """The file that a test of the noted settings gives today: the same table, nothing written."""
    known = {field.name for field in dataclasses.fields(VerdictSettings)}
    if strangers := noted.keys() - known:
        raise EarwitnessError(
            f"A test of {run} was made with the setting {sorted(strangers)[0]}, which this version does not have; "
            f"verify the run with earwitness {version or 'of the version that made it'}."
        )
    given: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in noted.items()}
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

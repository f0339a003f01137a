"""Melodies of the collections inside the ``music21`` wheel whose files hold many works each.

Goal: other music than `fiddle` knows, for the further targets: songs of the Essen collection, tunes of O'Neill's
"Music of Ireland", with what is printed of each as its caption. A work is an ``X:`` field of an opus file and is
named by file and number.
"""

import re
from functools import cache
from pathlib import Path

import music21

from earwitness.ground_truth.fiddle.tunes import Tune, key_name, read_notes

QUARTERS_PER_MINUTE = 110.0


@cache
def melodies(collection: str, *files: str, seconds: tuple[float, float]) -> tuple[Tune, ...]:
    """The usable works of some files (their stems) of a collection (its folder) that last so long; some ten per s."""
    folder = Path(music21.__file__).parent / "corpus" / collection
    shortest, longest = seconds
    read: list[Tune | None] = []
    for file in files:
        text = (folder / f"{file}.abc").read_text(encoding="utf-8", errors="replace")
        parts = re.split(r"^(?=X:)", text, flags=re.MULTILINE)
        read += [_melody(file, part) for part in parts if part.startswith("X:")]
    found = {tune.name: tune for tune in read if tune is not None and shortest <= tune.seconds < longest}
    return tuple(found[name] for name in sorted(found))


def _melody(file: str, text: str) -> Tune | None:
    fields = {letter: value.strip() for letter, value in re.findall(r"^([A-Z]):(.*)$", text, flags=re.MULTILINE)}
    notes = read_notes(text)
    if notes is None or not fields["X"].isdecimal():
        return None
    kind = fields.get("R", "").split(",")[0].strip().lower().replace(" - ", "-") or "tune"
    return Tune(
        name=f"{file}-{int(fields['X']):04d}",
        title=fields.get("T", "") or f"{file} {fields['X']}",
        dance=kind,
        key=key_name(fields.get("K", "")),
        quarters_per_minute=QUARTERS_PER_MINUTE,
        notes=notes,
    )

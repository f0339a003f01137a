"""Draft: a manifest of what was found, for its user to correct.

Goal: nobody types a thousand paths to put two tracks into one group. Conventions: UTF-8 with a byte-order mark, so
that spreadsheets read it as what it is; paths are relative to the manifest's folder; files left out are not in it.
"""

import csv
import io
import os
from pathlib import Path

from earwitness.collection.manifest import OPTIONAL, REQUIRED
from earwitness.collection.tracks import Collection
from earwitness.errors import EarwitnessError
from earwitness.files import write_atomically


def write_draft(path: Path, collection: Collection) -> Path:
    """Write the manifest of a collection; returns its path.

    Raises
    ------
    EarwitnessError
        Where there is such a file already: it may hold somebody's corrections.
    """
    if path.exists():
        raise EarwitnessError(f"{path} exists and may hold corrections; give another name, or remove it.")
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow((*REQUIRED, *OPTIONAL))
    for track, file in collection.located():
        said = {"path": Path(os.path.relpath(file, path.parent)).as_posix(), "role": str(track.role)}
        row = [said.get(name) or getattr(track, name) or "" for name in (*REQUIRED, *OPTIONAL)]
        writer.writerow(row)
    write_atomically(path, lambda partial: partial.write_text(buffer.getvalue(), encoding="utf-8-sig"))
    return path

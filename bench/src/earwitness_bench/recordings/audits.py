"""Audit artist by artist, as a rights holder would, on a model of which it is known whom it has heard.

Goal: from a folder of packages to one table of what every method says of every artist after each
training length. Conventions: every track is measured once per model; an audit that measured its own
tracks would find the same, since a track's values depend on nothing else. The contrast is off for
that reason: an artist's captions are all alike, so the tool would not use it in an artist's own audit.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path

import polars as pl

from earwitness.errors import EarwitnessError
from earwitness.files import write_atomically, write_text
from earwitness.settings import MeasureSettings
from earwitness.types import OnMessage
from earwitness_bench.measure import measured
from earwitness_bench.recipes.musicgen import Schedule
from earwitness_bench.recordings import recipe
from earwitness_bench.recordings.excerpts import Excerpt, write_excerpts
from earwitness_bench.recordings.library import Recording, read_library
from earwitness_bench.recordings.split import SPLIT_SEED, card_text, split
from earwitness_bench.recordings.verdicts import Row, audit_rows, audits_of

WINDOWS = 3
"""Windows of 5 s per track: what the tool asks about where a user says nothing."""


def recordings_table(
    library: Path, work: Path, *, report: OnMessage, schedule: Schedule = recipe.SCHEDULE
) -> pl.DataFrame:
    """Train where no checkpoint is there, measure, audit; write and return ``work/recordings.csv``.

    Parameters
    ----------
    library
        Debian packages with recordings; see `read_library`.
    work
        Excerpts, split card, checkpoints, runs and tables; an interrupted call goes on there.
    report
        Takes a line of progress.
    schedule
        Of the fine-tuning.

    Returns
    -------
    DataFrame
        One row per epoch, artist and method; see `verdicts.audit_rows`.

    Raises
    ------
    EarwitnessError
        If the library holds too little, or ``work`` was made from another one.
    """
    recordings = _recordings(library, work, report)
    parts = split(recordings)
    report(f"recordings: {sum(part.is_trained_on for part in parts)} of {len(parts)} are trained on")
    excerpts = write_excerpts(parts, work / "excerpts")
    codes = recipe.encode(excerpts, work / "codes.npz")
    _claim(excerpts, codes, work, schedule)
    manifest = write_manifest(excerpts, work / "manifest.csv")
    tables = []
    for epoch in recipe.train(excerpts, codes, work, report=report, schedule=schedule):
        path = work / "audits" / f"epoch-{epoch:03d}.csv"
        if not path.exists():
            rows = _audited(epoch, excerpts, manifest, work, report)
            write_atomically(path, pl.DataFrame(rows, infer_schema_length=None).write_csv)
        tables.append(pl.read_csv(path, infer_schema_length=None))
    table = pl.concat(tables, how="diagonal_relaxed")
    write_atomically(work / "recordings.csv", table.write_csv)
    return table


def write_manifest(excerpts: Sequence[Excerpt], path: Path) -> Path:
    """Write what a user would: path, role, group (the piece), prompt, title and artist of every excerpt."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "role", "group", "prompt", "title", "artist"])
    for excerpt in excerpts:
        part = excerpt.part
        group = f"{part.artist}: {part.piece}"
        name = excerpt.path.relative_to(path.parent).as_posix()
        writer.writerow([name, part.role, group, excerpt.caption, part.recording.title, part.artist])
    write_text(path, text.getvalue())
    return path


def _audited(epoch: int, excerpts: Sequence[Excerpt], manifest: Path, work: Path, report: OnMessage) -> list[Row]:
    run = work / "runs" / f"epoch-{epoch:03d}"
    settings = MeasureSettings(target=str(recipe.epoch_folder(work, epoch)), windows_per_track=WINDOWS)
    report(f"recordings: asking the model of epoch {epoch} about {len(excerpts)} tracks, twice")
    default = measured(manifest, run / "default", settings, on_progress=_quiet)
    published = measured(
        manifest, run / "published", replace(settings, preset="iar", contrast="off"), on_progress=_quiet
    )
    paths = pl.read_parquet(run / "default" / "tracks.parquet").select("path", "track_id").iter_rows()
    audits = audits_of(excerpts, {Path(path).name: track for path, track in paths})
    report(f"recordings: {len(audits)} audits at epoch {epoch}")
    return [{"epochs": epoch, **row} for row in audit_rows(audits, default, published)]


def _recordings(library: Path, work: Path, report: OnMessage) -> list[Recording]:
    """The library's recordings; the list is kept in ``work``, because hashing hours of audio takes minutes."""
    path = work / "library.json"
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["library"] != str(library.absolute()):
            raise EarwitnessError(f"{work} was made from {kept['library']}; choose another work folder for {library}.")
        return [Recording(**entry | {"path": Path(entry["path"])}) for entry in kept["recordings"]]
    report(f"recordings: reading {library}; a few minutes")
    found = read_library(library, work)
    entries = [asdict(recording) | {"path": str(recording.path)} for recording in found]
    write_text(path, json.dumps({"library": str(library.absolute()), "recordings": entries}, indent=1))
    return found


def _claim(excerpts: Sequence[Excerpt], codes: Sequence[recipe.Codes], work: Path, schedule: Schedule) -> None:
    """Write the split's card, or refuse a work folder that was trained on another split or schedule."""
    path = work / "card.json"
    about = {
        "base": "fiddle",
        "schedule": asdict(schedule) | {"keep": list(schedule.keep)},
        "codebook_entropies_bits": [round(value, 3) for value in recipe.codebook_entropies(codes)],
    }
    text = card_text([excerpt.part for excerpt in excerpts], seed=SPLIT_SEED, about=about)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise EarwitnessError(f"{path} states another split or schedule; choose another work folder for this one.")
    write_text(path, text)


def _quiet(done: int, total: int) -> None:
    """Show no progress."""

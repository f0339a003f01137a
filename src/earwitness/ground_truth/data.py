"""A ground-truth target's collection as files with a manifest, so that anyone can audit the target.

Goal: every tune of the card in the form the model met it, members apart from non-members.
Audio or MIDI comes from what the collection's package reads; none of it is shipped here.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from earwitness.ground_truth.card import CardTune
from earwitness.ground_truth.registry import WrittenTrack, collection, shipped
from earwitness.types import OnProgress

ROLES = {True: "member", False: "non_member"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenData:
    """What was written, and the names of tunes whose content is not what the card says."""

    manifest: Path
    tracks: int
    differing: tuple[str, ...]


def write_data(
    name: str,
    out: Path,
    *,
    tunes: Sequence[CardTune] | None = None,
    on_progress: OnProgress,
) -> WrittenData:
    """Write ``out/member``, ``out/non_member`` and ``out/manifest.csv`` (path, role, group, prompt, title).

    Without ``tunes``, all of the card.
    """
    tunes = shipped(name).read().tunes if tunes is None else tunes
    return write_tracks(tunes, collection(name).write_track, out, on_progress=on_progress)


def write_tracks(
    tunes: Sequence[CardTune], write_track: Callable[[str, Path], WrittenTrack], out: Path, *, on_progress: OnProgress
) -> WrittenData:
    """The same for any target's card; ``write_track`` writes the named piece into a folder."""
    rows = []
    differing = []
    for done, tune in enumerate(tunes, 1):
        role = ROLES[tune.member]
        track = write_track(tune.name, out / role)
        rows.append([track.path.relative_to(out).as_posix(), role, tune.group, track.prompt, track.title])
        if track.content_sha256 != tune.content_sha256:
            differing.append(tune.name)
        on_progress(done, len(tunes))
    manifest = out / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["path", "role", "group", "prompt", "title"], *rows])
    return WrittenData(manifest=manifest, tracks=len(rows), differing=tuple(differing))

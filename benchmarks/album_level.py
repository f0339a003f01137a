"""False alarms on simulated collections of albums, grouped as before and as now: the table in docs/files.md.

    python benchmarks/album_level.py --runs 1000

Nothing is true in any of them: the model's answers are five correlated normal numbers a recording, of which a share
(the intraclass correlation) belongs to the album. What varies is what the files say. Ten albums of six
recordings a side, two artists a side. *Before*: a group is what has the same artist and the same album title, else a
folder. *Now*: `groups_of` and the landmarks of `same_recordings`, as `earwitness index` runs them. α = .01; 1,999
relabellings, of which 199 are looked at first: a p above .1 there cannot come to .01.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from earwitness.collection.grouping import Filed, groups_of
from earwitness.collection.landmarks import Landmarks
from earwitness.collection.recordings import joined_groups, same_recordings
from earwitness.collection.tags import Tags
from earwitness.collection.tracks import Role
from earwitness.collection.walk import Entry
from earwitness.stats.binomial import clopper_pearson
from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.sides import Sides
from earwitness.text import same_text

ALPHA, SCREEN, QUICK, FULL = 0.01, 0.1, 199, 1999
ALBUMS, TRACKS, ARTISTS, FEATURES = 10, 6, 2, 5
MARKS, KEPT = 300, 0.45


@dataclass(frozen=True, kw_only=True)
class File:
    """A file as it is found: its place and tags, and which recording of which album it really is."""

    role: Role
    folder: str
    tags: Tags
    recording: int
    album: int


Clothes = Callable[[list[File], np.random.Generator], list[File]]


def albums() -> list[File]:
    """Both sides, every tag in its place."""
    files, recording = [], 0
    for side, role in enumerate((Role.SUSPECT, Role.HELD_OUT)):
        for album in range(ALBUMS):
            artist, title = f"Artist {side}{album % ARTISTS}", f"Album {side}{album}"
            for _ in range(TRACKS):
                tags = Tags(title=f"Song {recording}", artist=artist, album=title)
                folder = f"{artist}/{title}"
                files.append(
                    File(role=role, folder=folder, tags=tags, recording=recording, album=ALBUMS * side + album)
                )
                recording += 1
    return files


def as_they_are(files: list[File], rng: np.random.Generator) -> list[File]:
    """No clothes."""
    return files


def guests(files: list[File], rng: np.random.Generator) -> list[File]:
    """Half of the tracks have a guest of their own, spelled in one of four ways."""
    ways = (" feat. ", " & ", " (ft. ", ", ")
    return [
        replace(file, tags=replace(file.tags, artist=f"{file.tags.artist}{ways[rng.integers(4)]}Guest {n}"))
        if rng.random() < 0.5
        else file
        for n, file in enumerate(files)
    ]


def compilations(files: list[File], rng: np.random.Generator) -> list[File]:
    """Every track by somebody else, no album artist."""
    return [replace(file, tags=replace(file.tags, artist=f"Singer {n}")) for n, file in enumerate(files)]


def half_tagged(files: list[File], rng: np.random.Generator) -> list[File]:
    """Half of the tracks have no tags."""
    return [replace(file, tags=Tags()) if rng.random() < 0.5 else file for file in files]


def stored_twice(files: list[File], rng: np.random.Generator) -> list[File]:
    """Every recording a second time, as an MP3 in a folder of its own, its album called otherwise."""
    copies = [
        replace(file, folder=f"mp3/{file.folder}", tags=replace(file.tags, album=f"{file.tags.album} [320]"))
        for file in files
    ]
    return files + copies


def some_twice(files: list[File], rng: np.random.Generator) -> list[File]:
    """A fifth of the recordings a second time, on a best-of album."""
    best = [
        replace(file, folder="Best of", tags=replace(file.tags, album=f"Best of {file.tags.artist}"))
        for file in files
        if rng.random() < 0.2
    ]
    return files + best


CLOTHES: dict[str, Clothes] = {
    "guests on half of the tracks": guests,
    "every recording stored twice": stored_twice,
    "compilations": compilations,
    "half of the tracks untagged": half_tagged,
    "every tag in its place": as_they_are,
    "a fifth also on a best-of": some_twice,
}


def before(files: list[File]) -> list[str]:
    """Artist and album, else folder."""
    return [
        f"{same_text(file.tags.artist)} / {same_text(file.tags.album)}"
        if file.tags.album
        else f"{file.role} {file.folder}"
        for file in files
    ]


def now(files: list[File], marks: list[Landmarks]) -> list[str]:
    """The groups that an index gives these files."""
    filed = [
        Filed(
            entry=Entry(path=Path(file.folder), name=f"{file.folder}/{n}", role=file.role, folder=file.folder),
            tags=file.tags, track_id=str(n),
        )
        for n, file in enumerate(files)
    ]  # fmt: skip
    matches = same_recordings(marks)
    within = [match for match in matches if files[match.first].role is files[match.second].role]
    assert len(within) == len(matches)
    return [group for group, _ in joined_groups(groups_of(filed), within)]


def landmarks_of(files: list[File], rng: np.random.Generator) -> list[Landmarks]:
    """Marks of each file: of a second file of a recording, ``KEPT`` of the first one's and others of its own."""
    first: dict[int, np.ndarray] = {}
    found = []
    for file in files:
        codes = rng.integers(0, 2**40, MARKS, dtype=np.uint64)
        if file.recording in first:
            kept = round(KEPT * MARKS)
            codes[:kept] = first[file.recording][:kept]
        first.setdefault(file.recording, codes)
        found.append(Landmarks(codes=codes, times=np.arange(MARKS, dtype=np.float32)))
    return found


def answers(files: list[File], icc: float, rng: np.random.Generator) -> np.ndarray:
    """[files, features]: of the album, of the recording and, between copies, a little of the encoder."""
    album = rng.standard_normal((2 * ALBUMS, FEATURES))[[file.album for file in files]]
    recording = rng.standard_normal((2 * ALBUMS * TRACKS, FEATURES))[[file.recording for file in files]]
    encoder = rng.standard_normal((len(files), FEATURES))
    own = np.sqrt(icc) * album + np.sqrt(1 - icc) * (np.sqrt(0.95) * recording + np.sqrt(0.05) * encoder)
    common = own.mean(axis=1, keepdims=True) * np.sqrt(FEATURES)  # the features of a model are alike
    return np.sqrt(0.5) * own + np.sqrt(0.5) * common


def p_value(files: list[File], values: np.ndarray, groups: list[str], seed: int) -> float | None:
    """The exact test's p; ``None`` where the verdict is that these groups cannot be tested."""
    sides = Sides([file.role is Role.SUSPECT for file in files], groups)
    if min(sides.group_counts) < 2 or sides.possible_labellings < 1 / ALPHA:
        return None
    p = 1.0
    for permutations in (QUICK, FULL):
        settings = ExactSettings(permutations=permutations)
        p = exact_test(values, sides, settings=settings, seed=seed, headline=np.ones(FEATURES)).p_value
        if p > SCREEN:
            break
    return p


def partition(groups: list[str]) -> list[int]:
    """Groups by number, whatever their names."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [numbers[group] for group in groups]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--icc", type=float, default=0.2)
    parser.add_argument("--only", default="", help="Part of a row's name.")
    arguments = parser.parse_args()
    print(f"{arguments.runs} nulls a row; intraclass correlation {arguments.icc:g}; α = {ALPHA:g}\n")
    print("| files | rule | groups a side | cannot be tested | false alarms (95 %) |\n|---|---|---|---|---|")
    for number, (name, clothes) in enumerate(CLOTHES.items()):
        if arguments.only not in name:
            continue
        found: dict[str, list[float | None]] = {"before": [], "now": []}
        sizes = {"before": 0.0, "now": 0.0}
        for run in range(arguments.runs):
            rng = np.random.default_rng([run, number])
            files = clothes(albums(), rng)
            values = answers(files, arguments.icc, rng)
            grouped = {"before": before(files), "now": now(files, landmarks_of(files, rng))}
            for rule, groups in grouped.items():
                sizes[rule] += len(set(groups)) / 2
                alike = rule == "now" and partition(groups) == partition(grouped["before"])
                found[rule].append(found["before"][-1] if alike else p_value(files, values, groups, run))
        for rule, p_values in found.items():
            untested = sum(p is None for p in p_values)
            fired = sum(p is not None and p <= ALPHA for p in p_values)
            low, high = clopper_pearson(fired, arguments.runs)
            print(
                f"| {name} | {rule} | {sizes[rule] / arguments.runs:.1f} | {untested} | "
                f"{fired / arguments.runs:.1%} ({low:.1%} to {high:.1%}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""The Lakh MIDI Dataset under FIGARO's published split.

Goal: one row a MIDI file. What FIGARO was trained on (``train.txt``) stands on the training side,
its test split on the other; files of its validation split, which chose the checkpoint, are left out.
The split was made file by file, so songs of which the data set holds several files lie on both
sides of it: the group is the song, known from the matches with the Million Song Dataset.
Layout: ``splits/{train,val,test}.txt`` from FIGARO's repository (lines ``a/<md5>.mid``); MIDI files
named by md5 anywhere below the folder (``lmd_full/``, ``lmd_matched/``); for the groups
``match_scores.json``, or ``lmd_matched/A/B/C/TR…/``.

von Rütte et al., arXiv 2201.10936; Raffel, "Learning-Based Methods for Comparing Sequences", 2016.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from earwitness.bench.paper.files_by_name import FilesByName, files_by_name
from earwitness.bench.paper.listing import Finding, Listed, Listing, counted, itemised, short
from earwitness.errors import EarwitnessError
from earwitness.midi import SUFFIXES

SPLITS = ("train", "val", "test")
_MD5 = re.compile(r"[0-9a-f]{32}")
_LINE = re.compile(r"(?:\./)?(?:lmd_full/)?(?:[0-9a-f]/)?([0-9a-f]{32})\.mid")
_SONG = re.compile(r"TR[A-Z]{5}[0-9A-F]{11}")
# Their files have the names of LMD-full's but are changed ones.
_OTHER_VERSIONS = ("lmd_aligned", "clean_midi")


def load(folder: Path) -> Listing:
    """List the files of a folder.

    Raises
    ------
    EarwitnessError
        Where a split or the match scores are malformed.
    """
    findings: list[Finding] = []
    split_of: dict[str, str] = {}
    twice: dict[str, str] = {}
    for split in SPLITS:
        path = next((p for p in (folder / "splits" / f"{split}.txt", folder / f"{split}.txt") if p.is_file()), None)
        if path is None:
            findings.append(_absent(folder, split))
            continue
        for md5 in _listed(path):
            if split_of.setdefault(md5, split) != split:
                twice[md5] = f"{md5} ({split_of[md5]} and {split})"
    if twice:
        findings.append(
            Finding(
                kind="in_two_splits", blocks=True,
                line=f"Listed in two splits: {itemised(twice.values(), 'file')}; use the splits as published.",
            )
        )  # fmt: skip
    files = files_by_name(
        folder, SUFFIXES, lambda stem: stem if _MD5.fullmatch(stem) else None, without=_OTHER_VERSIONS
    )
    songs, how = _songs(folder, files)
    findings.append(how)
    rows = tuple(
        Listed(
            name=md5, path=files[md5][0] if md5 in files else None, member=split == "train",
            group=songs.get(md5, f"md5:{md5}"), title=md5,
        )
        for md5, split in split_of.items()
        if split != "val"
    )  # fmt: skip
    return Listing(rows=rows, findings=tuple(findings))


def _absent(folder: Path, split: str) -> Finding:
    needed = split != "val"
    return Finding(
        kind="list_absent", blocks=needed,
        line=f"There is no splits/{split}.txt in {folder}; "
        + ("copy splits/ from FIGARO's repository." if needed else "whether it overlaps the others was not checked."),
    )  # fmt: skip


def _listed(path: Path) -> Iterable[str]:
    """The md5 names of a split."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise EarwitnessError(f"{path} is not UTF-8 text; get the published split again.") from None
    except OSError as error:
        raise EarwitnessError(f"{path} cannot be read ({error.strerror}); check the file.") from None
    names = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise EarwitnessError(
                f"{path} line {number} is {short(line)!r}, not a file such as a/<md5>.mid; "
                "get the published split again."
            )
        names.append(found[1])
    if not names:
        raise EarwitnessError(f"{path} lists nothing; get the published split again.")
    return dict.fromkeys(names)


def _songs(folder: Path, files: FilesByName) -> tuple[dict[str, str], Finding]:
    """Each matched file's song; songs that share a file are one."""
    pairs = [
        (path.parent.name, path.stem) for paths in files.values() for path in paths if _SONG.fullmatch(path.parent.name)
    ]
    scores = folder / "match_scores.json"
    if scores.is_file():
        pairs += _matches(scores)
    if not pairs:
        return {}, Finding(
            kind="no_groups",
            line=f"{folder} holds neither match_scores.json nor lmd_matched/: each file is a group of its own, and "
            "songs of which there are several files can lie on both sides; add match_scores.json.",
        )
    whole: dict[str, str] = {}

    def root(song: str) -> str:
        while whole.setdefault(song, song) != song:
            whole[song] = whole[whole[song]]  # halved paths keep long chains of shared files quick
            song = whole[song]
        return song

    first: dict[str, str] = {}
    for song, md5 in sorted(pairs):
        other = first.setdefault(md5, song)
        low, high = sorted((root(song), root(other)))
        whole[high] = low
    songs = {md5: f"song:{root(song)}" for md5, song in first.items()}
    return songs, Finding(
        kind="groups",
        line=f"Matched with {counted(len(set(songs.values())), 'song')}: {counted(len(songs), 'file')}; "
        "every other file is a group of its own.",
    )


def _matches(path: Path) -> list[tuple[str, str]]:
    """(song, md5) of every published match."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not all(isinstance(scores, dict) for scores in content.values()):
        raise EarwitnessError(
            f"{path} is not the published JSON of songs and the md5 names of their files; get it again."
        )
    return [(song, md5) for song, scores in content.items() for md5 in scores]

"""AudioCaps as its authors publish it: three lists, and audio that everybody names differently.

Goal: one row a clip. The training split stands on the training side, validation and test on the
other. Of a clip's captions (five in validation and test) the one with the smallest ``audiocap_id``
is taken. The group is the source video. Layout: ``train.csv``, ``val.csv``, ``test.csv`` in the
folder or in its ``dataset/``; audio anywhere below it, by split or not, see ``_names``.

Kim et al., "AudioCaps: Generating Captions for Audios in The Wild", NAACL 2019.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earwitness.audio import SUFFIXES
from earwitness.bench.paper.files_by_name import files_by_name, first_of
from earwitness.bench.paper.listing import Finding, Listed, Listing, itemised
from earwitness.bench.paper.lists import Table, read_table, whole_number

SPLITS = ("train", "val", "test")
COLUMNS = ("audiocap_id", "youtube_id", "start_time", "caption")
FIRST_RELEASE_CLIPS = 49_838
"""Training clips of the release of 2019. That of 2025 adds clips to the training split, after these models."""
CLIP_SECONDS = 10
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_SPLIT_FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(slots=True)
class _Clip:
    """A clip as one split lists it: its caption of the smallest id, and all its ids."""

    split: str
    caption: str
    ids: list[int] = field(default_factory=list)


_Key = tuple[str, int]


def load(folder: Path) -> Listing:
    """List the clips of a folder.

    Raises
    ------
    EarwitnessError
        Where a list is malformed.
    """
    findings: list[Finding] = []
    clips: dict[_Key, _Clip] = {}
    twice: dict[_Key, str] = {}
    for split in SPLITS:
        table = _table(folder, split, findings)
        if table is None:
            continue
        findings += table.findings
        for key, number, caption in _checked(table):
            clip = clips.setdefault(key, _Clip(split, caption))
            if clip.split != split:
                twice[key] = f"{key[0]} ({clip.split} and {split})"
            elif clip.ids and number < min(clip.ids):
                clip.caption = caption
            clip.ids.append(number)
    findings += _doubts(clips, twice)
    files = files_by_name(folder, SUFFIXES, lambda stem: stem)
    rows, elsewhere = [], []
    for key, clip in clips.items():
        path, misplaced = _file(folder, first_of(files, _names(key, clip)), clip)
        elsewhere += [misplaced] if misplaced else []
        rows.append(
            Listed(
                name=f"{key[0]}_{key[1]}", path=path, member=clip.split == "train", group=f"youtube:{key[0]}",
                prompt=clip.caption, title=f"{key[0]} from {key[1]} s",
            )
        )  # fmt: skip
    if elsewhere:
        line = f"Not used, since in the folder of another split: {itemised(elsewhere, 'clip')}."
        findings.append(Finding(kind="wrong_split_folder", line=line))
    return Listing(rows=tuple(rows), findings=tuple(findings))


def _table(folder: Path, split: str, findings: list[Finding]) -> Table | None:
    """A split's list, or a finding that there is none."""
    for path in (folder / f"{split}.csv", folder / "dataset" / f"{split}.csv"):
        if path.is_file():
            return read_table(path, required=COLUMNS)
    needed = split != "val"
    findings.append(
        Finding(
            kind="list_absent",
            line=f"There is no {split}.csv in {folder} or its dataset/; "
            + ("copy it from the AudioCaps repository." if needed else "the non-members come from test alone."),
            blocks=needed,
        )
    )
    return None


def _checked(table: Table) -> Iterator[tuple[_Key, int, str]]:
    """Each row's clip, the number of its caption, and the caption."""
    for line, row in table.rows:
        if (number := whole_number(row["audiocap_id"])) is None:
            raise table.refuse(line, "audiocap_id", row["audiocap_id"], "a number")
        if not _YOUTUBE_ID.fullmatch(video := row["youtube_id"]):
            raise table.refuse(line, "youtube_id", video, "an id of 11 letters, digits, - and _")
        if (start := whole_number(row["start_time"].removesuffix(".0"))) is None:
            raise table.refuse(line, "start_time", row["start_time"], "a number of whole seconds")
        yield (video, start), number, row["caption"]


def _doubts(clips: dict[_Key, _Clip], twice: dict[_Key, str]) -> Iterator[Finding]:
    """What makes the lists unfit to say who is a member."""
    if twice:
        yield Finding(
            kind="in_two_splits", blocks=True,
            line=f"Listed in two splits: {itemised(twice.values(), 'clip')}; use the lists as they were published.",
        )  # fmt: skip
    trained_on = sum(clip.split == "train" for clip in clips.values())
    if trained_on > FIRST_RELEASE_CLIPS:
        yield Finding(
            kind="other_release", blocks=True,
            line=f"train.csv lists {trained_on:,} clips, more than the {FIRST_RELEASE_CLIPS:,} of AudioCaps 1.0 that "
            "the models were trained on; use dataset/ of its repository, not dataset2.0/.",
        )  # fmt: skip


def _names(key: _Key, clip: _Clip) -> list[str]:
    """The names under which a clip's audio is found, the most telling ones first."""
    video, start = key
    end = start + CLIP_SECONDS
    timed = [f"{video}_{start}", f"{video}_{start}_{end}", f"{video}_{1000 * start}_{1000 * end}", video]
    return [prefix + name for name in timed for prefix in ("", "Y")] + [str(number) for number in sorted(clip.ids)]


def _file(folder: Path, paths: Sequence[Path], clip: _Clip) -> tuple[Path | None, str | None]:
    """The clip's file among those of its name, or what stands in the folder of another split."""
    inside = [path.relative_to(folder) for path in paths]
    splits = [next(filter(None, map(_SPLIT_FOLDERS.get, map(str.lower, path.parts))), None) for path in inside]
    for wanted in (clip.split, None):
        if wanted in splits:
            return paths[splits.index(wanted)], None
    return None, f"{inside[0]} ({clip.split})" if paths else None

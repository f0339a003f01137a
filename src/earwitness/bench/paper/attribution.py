"""Stable Audio Open: the recordings its makers list as training data, and the user's own held-out ones.

Goal: one row per recording. Its two sources (Freesound, the Free Music Archive) are experiments of their
own, since a sound effect and a song differ without any model. The lists have the columns ``id, title,
author, license, url``; no list of recordings that were *not* used is published, so the user brings
comparable later ones, described by the same columns. The group is the author. Layout, for either source::

    DIR/freesound_dataset_attribution*.csv     the published list
    DIR/freesound/                             its audio: names that begin with the id
    DIR/held_out/freesound*.csv                later uploads, the same columns
    DIR/held_out/freesound/                    their audio

Evans et al., arXiv 2407.14358; https://info.stability.ai/attributions.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from earwitness.audio import SUFFIXES
from earwitness.bench.paper.files_by_name import files_by_name
from earwitness.bench.paper.listing import Finding, Listed, Listing, counted, itemised, some
from earwitness.bench.paper.lists import Table, read_table, whole_number

Source = Literal["freesound", "fma"]
COLUMNS = ("id", "title", "author")
_KNOWN = ("license", "url")
_NUMBER = re.compile(r"0*([0-9]+)(?:[^0-9].*)?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """Where one side's list and audio are looked for, and what to do where there is no list."""

    folder: Path
    pattern: str
    member: bool
    remedy: str


def load(folder: Path, *, source: Source) -> Listing:
    """List the recordings of a folder, of one source.

    Raises
    ------
    EarwitnessError
        Where a list is malformed.
    """
    published = _Side(
        folder=folder, pattern=f"{source}_dataset_attribution*.csv", member=True,
        remedy="copy it from the model's repository",
    )  # fmt: skip
    held_out = _Side(
        folder=folder / "held_out", pattern=f"{source}*.csv", member=False,
        remedy="list comparable uploads that are later than the model there, with the columns id,title,author",
    )  # fmt: skip
    findings: list[Finding] = []
    members, others = (_rows(side, source, findings) for side in (published, held_out))
    findings += _doubts(set(members), set(others))
    return Listing(rows=(*members.values(), *others.values()), findings=tuple(findings))


def _rows(side: _Side, source: Source, findings: list[Finding]) -> dict[int, Listed]:
    """One side's rows by id; what was found is added to ``findings``."""
    lists = sorted(side.folder.glob(side.pattern))
    if len(lists) != 1:
        found = f"There is no {side.pattern} in {side.folder}" if not lists else (
            f"{side.folder} holds {len(lists)} lists ({some([path.name for path in lists])})"
        )  # fmt: skip
        remedy = side.remedy if not lists else "keep one"
        findings.append(Finding(kind="list_absent", blocks=True, line=f"{found}; {remedy}."))
        return {}
    table = read_table(lists[0], required=COLUMNS, known=_KNOWN)
    findings += table.findings
    files = files_by_name(side.folder / source, SUFFIXES, _number)
    rows: dict[int, Listed] = {}
    untitled = 0
    for number, row in _checked(table):
        untitled += not row["title"]
        rows[number] = Listed(
            name=f"{source} {number}", path=files[number][0] if number in files else None, member=side.member,
            group=_group(source, row["author"], number), prompt=row["title"], title=row["title"], artist=row["author"],
        )  # fmt: skip
    if untitled:
        line = f"Untitled in {lists[0].name}, so asked about without a prompt: {counted(untitled, 'recording')}."
        findings.append(Finding(kind="untitled", line=line))
    return rows


def _checked(table: Table) -> Iterator[tuple[int, dict[str, str]]]:
    for line, row in table.rows:
        if (number := whole_number(row["id"])) is None:
            raise table.refuse(line, "id", row["id"], "a number")
        yield number, row


def _doubts(members: set[int], others: set[int]) -> Iterator[Finding]:
    """What makes the two lists unfit to be compared, and what has to be believed."""
    if both := sorted(members & others):
        yield Finding(
            kind="on_both_sides", blocks=True,
            line=f"Held out, but trained on by the published list: {itemised([*map(str, both)], 'recording')}; "
            "take them out.",
        )  # fmt: skip
    if not (members and others):
        return
    if earlier := sorted(number for number in others if number < max(members)):
        yield Finding(
            kind="not_later",
            line=f"Smaller than the largest published id: {itemised([*map(str, earlier)], 'held-out id')}. If ids "
            "follow the time of upload, these recordings were there when the list was made and were left out for a "
            "reason, which may tell the two sides apart.",
        )
    yield Finding(
        kind="claim",
        line="That the held-out recordings were not trained on is your claim; no published list says so.",
    )


def _number(stem: str) -> int | None:
    found = _NUMBER.fullmatch(stem)
    return int(found[1]) if found else None


def _group(source: Source, author: str, number: int) -> str:
    name = " ".join(unicodedata.normalize("NFC", author).casefold().split())
    return f"{source} author:{name}" if name else f"{source}:{number}"

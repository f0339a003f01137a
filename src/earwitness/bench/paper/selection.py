"""The draw: which of the listed tracks an experiment uses.

Goal: the same folder and seed give the same tracks, and a file more or less changes few of them.
Groups are put in an order that depends on (seed, group) alone, and in it tracks are taken until
there are enough. Conventions: a group that is listed on both sides is left out of both, whether its
files are there or not; every track drawn has been decoded, is long enough for a window, and says
something that no other drawn track says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

from earwitness.bench.paper.listing import Finding, Listed, Listing, counted, itemised, short
from earwitness.collection.index import DECODERS
from earwitness.errors import AudioError
from earwitness.types import OnProgress

_SIDES = {True: "training", False: "other"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """How tracks are drawn; see `earwitness.bench.paper.experiments.Experiment` for the settings."""

    tracks_a_side: int
    tracks_a_group: int
    seconds: float | None
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The tracks of both sides, the training side first, and what was found while they were drawn."""

    tracks: tuple[Listed, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _LeftOut:
    """Names of tracks that cannot be used, by reason."""

    unreadable: list[str]
    too_short: list[str]
    same: list[str]

    def findings(self, seconds: float | None) -> Iterator[Finding]:
        for kind, names, why in (
            ("unreadable", self.unreadable, "undecodable"),
            ("too_short", self.too_short, f"shorter than a window of {seconds:g} s" if seconds else ""),
            ("same_content", self.same, "the same as another that is drawn"),
        ):
            if names:
                yield Finding(kind=kind, line=f"Passed over as {why}: {itemised(names, 'file')}.")


def select(listing: Listing, draw: Draw, *, on_progress: OnProgress = lambda done, total: None) -> Selection:
    """Draw ``draw.tracks_a_side`` tracks of each side, or say how many are missing.

    Parameters
    ----------
    listing
        What the data set lists.
    draw
        How many tracks, of how many groups, and the seed.
    on_progress
        Called with (tracks drawn, tracks wanted).

    Returns
    -------
    Selection
        Its findings block where a side has too few tracks.
    """
    sides = [{row.group for row in listing.rows if row.member is member} for member in (True, False)]
    spanning = sides[0] & sides[1]
    findings = list(_about_files(listing, spanning))
    left_out = _LeftOut([], [], [])
    seen: set[str] = set()
    drawn: list[Listed] = []
    short_of: list[Finding] = []
    for member in (True, False):
        rows = [row for row in listing.rows if row.member is member and row.group not in spanning and row.path]
        found: list[Listed] = []
        for row in islice(_usable(rows, draw, seen, left_out), draw.tracks_a_side):
            found.append(row)
            on_progress(len(drawn) + len(found), 2 * draw.tracks_a_side)
        drawn += found
        if len(found) < draw.tracks_a_side:
            short_of.append(_too_few(member, len(found), draw))
    findings += [*left_out.findings(draw.seconds), *short_of]
    return Selection(tracks=tuple(drawn), findings=tuple(findings))


def _about_files(listing: Listing, spanning: set[str]) -> Iterator[Finding]:
    for member, side in _SIDES.items():
        rows = [row for row in listing.rows if row.member is member]
        if absent := [row.name for row in rows if row.path is None]:
            yield Finding(
                kind="files_absent",
                line=f"Absent of the {counted(len(rows), 'file')} of the {side} side: {itemised(absent, 'file')}.",
            )
    if spanning:
        yield Finding(
            kind="groups_on_both_sides",
            line=f"Listed on both sides and left out of both: {itemised(sorted(spanning), 'group')}.",
        )


def _too_few(member: bool, found: int, draw: Draw) -> Finding:
    advice = f", or ask for fewer with --tracks {found}" if found else ""
    return Finding(
        kind="too_few_tracks", blocks=True,
        line=f"The {_SIDES[member]} side has {counted(found, 'track')} that can be used, and {draw.tracks_a_side:,} "
        f"are wanted (at most {draw.tracks_a_group} of a group); get more of the listed files{advice}.",
    )  # fmt: skip


def _usable(rows: Sequence[Listed], draw: Draw, seen: set[str], left_out: _LeftOut) -> Iterator[Listed]:
    """Tracks that can be used, in the order of the draw; ``seen`` holds the contents drawn so far."""
    groups: dict[str, list[Listed]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    for group in sorted(groups, key=lambda group: _rank(draw.seed, group)):
        taken = 0
        for row in sorted(groups[group], key=lambda row: _rank(draw.seed, row.name)):
            if taken == draw.tracks_a_group:
                break
            if _fits(row, draw, seen, left_out):
                taken += 1
                yield row


def _fits(row: Listed, draw: Draw, seen: set[str], left_out: _LeftOut) -> bool:
    assert row.path is not None
    try:
        decoded = DECODERS[row.path.suffix.lower()](row.path)
    except (AudioError, OSError):
        left_out.unreadable.append(short(row.path.name))
        return False
    if draw.seconds is not None and decoded.seconds < draw.seconds:
        left_out.too_short.append(short(row.path.name))
        return False
    if decoded.content_hash in seen:
        left_out.same.append(short(row.path.name))
        return False
    seen.add(decoded.content_hash)
    return True


def _rank(seed: int, name: str) -> bytes:
    return sha256(f"{seed}/{name}".encode()).digest()

"""The record of an inspection: what was found, as plain data that JSON can hold.

Conventions: names, titles and tags are strangers' text, verbatim; who shows them escapes them. Counts are of tracks
unless a name says otherwise; missing is ``None``; sides are in the order suspect, held out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from earwitness.collection.tracks import Couple, Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The least, the middle and the greatest of some numbers."""

    least: float
    median: float
    greatest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One set.

    Attributes
    ----------
    role, tracks, groups, largest_group
        The last is the greatest number of tracks in one group.
    minutes, seconds
        All together, and of a track.
    groups_from
        Tracks by the rule that gave their group: manifest, album, folder, track, recording.
    formats, sample_rates, channels, decoders
        Tracks by codec with its bit depth, by Hz, by number, by library.
    tagged
        Tracks that have a title, an artist, an album.
    artists
        Tracks by artist, the commonest first.
    loudness_dbfs, peak_dbfs
        Root mean square and highest sample of the mono mix.
    clipped, mostly_silent
        Tracks with more than one clipped run a minute; tracks of which more than a fifth is below −60 dBFS.
    failed, duplicates
        Files left out: because they cannot be used or are in both sets; because they are another one's twin.
    """

    role: str
    tracks: int
    groups: int
    largest_group: int
    minutes: float
    seconds: Spread
    groups_from: Mapping[str, int]
    formats: Mapping[str, int]
    sample_rates: Mapping[str, int]
    channels: Mapping[str, int]
    decoders: Mapping[str, int]
    tagged: Mapping[str, int]
    artists: Mapping[str, int]
    loudness_dbfs: Spread | None
    peak_dbfs: Spread | None
    clipped: int
    mostly_silent: int
    failed: int
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A property of files by which the sides can be told apart, or not.

    ``auc`` is the share of pairs of one suspect and one held-out group in which the suspect one has more of it, with
    its 95 % interval (``None`` with a single group on a side); medians are of tracks.
    """

    name: str
    unit: str
    suspect: float | None
    held_out: float | None
    auc: float
    low: float | None
    high: float | None

    @property
    def differs(self) -> bool:
        """Whether the interval excludes chance; of properties that do not differ, 1 in 20 does."""
        return self.low is not None and self.high is not None and (self.low > 0.5 or self.high < 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """All properties together: the blind gate, as an audit without ``--harmonise`` would see it."""

    state: str
    auc: float
    low: float
    high: float
    p_value: float
    harmful_auc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """With what chance an audit finds a leak of this AUC a track.

    ``formula`` is that of a comparison of two means; ``test`` and ``verdict`` are shares of ``audits`` simulated ones
    with these groups and these blind features in which p ≤ α and in which the verdict was evidence, with
    the 95 % interval of the latter. ``None`` where none was simulated.
    """

    auc: float
    formula: float
    test: float | None = None
    verdict: float | None = None
    low: float | None = None
    high: float | None = None
    audits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospects:
    """What a test of these sets can show.

    Attributes
    ----------
    alpha, icc
        The level, and the assumed correlation of two tracks of a group.
    testable
        Whether some p-value can reach the level; ``why_not`` says what is missing.
    labellings, p_value_floor
        In how many ways the groups can be labelled; 1 over it.
    groups_needed
        Groups a side without which this level cannot be reached.
    detectable_auc
        The smallest AUC of a track that is found in four of five audits.
    tracks_needed
        Tracks a side to find an AUC of .6 as often.
    chances
        By AUC of the leak.
    """

    alpha: float
    icc: float
    testable: bool
    why_not: str | None
    labellings: int | None
    p_value_floor: float | None
    groups_needed: int
    detectable_auc: float | None
    tracks_needed: int
    chances: tuple[Chance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mend:
    """Something to mend: what was found, what to do, and the command where there is one.

    ``stops``: an audit refuses, or can come to no verdict, unless it is done.
    """

    found: str
    do: str
    command: str | None = None
    stops: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything an inspection found.

    ``couples`` are files that are one recording; ``spanning`` the groups with tracks in both sets; ``pairs`` and
    ``strata`` count what the manifest declares; ``groups`` holds (role, group, rule, tracks); ``not_compared`` says why
    there is no gate.
    """

    sides: tuple[Side, Side]
    groups: tuple[tuple[str, str, str, int], ...]
    pairs: int
    strata: int
    couples: tuple[Couple, ...]
    spanning: tuple[str, ...]
    left_out: tuple[Failure, ...]
    ignored: int
    symlinks: int
    gate: Gate | None
    not_compared: str | None
    properties: tuple[Property, ...]
    prospects: Prospects
    refusal: str | None
    warnings: tuple[str, ...]
    mend: tuple[Mend, ...]

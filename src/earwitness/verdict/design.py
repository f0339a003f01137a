"""The design of an audit as its feature table tells it.

Goal: one place where roles, groups, strata and pairs of a table become the `Sides` that every test takes.
Conventions: the table is pooled, one row per track.
"""

from earwitness.features import FeatureTable
from earwitness.stats.sides import Sides
from earwitness.verdict.result import Counts


def sides_of(tracks: FeatureTable) -> Sides:
    """Return which track is on which side, and what may be exchanged."""
    groups = tracks.frame["group"].to_numpy()
    return Sides(tracks.is_suspect(), groups, strata=tracks.design("stratum"), pairs=tracks.design("pair"))


def track_counts(sides: Sides) -> Counts:
    """Return the number of tracks of each side."""
    return Counts(suspect=int(sides.is_suspect.sum()), held_out=int((~sides.is_suspect).sum()))


def group_counts(sides: Sides) -> Counts:
    """Return the number of groups of each side."""
    suspect, held_out = sides.group_counts
    return Counts(suspect=suspect, held_out=held_out)

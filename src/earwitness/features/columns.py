"""The columns of a feature table: their names, which are no scores, and which a user means.

Goal: what merely describes a track (its title, its row in a data frame, its label) never
becomes a feature because it happens to be a number.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from earwitness.errors import EarwitnessError

ID_COLUMNS = ("track_id", "role", "group")
DESIGN_COLUMNS = ("pair", "stratum")
KEY_COLUMNS = (*ID_COLUMNS, *DESIGN_COLUMNS, "window")
SUSPECT_ROLES = frozenset({"suspect", "member"})
HELD_OUT_ROLES = frozenset({"held_out", "non_member"})
BLIND_PREFIX = "blind/"
BOOKKEEPING = frozenset({
        "index", "level_0", "id", "row", "path", "file", "filename", "sha256", "prompt", "title", "artist", "album",
        "year", "date", "seconds", "duration", "sample_rate", "pair", "stratum", "fold", "split", "set", "seed",
        "plan_hash", "target", "label", "labels", "y", "class", "member", "is_member", "is_suspect",
})  # fmt: skip
"""Names of columns that say which track it is, what it is called or where it belongs: never scores."""


def is_bookkeeping(name: str) -> bool:
    """Whether a column only describes rows: a known name, or an index that a data-frame library wrote."""
    return name.lower() in BOOKKEEPING or name.startswith(("__", "Unnamed:")) or not name


def names_given(names: Sequence[str], globs: Sequence[str], source: str) -> set[str]:
    """Return the names that are given, in full or by a glob: ``score[1]`` is a name before it is a pattern."""
    chosen: set[str] = set()
    for glob in globs:
        if is_bookkeeping(glob):
            raise EarwitnessError(
                f"{source}: {glob} describes tracks and is not a feature; rename it if it is a score."
            )
        found = {glob} if glob in names else {name for name in names if fnmatchcase(name, glob)}
        if not found:
            raise EarwitnessError(f"No feature of {source} matches {glob!r}; the features are: {', '.join(names[:8])}.")
        chosen |= found
    return chosen

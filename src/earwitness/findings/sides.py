"""Sides: the tracks table of one set, counted.

Conventions: counts by kind are in descending order, ties by name.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from earwitness.collection.tracks import Collection
from earwitness.findings.describe import CLIPPED, SILENT
from earwitness.findings.record import Side, Spread

_CLIPPED_FROM, _SILENT_FROM = 1.0, 0.2


def side(collection: Collection, role: str) -> Side:
    """Count the tracks of a role, which has at least one."""
    own = collection.tracks.filter(pl.col("role") == role)
    rows = own.to_dicts()
    seconds = own["seconds"].to_numpy()
    return Side(
        role=role,
        tracks=own.height,
        groups=own["group"].n_unique(),
        largest_group=max(Counter(own["group"]).values()),
        minutes=float(seconds.sum()) / 60,
        seconds=_spread(own["seconds"]) or Spread(least=0, median=0, greatest=0),
        groups_from=_counted(own["group_from"]),
        formats=_counted(_format(row) for row in rows),
        sample_rates=_counted(f"{row['sample_rate']} Hz" for row in rows if row["sample_rate"]),
        channels=_counted(str(row["channels"]) for row in rows if row["channels"]),
        decoders=_counted(own["decoder"]),
        tagged={name: own.height - own[name].null_count() for name in ("title", "artist", "album")},
        artists=_counted(artist for artist in own["artist"] if artist),
        loudness_dbfs=_spread(own["rms_dbfs"]),
        peak_dbfs=_spread(own["peak_dbfs"]),
        clipped=_above(collection, own, CLIPPED, _CLIPPED_FROM),
        mostly_silent=_above(collection, own, SILENT, _SILENT_FROM),
        failed=collection.left_out[role]["failed"],
        duplicates=collection.left_out[role]["duplicates"],
    )


def _format(row: Mapping[str, object]) -> str:
    bits = row["bits_per_sample"]
    return f"{row['codec']}, {bits} bit" if bits else str(row["codec"])


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _spread(values: pl.Series) -> Spread | None:
    known = values.drop_nulls().to_numpy()
    known = known[np.isfinite(known)]
    if not len(known):
        return None
    return Spread(least=float(known.min()), median=float(np.median(known)), greatest=float(known.max()))


def _above(collection: Collection, own: pl.DataFrame, name: str, limit: float) -> int:
    if name not in collection.described.columns:
        return 0
    values = own.select("track_id").join(collection.described, on="track_id", how="left")[name]
    return int((values.fill_nan(None) > limit).sum())

"""Comparison: by which properties of their files the two sets can be told apart, without any model.

Goal: what the blind gate of an audit will see, before anything is asked. Conventions: properties are the blind
features; a group counts once, by the mean of its tracks.
"""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from earwitness.collection.tracks import Collection, Role
from earwitness.findings.record import Property
from earwitness.signals.blind import ACOUSTIC_SPECS, CONTAINER_SPECS, SCORE_SPECS, container_features
from earwitness.stats.grouping import group_means
from earwitness.stats.roc import auc_delong

_UNITS = {spec.name: spec.unit for spec in (*ACOUSTIC_SPECS, *CONTAINER_SPECS, *SCORE_SPECS)}
_SUSPECT_ROLES = [role.value for role in Role if role.is_suspect_side]


def blind_columns(collection: Collection) -> pl.DataFrame:
    """One row per track: ``track_id`` and every blind feature that varies between tracks."""
    rows = collection.tracks.iter_rows(named=True)
    container = pl.DataFrame([{"track_id": row["track_id"], **container_features(row)} for row in rows])
    measured = collection.described.select("track_id", pl.selectors.starts_with("blind/"))
    table = container.join(measured, on="track_id", how="left")
    names = [name for name in table.columns if name != "track_id"]
    table = table.with_columns(pl.col(names).cast(pl.Float64).fill_null(float("nan")))
    varied = [name for name in names if table[name].drop_nans().n_unique() > 1]
    return table.select("track_id", *varied)


def properties(collection: Collection, blind: pl.DataFrame) -> tuple[Property, ...]:
    """Compare the sides property by property, those furthest from chance first."""
    tracks = collection.tracks.join(blind, on="track_id", how="left")
    is_suspect = tracks["role"].is_in(_SUSPECT_ROLES).to_numpy()
    # A group with tracks in both sets is one group in each.
    keys = list(zip(is_suspect.tolist(), tracks["group"], strict=True))
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    codes = np.array([numbers[key] for key in keys])
    found = [
        _property(name, tracks[name].to_numpy(), is_suspect, codes) for name in blind.columns if name != "track_id"
    ]
    return tuple(sorted((p for p in found if p is not None), key=lambda p: (-abs(p.auc - 0.5), p.name)))


def _property(
    name: str, values: NDArray[np.float64], is_suspect: NDArray[np.bool_], codes: NDArray[np.intp]
) -> Property | None:
    known = np.isfinite(values)
    if not (known & is_suspect).any() or not (known & ~is_suspect).any():
        return None
    table = np.column_stack([values[known], is_suspect[known].astype(np.float64)])
    score, side = group_means(table, np.unique(codes[known], return_inverse=True)[1]).T
    auc = auc_delong(score[side > 0.5], score[side < 0.5])
    return Property(
        name=plain_name(name), unit=_UNITS.get(name, ""), suspect=_median(values[known & is_suspect]),
        held_out=_median(values[known & ~is_suspect]), auc=auc.estimate, low=_known(auc.low), high=_known(auc.high),
    )  # fmt: skip


def plain_name(name: str) -> str:
    """A blind feature's name for a reader.

    >>> plain_name("blind/container_sample_rate"), plain_name("blind/codec=mp3"), plain_name("blind/rms_db")
    ('sample rate', 'codec is mp3', 'rms')
    """
    words = re.sub(r"/k=(\d+)", r"_\1", name.removeprefix("blind/").removeprefix("container_")).removesuffix("_db")
    return words.replace("=", " is ").replace("_", " ")


def _median(values: Sequence[float] | NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None

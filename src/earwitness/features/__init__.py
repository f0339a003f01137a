"""The feature table: named numbers per track (or window), with their directions.

Goal: the one form in which scores reach a test, whoever computed them. A table holds
``track_id, role, group``, optionally ``window``, and float64 feature columns. It is checked
once, here; everything after trusts it. Conventions: a feature's direction lives in its
spec; columns ``blind/…`` never asked the model; undefined is NaN and stays NaN. Columns that
only describe a track (``earwitness.features.columns``) are not features: they are left out, and named.
"""

from earwitness.features.columns import BLIND_PREFIX, ID_COLUMNS, KEY_COLUMNS
from earwitness.features.reading import parquet_metadata
from earwitness.features.table import FeatureTable

__all__ = ["BLIND_PREFIX", "ID_COLUMNS", "KEY_COLUMNS", "FeatureTable", "parquet_metadata"]

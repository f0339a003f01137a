"""The feature table: named numbers per track (or window), with their directions."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from earwitness.features.checks import checked, refuse_labels
from earwitness.features.columns import BLIND_PREFIX, DESIGN_COLUMNS, KEY_COLUMNS, SUSPECT_ROLES
from earwitness.features.directions import settled_specs, stored_specs
from earwitness.features.reading import METADATA, parquet_metadata, read_csv, read_parquet, read_run
from earwitness.parquet import write_frame
from earwitness.spec import FeatureSpec
from earwitness.types import Bools, Floats


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of tracks or of their windows, checked and with known provenance.

    Attributes
    ----------
    frame
        ``track_id``, ``role`` (suspect, held_out, member or non_member), ``group`` (the unit
        of independence: album, session …), optionally ``window``, then float64 features.
    specs
        One `FeatureSpec` per feature column.
    plan_hash, target
        What the numbers were made with, where known.
    notes
        Sentences for the reader about what was assumed while reading.
    failures
        Suspect and held-out tracks of a run that were indexed but gave no features.
    """

    frame: pl.DataFrame
    specs: dict[str, FeatureSpec]
    plan_hash: str | None = None
    target: str | None = None
    notes: tuple[str, ...] = ()
    failures: tuple[int, int] = (0, 0)

    @classmethod
    def read(cls, path: Path | str, higher: Iterable[str] = (), lower: Iterable[str] = ()) -> "FeatureTable":
        """Read a parquet or CSV file, or a run folder's parts joined with its tracks.

        Parameters
        ----------
        path
            A parquet or CSV file with the columns above, or a folder with ``tracks.parquet`` and
            ``features/part-*.parquet`` (``track_id``, ``window`` and features only).
        higher, lower
            Column names or globs (``min_k*``) whose features a member moves up or down; they win over
            the file's metadata, which wins over the registered signals.

        Returns
        -------
        FeatureTable
            Checked; group and track labels are text.

        Raises
        ------
        EarwitnessError
            If the file cannot be read or breaks a rule of the table; one line says which.
        """
        path = Path(path)
        failures: tuple[int, int] = (0, 0)
        remarks: tuple[str, ...] = ()
        if path.is_dir():
            frame, metadata, failures, remarks = read_run(path)
        elif path.suffix.lower() == ".csv":
            frame, metadata = read_csv(path), {}
        else:
            frame, metadata = read_parquet(path)
        table = cls.from_frame(frame, metadata=metadata, higher=higher, lower=lower, source=str(path))
        return replace(table, failures=failures, notes=(*table.notes, *remarks))

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame,
        *,
        metadata: dict[str, str] | None = None,
        higher: Iterable[str] = (),
        lower: Iterable[str] = (),
        source: str = "the table",
    ) -> "FeatureTable":
        """Check a data frame and settle the direction of every feature; see `read`."""
        known = metadata or {}
        higher, lower = tuple(higher), tuple(lower)
        sound, notes = checked(frame, source)
        names = [name for name in sound.columns if name not in KEY_COLUMNS]
        stored = stored_specs(known.get(METADATA + "specs"), source)
        specs = settled_specs(names, stored, higher, lower, source)
        declared = {name for name, spec in stored.items() if spec.member_is.sign}
        directed = {name for name, spec in specs.items() if spec.member_is.sign}
        notes = (*notes, *refuse_labels(sound, names, {*higher, *lower} | declared, directed, source))
        hash_, target = known.get(METADATA + "plan_hash"), known.get(METADATA + "target")
        return cls(frame=sound, specs=specs, plan_hash=hash_, target=target, notes=notes)

    def write(self, path: Path | str) -> None:
        """Write the table as parquet, atomically, with specs, plan hash and target in its metadata."""
        metadata = parquet_metadata(self.specs.values(), self.plan_hash, self.target)
        write_frame(Path(path), self.frame, metadata)

    @property
    def feature_names(self) -> list[str]:
        """All feature columns in table order, blind ones included."""
        return [name for name in self.frame.columns if name not in KEY_COLUMNS]

    def pooled(self) -> "FeatureTable":
        """Return one row per track, ordered by track id: the mean over windows that have a value.

        A feature that is NaN in every window of a track stays NaN.
        """
        means = [pl.col(name).fill_nan(None).mean().fill_null(float("nan")) for name in self.feature_names]
        of_track = [name for name in ("role", "group", *DESIGN_COLUMNS) if name in self.frame.columns]
        pooled = self.frame.group_by("track_id", maintain_order=True).agg(pl.col(of_track).first(), *means)
        return replace(self, frame=pooled.sort("track_id"))

    def equal_windows(self) -> "FeatureTable":
        """Return the table with at most as many windows per track as nine tracks in ten have.

        The mean of many windows is steadier than one; where sets differ in that and scores are skewed, they
        differ without the model. Which windows stay follows from a hash of track and window, so neither
        a label nor chance has a say.
        """
        if "window" not in self.frame.columns:
            return self
        counts = self.frame.group_by("track_id").len()["len"]
        most = int(counts.quantile(0.1, interpolation="lower") or 1)
        if most == counts.max():
            return self
        names = self.frame.select(
            pl.concat_str("track_id", pl.col("window").cast(pl.String), separator="\n")
        ).to_series()
        order = pl.Series("order", [sha256(name.encode()).hexdigest() for name in names])
        rank = self.frame.select("track_id").with_columns(order).select(pl.col("order").rank().over("track_id"))
        kept = self.frame.filter(rank.to_series() <= most)
        note = (
            f"{self.frame.height - kept.height} of {self.frame.height} windows were left out, so that no track is "
            f"heard in more than {most}: nine tracks in ten have as many."
        )
        return replace(self, frame=kept, notes=(*self.notes, note))

    def oriented(self, include_unknown: bool = False) -> tuple[Floats, list[str]]:
        """Return the model's features turned so that higher = more member-like, with their names.

        Parameters
        ----------
        include_unknown
            Also return features without a known direction, as they are; only undirected
            tests may use them.

        Returns
        -------
        matrix, names
            ``[rows, features]`` float64, NaN where undefined. Blind features are left out.
        """
        names = [
            name
            for name in self.feature_names
            if not name.startswith(BLIND_PREFIX) and (include_unknown or self.specs[name].member_is.sign)
        ]
        signs = np.array([self.specs[name].member_is.sign or 1 for name in names], dtype=np.float64)
        return self._matrix(names) * signs, names

    def as_published(self) -> tuple[Floats, list[str]]:
        """Return the features that a publication sums up, turned the way it turns them, with their names.

        Where a direction is known here it is the same; features whose published direction does not hold on
        music (CAMIA's) are unknown here and are turned as published. For the published procedures alone.
        """
        from earwitness.signals.registry import published_direction

        directions = {
            name: self.specs[name].member_is if self.specs[name].member_is.sign else published_direction(name)
            for name in self.feature_names
            if not name.startswith(BLIND_PREFIX)
        }
        signs = {name: direction.sign for name, direction in directions.items() if direction and direction.sign}
        return self._matrix(list(signs)) * np.array(list(signs.values()), dtype=np.float64), list(signs)

    def headline(self, names: Iterable[str]) -> Bools:
        """Return, for each of these features, whether it belongs to the score that was fixed in advance."""
        return np.array([self.specs[name].headline for name in names], dtype=np.bool_)

    def blind(self) -> tuple[Floats, list[str]]:
        """Return the features that never asked the model, as they are, with their names."""
        names = [name for name in self.feature_names if name.startswith(BLIND_PREFIX)]
        return self._matrix(names), names

    def design(self, name: str) -> NDArray[np.str_] | None:
        """Return the labels of column ``pair`` or ``stratum``, one per row; None where the table has no such column."""
        return self.frame[name].to_numpy() if name in self.frame.columns else None

    def is_suspect(self) -> Bools:
        """Return, for each row, whether it is on the suspect (or member) side."""
        return self.frame["role"].is_in(list(SUSPECT_ROLES)).to_numpy()

    def spanning_groups(self) -> list[str]:
        """Return the groups that have tracks on both sides, in order of name."""
        sides = self.frame.group_by("group").agg(pl.col("role").is_in(list(SUSPECT_ROLES)).n_unique().alias("sides"))
        return sorted(sides.filter(pl.col("sides") > 1)["group"].to_list())

    def without_groups(self, groups: Iterable[str]) -> "FeatureTable":
        """Return the table without the rows of these groups."""
        return replace(self, frame=self.frame.filter(~pl.col("group").is_in(list(groups))))

    def _matrix(self, names: list[str]) -> Floats:
        if not names:
            return np.empty((self.frame.height, 0))
        return np.ascontiguousarray(self.frame.select(names).to_numpy())

"""The feature table: named numbers per track (or window), with their directions.

Goal: the one form in which scores reach a test, whoever computed them. A table holds
``track_id, role, group``, optionally ``window``, and float64 feature columns. It is checked
once, here; everything after trusts it. Conventions: a feature's direction lives in its
spec; columns ``blind/…`` never asked the model; undefined is NaN and stays NaN. Columns that
only describe a track (`earwitness.columns`) are no features: they are left out, and named.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from math import comb
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from earwitness.columns import is_bookkeeping, names_given
from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.files import write_atomically
from earwitness.spec import Direction, FeatureSpec

ID_COLUMNS = ("track_id", "role", "group")
DESIGN_COLUMNS = ("pair", "stratum")
KEY_COLUMNS = (*ID_COLUMNS, *DESIGN_COLUMNS, "window")
SUSPECT_ROLES = frozenset({"suspect", "member"})
HELD_OUT_ROLES = frozenset({"held_out", "non_member"})
BLIND_PREFIX = "blind/"
_METADATA = "earwitness."
_APART_BY_CHANCE = 1e-3


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of tracks or of their windows, checked and with known provenance.

    Attributes
    ----------
    frame
        ``track_id``, ``role`` (suspect, held_out, member or non_member), ``group`` (the unit
        of independence: album, session …), optionally ``window``, then float64 features.
    specs
        One `FeatureSpec` a feature column.
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
            frame, metadata, failures, remarks = _read_run(path)
        elif path.suffix.lower() == ".csv":
            frame, metadata = _read_csv(path), {}
        else:
            frame, metadata = _read_parquet(path)
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
        checked, notes = _checked(frame, source)
        names = [name for name in checked.columns if name not in KEY_COLUMNS]
        stored = _stored_specs(known.get(_METADATA + "specs"), source)
        specs = _specs(names, stored, higher, lower, source)
        declared = {name for name, spec in stored.items() if spec.member_is.sign}
        notes = (*notes, *_refuse_labels(checked, names, {*higher, *lower} | declared, source))
        hash_, target = known.get(_METADATA + "plan_hash"), known.get(_METADATA + "target")
        return cls(frame=checked, specs=specs, plan_hash=hash_, target=target, notes=notes)

    def write(self, path: Path | str) -> None:
        """Write the table as parquet, atomically, with specs, plan hash and target in its metadata."""
        metadata = parquet_metadata(self.specs.values(), self.plan_hash, self.target)
        write_atomically(Path(path), lambda partial: self.frame.write_parquet(partial, metadata=metadata))

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

    def oriented(self, include_unknown: bool = False) -> tuple[NDArray[np.float64], list[str]]:
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

    def as_published(self) -> tuple[NDArray[np.float64], list[str]]:
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

    def headline(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Return, for each of these features, whether it belongs to the score that was fixed in advance."""
        return np.array([self.specs[name].headline for name in names], dtype=np.bool_)

    def blind(self) -> tuple[NDArray[np.float64], list[str]]:
        """Return the features that never asked the model, as they are, with their names."""
        names = [name for name in self.feature_names if name.startswith(BLIND_PREFIX)]
        return self._matrix(names), names

    def design(self, name: str) -> NDArray[np.str_] | None:
        """Return the labels of column ``pair`` or ``stratum``, one a row; None where the table has no such column."""
        return self.frame[name].to_numpy() if name in self.frame.columns else None

    def is_suspect(self) -> NDArray[np.bool_]:
        """Return, for each row, whether it is on the suspect (or member) side."""
        return self.frame["role"].is_in(list(SUSPECT_ROLES)).to_numpy()

    def spanning_groups(self) -> list[str]:
        """Return the groups that have tracks on both sides, in order of name."""
        sides = self.frame.group_by("group").agg(pl.col("role").is_in(list(SUSPECT_ROLES)).n_unique().alias("sides"))
        return sorted(sides.filter(pl.col("sides") > 1)["group"].to_list())

    def without_groups(self, groups: Iterable[str]) -> "FeatureTable":
        """Return the table without the rows of these groups."""
        return replace(self, frame=self.frame.filter(~pl.col("group").is_in(list(groups))))

    def _matrix(self, names: list[str]) -> NDArray[np.float64]:
        if not names:
            return np.empty((self.frame.height, 0))
        return np.ascontiguousarray(self.frame.select(names).to_numpy())


def parquet_metadata(specs: Iterable[FeatureSpec], plan_hash: str | None, target: str | None) -> dict[str, str]:
    """Return the key-value metadata that a parquet file of features carries."""
    metadata = {_METADATA + "specs": json.dumps([asdict(spec) for spec in specs])}
    if plan_hash is not None:
        metadata[_METADATA + "plan_hash"] = plan_hash
    if target is not None:
        metadata[_METADATA + "target"] = target
    return metadata


def _read_parquet(path: Path) -> tuple[pl.DataFrame, dict[str, str]]:
    if not path.exists():
        raise EarwitnessError(f"{path} does not exist; give a parquet file of features or a run folder.")
    try:
        return pl.read_parquet(path), dict(pl.read_parquet_metadata(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = (str(error).splitlines() or ["unknown reason"])[0]
        raise EarwitnessError(
            f"{path} cannot be read as parquet ({reason}); give a parquet file of features."
        ) from None


def _read_csv(path: Path) -> pl.DataFrame:
    if not path.exists():
        raise EarwitnessError(f"{path} does not exist; give a table of features or a run folder.")
    try:
        return pl.read_csv(
            path,
            schema_overrides=dict.fromkeys(ID_COLUMNS, pl.String),
            null_values=["", "NA", "NaN", "nan", "null", "None"],
            infer_schema_length=None,
        )
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or ["unknown reason"])[0]
        raise EarwitnessError(f"{path} cannot be read as CSV ({reason}); give a table with a header line.") from None


def _read_run(folder: Path) -> tuple[pl.DataFrame, dict[str, str], tuple[int, int], tuple[str, ...]]:
    """Return the parts joined with the tracks, the parts' metadata, the files of each side that were left out, remarks.

    Remarks are what indexing had to say of the collection, such as an album that fell into several groups.
    """
    paths = sorted((folder / "features").glob("part-*.parquet"))
    if not paths:
        raise EarwitnessError(f"{folder} holds no features/part-*.parquet; run `earwitness extract` on it first.")
    parts = [_read_parquet(path) for path in paths]
    metadata = parts[0][1]
    for path, (part, other) in zip(paths, parts, strict=True):
        if any(other.get(_METADATA + key) != metadata.get(_METADATA + key) for key in ("plan_hash", "specs")):
            raise PlanMismatchError(f"{path} was made with another plan than {paths[0]}; extract the run again.")
        if part.schema != parts[0][0].schema or "track_id" not in part.columns:
            raise EarwitnessError(f"{path} has other columns than {paths[0]}; extract the run again.")
    tracks, about = _read_parquet(folder / "tracks.parquet")
    if missing := [name for name in ID_COLUMNS if name not in tracks.columns]:
        raise EarwitnessError(f"{folder / 'tracks.parquet'} has no column {', '.join(missing)}; index the run again.")
    features = pl.concat([part for part, _ in parts])
    if strangers := features.join(tracks, on="track_id", how="anti")["track_id"].to_list():
        raise EarwitnessError(
            f"{folder} has features of track {strangers[0]}, which tracks.parquet lacks; extract again."
        )
    failed = tracks.join(features, on="track_id", how="anti")["role"]
    collection = json.loads(about.get(_METADATA + "collection", "{}"))
    left_out = collection.get("left_out", {})
    failures = tuple(
        int(failed.is_in(list(roles)).sum()) + sum(sum(left_out.get(role, {}).values()) for role in roles)
        for roles in (SUSPECT_ROLES, HELD_OUT_ROLES)
    )
    described = [*ID_COLUMNS, *(name for name in DESIGN_COLUMNS if name in tracks.columns)]
    frame = tracks.select(described).join(features, on="track_id", how="inner")
    return frame, metadata, (failures[0], failures[1]), tuple(collection.get("warnings", ()))


def _checked(frame: pl.DataFrame, source: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the frame with text ids and float64 features, or say which rule it breaks."""
    if missing := [name for name in ID_COLUMNS if name not in frame.columns]:
        found = ", ".join(frame.columns[:8])
        raise EarwitnessError(
            f"{source} has no column {', '.join(missing)} (found: {found}); "
            "a feature table needs track_id, role, group and feature columns (group may repeat track_id)."
        )
    columns = [name for name in frame.columns if name not in KEY_COLUMNS]
    names = [name for name in columns if not is_bookkeeping(name)]
    if not names:
        raise EarwitnessError(f"{source} has no feature column; add one numeric column per feature.")
    if text := [name for name in names if not (frame.schema[name].is_numeric() or frame.schema[name] == pl.Boolean)]:
        raise EarwitnessError(f"{source}: column {text[0]} is not numeric; drop it or make it a number.")
    ungrouped = frame["group"].null_count()
    frame = frame.with_columns(
        pl.col("track_id", "role").cast(pl.String),
        pl.coalesce(pl.col("group").cast(pl.String), pl.col("track_id").cast(pl.String)).alias("group"),
        pl.col(names).cast(pl.Float64).fill_null(float("nan")),
    )
    design = [name for name in DESIGN_COLUMNS if name in frame.columns]
    # A column of which nothing is known is no design.
    frame = frame.drop(name for name in design if frame[name].null_count() == frame.height)
    frame = frame.with_columns(pl.col(name).cast(pl.String) for name in design if name in frame.columns)
    _check_rows(frame, source)
    _check_values(frame.select("track_id", *names), names, source)
    keys = [name for name in KEY_COLUMNS if name in frame.columns]
    notes = [f"{ungrouped} rows had no group: each such track counts as a group of its own."] if ungrouped else []
    if ignored := [name for name in columns if name not in names]:
        notes.append(f"Columns that describe tracks were left out, they are no features: {', '.join(ignored)}.")
    return frame.select(*keys, *names), tuple(notes)


def _check_rows(frame: pl.DataFrame, source: str) -> None:
    if frame["track_id"].null_count():
        raise EarwitnessError(f"{source}: {frame['track_id'].null_count()} rows have no track_id; name every track.")
    roles = set(frame["role"].unique().to_list())
    if strangers := roles - SUSPECT_ROLES - HELD_OUT_ROLES:
        allowed = "suspect, held_out, member or non_member"
        raise EarwitnessError(f"{source}: role {sorted(map(str, strangers))[0]!r} is unknown; use {allowed}.")
    if not roles & SUSPECT_ROLES or not roles & HELD_OUT_ROLES:
        found = " and ".join(sorted(roles)) or "no row at all"
        absent = "held_out (or non_member)" if roles & SUSPECT_ROLES else "suspect (or member)"
        raise EarwitnessError(f"{source} holds {found}, and no track with role {absent}; a test compares the two.")
    if roles & {"suspect", "held_out"} and roles & {"member", "non_member"}:
        raise EarwitnessError(
            f"{source} mixes the roles {', '.join(sorted(roles))}; use suspect and held_out, or member and non_member."
        )
    one = {"role": "a track has one role", "group": "a track belongs to one group"}
    one |= {name: f"a track has one {name}" for name in DESIGN_COLUMNS if name in frame.columns}
    for column, remedy in one.items():
        counts = frame.group_by("track_id", maintain_order=True).agg(pl.col(column).unique(maintain_order=True))
        if (several := counts.filter(pl.col(column).list.len() > 1)).height:
            track, found = several.select("track_id", pl.col(column).list.drop_nulls()).row(0)
            raise EarwitnessError(f"{source}: track {track} has the {column}s {' and '.join(found)}; {remedy}.")
    keys = [name for name in ("track_id", "window") if name in frame.columns]
    if frame.select(keys).is_duplicated().any():
        first = frame.filter(frame.select(keys).is_duplicated()).row(0, named=True)
        where = f"track {first['track_id']}" + (f", window {first['window']}" if "window" in keys else "")
        raise EarwitnessError(f"{source}: {where} occurs twice; keep one row (a window column tells windows apart).")


def _check_values(frame: pl.DataFrame, names: list[str], source: str) -> None:
    for name in names:
        if frame[name].is_infinite().any():
            track = frame.filter(pl.col(name).is_infinite())["track_id"][0]
            raise EarwitnessError(f"{source}: feature {name} of track {track} is infinite; use NaN where undefined.")


def _specs(
    names: list[str], stored: dict[str, FeatureSpec], higher: tuple[str, ...], lower: tuple[str, ...], source: str
) -> dict[str, FeatureSpec]:
    """Settle every feature's spec: globs, else the file's own, else the registered signal's, else unknown."""
    raised, lowered = names_given(names, higher, source), names_given(names, lower, source)
    settled = {}
    for name in names:
        spec = stored.get(name) or _registered(name) or FeatureSpec(name=name, member_is=Direction.UNKNOWN)
        up, down = name in raised, name in lowered
        if up and down:
            raise EarwitnessError(f"Feature {name} matches both a higher and a lower glob; let it match one.")
        if up or down:
            spec = replace(spec, member_is=Direction.HIGHER if up else Direction.LOWER)
        settled[name] = spec
    return settled


def _refuse_labels(frame: pl.DataFrame, names: list[str], known: set[str], source: str) -> list[str]:
    """Refuse labels and indices in disguise: columns that tell the roles apart without exception; note the like.

    A column with one value a role is a label. One of whole numbers is refused unless it is known for a
    score: the file declares its direction, the user names it in full or a signal here has it. Any other is
    noted, unless known. Few groups are apart by chance.
    """
    suspect = pl.col("role").is_in(list(SUSPECT_ROLES))
    groups = frame.group_by("group").agg(suspect.first())
    if 2 * len(names) / comb(groups.height, int(groups["role"].sum())) > _APART_BY_CHANCE:
        return []
    notes = []
    for name in names:
        if name.startswith(BLIND_PREFIX):
            continue
        a, b = (frame.filter(side)[name].drop_nans().to_numpy() for side in (suspect, ~suspect))
        if not (a.size and b.size) or not (a.min() > b.max() or a.max() < b.min()):
            continue
        label = np.ptp(a) == np.ptp(b) == 0
        whole = bool((a == np.round(a)).all() and (b == np.round(b)).all())
        if not label and (name in known or _registered(name)):
            continue
        if label or whole:
            raise EarwitnessError(
                f"{source}: column {name} separates the two roles without one exception, as a label or an index does; "
                + ("drop it." if label else f"drop it, or name it in full (--higher {name}) if it is a score.")
            )
        notes.append(f"Column {name} separates the two sets without one exception; make sure that it is a score.")
    return notes


def _stored_specs(stored: str | None, source: str) -> dict[str, FeatureSpec]:
    if stored is None:
        return {}
    try:
        specs = [FeatureSpec(**{**entry, "member_is": Direction(entry["member_is"])}) for entry in json.loads(stored)]
    except (ValueError, TypeError, KeyError):
        raise EarwitnessError(f"{source} carries feature specs this version cannot read; extract it again.") from None
    return {spec.name: spec for spec in specs}


def _registered(name: str) -> FeatureSpec | None:
    if name.startswith(BLIND_PREFIX):
        return None
    # Reading a table must not load the signals (and torch) unless a direction is missing from it.
    from earwitness.signals.registry import spec_for

    return spec_for(name)

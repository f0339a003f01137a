"""Tracks: the table of an indexed collection, in memory and on disk.

Goal: what later stages need to know about each track, and what a reader needs to know about the
files that were left out. Conventions: missing is null; paths are relative to the role's root, so
the table can be published; the roots stand in the file's metadata.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path

import polars as pl

from earwitness.errors import EarwitnessError
from earwitness.files import parsed_json
from earwitness.parquet import read_frame, read_metadata, write_frame

_METADATA_KEY = "earwitness.collection"
DESCRIBED_NAME = "described.parquet"


class Role(StrEnum):
    """Which set a track belongs to; member and non_member where the truth is known."""

    SUSPECT = "suspect"
    HELD_OUT = "held_out"
    MEMBER = "member"
    NON_MEMBER = "non_member"

    @property
    def is_suspect_side(self) -> bool:
        """Whether a test takes it for (possibly) trained on."""
        return self in (Role.SUSPECT, Role.MEMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One track: a row of tracks.parquet.

    Attributes
    ----------
    track_id
        The first 16 hex digits of ``content_sha256``.
    group, group_from
        The unit of independence and where it comes from: manifest, album, folder or track, or a
        recording that several groups have in common.
    path
        Relative to the role's folder or to the manifest's (POSIX).
    sha256, content_sha256
        Of the file's bytes, and of its decoded mono samples with their sample rate.
    pair, stratum
        What the manifest says of the design: tracks with one pair are two takes of one thing, one in each set;
        tracks are compared within their stratum. ``None`` where it says nothing.
    prompt
        What the model is asked with; empty where the manifest gives none.
    title, artist, album
        The manifest's, else the tags', verbatim; ``None`` where absent.
    bits_per_sample, bitrate
        ``None`` for lossy codecs; file size over length, in bit/s.
    decoder
        Which library read it, with its version.
    peak_dbfs, rms_dbfs
        Levels of the mono mix; ``None`` for scores.
    """

    track_id: str
    role: Role
    group: str
    path: str
    sha256: str
    seconds: float
    sample_rate: int
    prompt: str
    title: str | None
    artist: str | None
    album: str | None
    group_from: str
    pair: str | None
    stratum: str | None
    channels: int
    content_sha256: str
    codec: str
    bits_per_sample: int | None
    bitrate: float
    decoder: str
    peak_dbfs: float | None
    rms_dbfs: float | None


_TYPES = {
    "seconds": pl.Float64, "sample_rate": pl.Int64, "channels": pl.Int64, "bits_per_sample": pl.Int64,
    "bitrate": pl.Float64, "peak_dbfs": pl.Float64, "rms_dbfs": pl.Float64,
}  # fmt: skip
TRACK_SCHEMA = {field.name: _TYPES.get(field.name, pl.String) for field in fields(Track)}

FAILURE_SCHEMA = dict.fromkeys(("track_id", "path", "stage", "error", "message"), pl.String)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A track that gave no features, and why."""

    track_id: str
    path: str
    stage: str
    error: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Couple:
    """Two files that are one recording, each as "role path", and the share of the smaller one's marks that agree.

    ``across``: one is in each set; ``declared``: the manifest calls them a pair.
    """

    first: str
    second: str
    share: float
    across: bool
    declared: bool

    def __str__(self) -> str:
        return f"{self.first} = {self.second}, {self.share:.0%} of marks"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collection:
    """The indexed tracks of both sets, and what was left out.

    Attributes
    ----------
    tracks
        One row per `Track`, the suspect side first, each in order of path.
    failures
        ``track_id, path, stage, error, message`` of the files left out; ``track_id`` is empty where the
        file could not be decoded.
    roots
        The absolute folder that the paths of a role are relative to.
    left_out
        By role, then by reason: ``failed``, ``duplicates``.
    ignored, symlinks
        Files of other kinds, and symbolic links, that a walk passed over; hidden names are not counted.
    warnings
        Sentences for the reader.
    described
        ``track_id`` and what was measured of each file's sound or notes when it was read; empty where nothing was.
    couples
        Files that are the same recording, those that were left out for it among them.
    refusal
        Why no audit of this collection is possible; ``None`` where one is.
    sources
        A hash over the files and what was said of them: where it is the same, the files need not be decoded again.
    """

    tracks: pl.DataFrame
    failures: pl.DataFrame
    roots: Mapping[str, Path]
    left_out: Mapping[str, Mapping[str, int]]
    ignored: int = 0
    symlinks: int = 0
    warnings: tuple[str, ...] = ()
    described: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"track_id": pl.String}))
    couples: tuple[Couple, ...] = ()
    refusal: str | None = None
    sources: str = ""

    def located(self) -> Iterator[tuple[Track, Path]]:
        """Yield every track with the absolute path of its file."""
        for row in self.tracks.iter_rows(named=True):
            track = Track(**row | {"role": Role(row["role"])})
            yield track, self.roots[track.role] / track.path

    def summary(self) -> dict[str, int | float]:
        """Return the counts a reader wants: tracks, groups and minutes by role, and what was left out."""
        counts: dict[str, int | float] = {}
        for role in self.roots:
            rows = self.tracks.filter(pl.col("role") == role)
            counts[f"{role} tracks"] = rows.height
            counts[f"{role} groups"] = rows["group"].n_unique()
            counts[f"{role} minutes"] = round(float(rows["seconds"].sum()) / 60, 2)
            counts[f"{role} failed"] = self.left_out[role]["failed"]
            counts[f"{role} duplicates"] = self.left_out[role]["duplicates"]
        return counts | {"ignored": self.ignored, "symlinks": self.symlinks}

    def write(self, folder: Path) -> None:
        """Write tracks.parquet, failures.parquet and, if there is any, described.parquet, each atomically."""
        about = {
            "roots": {role: str(root) for role, root in self.roots.items()},
            "left_out": {role: dict(reasons) for role, reasons in self.left_out.items()},
            "ignored": self.ignored,
            "symlinks": self.symlinks,
            "warnings": self.warnings,
            "couples": [asdict(couple) for couple in self.couples],
            "refusal": self.refusal,
            "sources": self.sources,
        }
        metadata = {_METADATA_KEY: json.dumps(about)}
        write_frame(folder / "failures.parquet", self.failures)
        if self.described.width > 1:
            write_frame(folder / DESCRIBED_NAME, self.described)
        else:
            (folder / DESCRIBED_NAME).unlink(missing_ok=True)
        write_frame(folder / "tracks.parquet", self.tracks, metadata)

    @classmethod
    def read(cls, folder: Path) -> "Collection":
        """Read a collection back from its folder.

        Raises
        ------
        EarwitnessError
            Where the folder holds none, or files of another kind.
        """
        path = folder / "tracks.parquet"
        if not path.exists():
            raise EarwitnessError(f"{folder} holds no tracks.parquet; make it with `earwitness index`.")
        try:
            about = parsed_json(read_metadata(path)[_METADATA_KEY])
            tracks, failures = read_frame(path), read_frame(folder / "failures.parquet")
            # A folder of an earlier version holds none.
            if (folder / DESCRIBED_NAME).exists():
                about["described"] = read_frame(folder / DESCRIBED_NAME)
            roots = {role: Path(root) for role, root in about.pop("roots").items()}
            about["warnings"] = tuple(about["warnings"])
            about["couples"] = tuple(Couple(**couple) for couple in about.get("couples", ()))
            return cls(tracks=tracks, failures=failures, roots=roots, **about)
        except FileNotFoundError:
            raise EarwitnessError(f"{folder} has lost its failures.parquet; index it again.") from None
        except (pl.exceptions.PolarsError, OSError, KeyError, ValueError, TypeError, AttributeError):
            others = f"failures.parquet or {DESCRIBED_NAME} beside it"
            raise EarwitnessError(
                f"{path}, {others}, is damaged or was not made by `earwitness index`; index it again."
            ) from None


def set_roots(tracks: Path) -> dict[str, Path]:
    """The folder of each role as ``tracks.parquet`` notes it; empty for a table of another origin."""
    try:
        about = parsed_json(read_metadata(tracks).get(_METADATA_KEY, "{}"))
        return {role: Path(root) for role, root in about.get("roots", {}).items()}
    except (pl.exceptions.PolarsError, OSError, ValueError, TypeError, AttributeError):
        return {}

"""The parts of a feature table on disk, and which tracks each of them answers for.

A part is ``features/part-00000.parquet`` with one row per window: ``track_id``, ``window``
and a float64 column per feature. Its file metadata holds the plan hash, the feature specs,
the track ids it answers for and the tracks that failed, so a part is complete in itself
and ``failures.parquet`` can be rebuilt from the parts at any time. Workers that do not share the run folder
leave parts at a URL, from where they are fetched.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import polars as pl

from earwitness.collection.tracks import Failure, Track
from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.features import parquet_metadata
from earwitness.files import write_bytes
from earwitness.measure.layout import MOST, Part, parts_of, tracks_per_part
from earwitness.measure.part_files import PartFiles
from earwitness.parquet import frame_bytes, read_metadata
from earwitness.spec import FeatureSpec

_PART_SIZE = "earwitness.tracks_per_part"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureParts:
    """The ``features`` folder of one run under one plan.

    ``tracks_per_part`` fixes which tracks go together; ``url`` is where parts are left for others to fetch, if
    not in the folder itself.
    """

    run: Path
    plan_hash: str
    target: str
    specs: Sequence[FeatureSpec]
    tracks_per_part: int
    url: str | None = None

    @classmethod
    def of(
        cls, run: Path, plan_hash: str, target: str, specs: Sequence[FeatureSpec], *, tracks: int,
        url: str | None = None,
    ) -> "FeatureParts":  # fmt: skip
        """The parts of a run of so many tracks, as large as those that are there, in the folder or at the URL."""
        parts = cls(run=run, plan_hash=plan_hash, target=target, specs=specs, tracks_per_part=1, url=url)
        parts.fetch()
        there = next(iter(sorted((run / "features").glob("part-*.parquet"))), None)
        return replace(parts, tracks_per_part=tracks_per_part(tracks) if there is None else part_size(there))

    def split(self, tracks: Iterable[tuple[Track, Path]]) -> list[Part]:
        """The parts of a collection."""
        return parts_of(tracks, self.tracks_per_part)

    def path(self, number: int) -> Path:
        """Where part ``number`` stands."""
        return self.run / "features" / f"part-{number:05d}.parquet"

    def write(
        self,
        number: int,
        part: Part,
        rows: Sequence[dict[str, float | str | int]],
        failures: Sequence[Failure],
    ) -> None:
        """Write one part atomically, to the folder or the URL."""
        schema = {"track_id": pl.String, "window": pl.Int32} | {spec.name: pl.Float64 for spec in self.specs}
        metadata = parquet_metadata(self.specs, self.plan_hash, self.target) | {
            "earwitness.tracks": json.dumps([track.track_id for track, _ in part]),
            "earwitness.failures": json.dumps([asdict(failure) for failure in failures]),
            _PART_SIZE: str(self.tracks_per_part),
        }
        content = frame_bytes(pl.DataFrame(rows, schema=schema, orient="row"), metadata)
        path = self.path(number)
        if self.url is None:
            write_bytes(path, content)
        else:
            PartFiles(self.url).write(path.name, content)

    def fetch(self, number: int | None = None) -> None:
        """Bring parts that others left at the URL into the folder: one of them, or all that it lacks."""
        if self.url is None:
            return
        away = PartFiles(self.url)
        for name in sorted(away.names()) if number is None else [self.path(number).name]:
            path = self.run / "features" / name
            if not path.exists():
                write_bytes(path, away.read(name))

    def holds(self, number: int, part: Part) -> bool:
        """Whether part ``number`` is there; refuses one of another plan or for other tracks."""
        path = self.path(number)
        if not path.exists():
            return False
        if plan_of(path) != self.plan_hash:
            raise PlanMismatchError(
                f"{path} was made under another plan; choose another run folder. Nothing was changed."
            )
        if list(answered(path)) != [track.track_id for track, _ in part]:
            raise PlanMismatchError(
                f"The collection has changed since {path} was made (tracks were added or removed); "
                "choose another run folder. Nothing was changed."
            )
        return True

    def failures(self, parts: Iterable[int]) -> list[Failure]:
        """All failures recorded in parts of these numbers."""
        return [found for number in parts if self.path(number).exists() for found in failures_in(self.path(number))]


def answered(path: Path) -> tuple[str, ...]:
    """The tracks that a part answers for, by id."""
    return tuple(json.loads(_metadata(path)["earwitness.tracks"]))


def failures_in(path: Path) -> list[Failure]:
    """The failures that a part records."""
    return [Failure(**row) for row in json.loads(_metadata(path)["earwitness.failures"])]


def part_size(path: Path) -> int:
    """How many tracks the parts of this part's run hold; those from before it was noted hold 32."""
    return int(_metadata(path).get(_PART_SIZE, MOST))


def plan_of(path: Path) -> str | None:
    """The hash of the plan that a part was measured under."""
    return _metadata(path).get("earwitness.plan_hash")


def _metadata(path: Path) -> dict[str, str]:
    try:
        return read_metadata(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise EarwitnessError(
            f"{path} is damaged ({str(error).splitlines()[0]}); delete that file and run the same again."
        ) from None

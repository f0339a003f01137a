"""The parts of a feature table on disk, and which tracks each of them answers for.

A part is ``features/part-00000.parquet`` with one row per window: ``track_id``, ``window``
and a float64 column per feature. Its file metadata holds the plan hash, the feature specs,
the track ids it answers for and the tracks that failed, so a part is complete in itself
and ``failures.parquet`` can be rebuilt from the parts at any time.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from earwitness.collection.tracks import Failure
from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.features import parquet_metadata
from earwitness.files import write_atomically
from earwitness.spec import FeatureSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureParts:
    """The ``features`` folder of one run under one plan."""

    run: Path
    plan_hash: str
    target: str
    specs: Sequence[FeatureSpec]

    def path(self, number: int) -> Path:
        """Where part ``number`` stands."""
        return self.run / "features" / f"part-{number:05d}.parquet"

    def write(
        self,
        number: int,
        track_ids: Sequence[str],
        rows: Sequence[dict[str, float | str | int]],
        failures: Sequence[Failure],
    ) -> None:
        """Write one part atomically."""
        schema = {"track_id": pl.String, "window": pl.Int32} | {spec.name: pl.Float64 for spec in self.specs}
        metadata = parquet_metadata(self.specs, self.plan_hash, self.target) | {
            "earwitness.tracks": json.dumps(list(track_ids)),
            "earwitness.failures": json.dumps([asdict(failure) for failure in failures]),
        }
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        write_atomically(self.path(number), lambda partial: frame.write_parquet(partial, metadata=metadata))

    def holds(self, number: int, track_ids: Sequence[str]) -> bool:
        """Whether part ``number`` is there; refuses one of another plan or for other tracks."""
        path = self.path(number)
        if not path.exists():
            return False
        metadata = _metadata(path)
        if metadata.get("earwitness.plan_hash") != self.plan_hash:
            raise PlanMismatchError(
                f"{path} was made under another plan; choose another run folder. Nothing was changed."
            )
        if json.loads(metadata["earwitness.tracks"]) != list(track_ids):
            raise PlanMismatchError(
                f"The collection has changed since {path} was made (tracks were added or removed); "
                "choose another run folder. Nothing was changed."
            )
        return True

    def failures(self, parts: int) -> list[Failure]:
        """All failures recorded in the first ``parts`` parts."""
        return [
            Failure(**row)
            for number in range(parts)
            if self.path(number).exists()
            for row in json.loads(_metadata(self.path(number))["earwitness.failures"])
        ]


def _metadata(path: Path) -> dict[str, str]:
    try:
        return pl.read_parquet_metadata(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise EarwitnessError(
            f"{path} is damaged ({str(error).splitlines()[0]}); delete that file and run the same again."
        ) from None

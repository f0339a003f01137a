"""The plan of a run: everything that fixes its numbers, and a hash that names them.

Goal: two runs with the same plan hash give the same feature table and the same result: the hash
covers every track with its role, group, pair, stratum and prompt, and the settings of the test. A run
folder holds one plan, and using it with another is refused rather than mixed.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, field_serializer, model_serializer

from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.files import read_record, write_text
from earwitness.identity import TargetIdentity
from earwitness.parquet import read_frame
from earwitness.settings import Harmonise, WindowsPerTrack

SCHEMA_VERSION = 2
TRACK_COLUMNS = ("track_id", "role", "group", "pair", "stratum", "prompt")
_NAMED = 3
_LATER = {"test", "test_fixed_late", "tracks"}
PLAN_NAME = "plan.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WindowPlan(_Part):
    """Windows spread over each track, by (seed, content hash, window number).

    Of audio, ``seconds`` long, each beginning at any sample; of a score, ``tokens`` long, each
    beginning at a bar. ``place`` is ``first`` where there is only the track's beginning, ``filled``
    says whether silence follows up to the target's length.
    """

    per_track: WindowsPerTrack
    place: str = "anywhere"
    filled: bool = False
    seconds: float | None = None
    tokens: int | None = None


class AudioPlan(_Part):
    """How a file becomes a waveform."""

    sample_rate: int
    channels: int = 1
    mixdown: str = "mean of channels"
    resampler: str = "soxr HQ"
    harmonise: Harmonise = Harmonise.OFF
    loudness: float | None = None

    @model_serializer(mode="wrap")
    def _without_loudness(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Plans from before a loudness was in them keep their hash."""
        content = serialise(self)
        return {name: value for name, value in content.items() if name != "loudness" or value is not None}


class TrackPlan(_Part):
    """One track and where it belongs, before the model is asked."""

    track_id: str
    role: str
    group: str
    pair: str | None = None
    stratum: str | None = None
    prompt: str = ""


class Plan(_Part):
    """What fixes the numbers of a run.

    ``guided``: a null pass is run and contrasts are measured. ``audio`` is absent for scores.
    ``references`` are the models that the target is compared with, ``anchors`` the content hashes
    of the works that are no part of the test. ``test`` holds the settings of the test, fixed before any
    number is seen (``test_fixed_late``: after the features were measured); ``tracks`` is in order of track id.
    """

    schema_version: int = SCHEMA_VERSION
    target: TargetIdentity
    preset: str
    guided: bool
    signals: tuple[str, ...]
    windows: WindowPlan
    audio: AudioPlan | None = None
    references: tuple[TargetIdentity, ...] = ()
    anchors: tuple[str, ...] = ()
    seed: int
    test: dict[str, Any] | None = None
    test_fixed_late: bool = False
    tracks: tuple[TrackPlan, ...] = ()

    @field_serializer("target", "references")
    def _by_content(self, found: TargetIdentity | tuple[TargetIdentity, ...]) -> Any:
        """Models by their content alone: what a user called them does not change a number."""
        if isinstance(found, tuple):
            return [self._by_content(each) for each in found]
        content = {"family": found.family, "weights_sha256": found.weights_sha256, "dtype": found.dtype}
        # Plans from before settings were in them keep their hash.
        return content | ({"settings_sha256": found.settings_sha256} if found.settings_sha256 else {})

    @property
    def hash(self) -> str:
        """SHA-256 of the plan as canonical JSON."""
        return _sha256(self.model_dump(mode="json"))

    @property
    def measurement_hash(self) -> str:
        """Without test settings and tracks: what the features of a track depend on."""
        return _sha256(self.model_dump(mode="json", exclude=_LATER))

    @classmethod
    def read(cls, run: Path) -> "Plan":
        """Read ``run/plan.json``."""
        path = run / PLAN_NAME
        found = read_record(path, cls, is_not="is not a plan of this version")
        if found is None:
            raise EarwitnessError(f"{run} holds no plan.json; it is no run folder. Make one with `earwitness audit`.")
        return found

    def claim(self, run: Path) -> None:
        """Write the plan into a new run folder, or check that the folder's own is the same.

        A plan without test settings fits a folder that has some.
        """
        if not (run / PLAN_NAME).exists():
            self.write(run)
            return
        there = Plan.read(run)
        differs = there.differences(self)
        if differs:
            raise PlanMismatchError(
                f"{run} was made with another plan ({'; '.join(differs[:_NAMED])}); "
                "repeat those settings, or choose another run folder. Nothing was changed."
            )
        if self.test is not None and there.test is None:
            self.write(run)

    def differences(self, now: "Plan") -> list[str]:
        """In what another plan departs from this one; settings of a test count where both have some."""
        exclude = _LATER - {"test"} if self.test is not None and now.test is not None else _LATER
        return [
            *_differences(self.model_dump(mode="json", exclude=exclude), now.model_dump(mode="json", exclude=exclude)),
            *track_differences(self.tracks, now.tracks),
        ]

    def track_differences(self, run: Path) -> list[str]:
        """In what ``run/tracks.parquet`` departs from the tracks of the plan."""
        try:
            frame = read_frame(run / "tracks.parquet")
        except (OSError, pl.exceptions.PolarsError) as error:
            raise EarwitnessError(f"{run / 'tracks.parquet'} cannot be read ({error}); index the run again.") from None
        return track_differences(self.tracks, track_plans(frame))

    def write(self, run: Path) -> None:
        """Write ``run/plan.json``, one line per track."""
        head = self.model_dump_json(indent=2, exclude={"tracks"})[:-2]
        lines = ",\n".join(f"    {track.model_dump_json()}" for track in self.tracks)
        write_text(run / PLAN_NAME, f'{head},\n  "tracks": [\n{lines}\n  ]\n}}\n')


def track_plans(tracks: pl.DataFrame) -> tuple[TrackPlan, ...]:
    """The rows of a tracks table as a plan holds them, in order of track id."""
    columns = [name for name in TRACK_COLUMNS if name in tracks.columns]
    return tuple(TrackPlan(**row) for row in tracks.select(columns).sort("track_id").iter_rows(named=True))


def track_differences(there: Iterable[TrackPlan], now: Iterable[TrackPlan]) -> list[str]:
    """Name what became of tracks: left out, added, or given another role, group, pair, stratum or prompt."""
    before, after = ({track.track_id: track for track in tracks} for tracks in (there, now))
    sentences = [
        f"{len(found)} track(s) were {what}: {_listed(found)}"
        for what, found in (("left out", before.keys() - after.keys()), ("added", after.keys() - before.keys()))
        if found
    ]
    for name in TRACK_COLUMNS[1:]:
        changed = {
            track: (getattr(before[track], name), getattr(after[track], name))
            for track in before.keys() & after.keys()
            if getattr(before[track], name) != getattr(after[track], name)
        }
        if changed:
            first = min(changed)
            was, is_now = changed[first]
            sentences.append(
                f"the {name} of {len(changed)} track(s) was changed: {first} had {_short(was)}, now {_short(is_now)}"
            )
    return sentences


def _listed(names: Iterable[str]) -> str:
    found = sorted(names)
    return ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _differences(there: Any, now: Any, name: str = "") -> list[str]:
    """Name the leaves in which two plans differ: ``windows.per_track is 3, now 4``."""
    if isinstance(there, dict) and isinstance(now, dict):
        return [
            line
            for key in sorted(there.keys() | now.keys())
            for line in _differences(there.get(key), now.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if there == now else [f"{name} was {_short(there)}, now {_short(now)}"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:16] + "…"

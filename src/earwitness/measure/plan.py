"""The plan of a run: everything that fixes its numbers, and a hash that names them.

Goal: two runs with the same plan hash give the same feature table; a run folder holds
one plan, and using it with another is refused rather than mixed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from earwitness.errors import EarwitnessError, PlanMismatchError
from earwitness.files import write_text
from earwitness.settings import Harmonise, WindowsPerTrack

SCHEMA_VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetPlan(_Part):
    """Which model, by the content of its files."""

    family: str
    weights_sha256: str
    dtype: str


class WindowPlan(_Part):
    """Windows spread over each track, by (seed, content hash, window number).

    Of audio, ``seconds`` long, each beginning on the target's frame grid, every ``grid`` samples from
    the track's start; of a score, ``tokens`` long, each beginning at a bar.
    """

    per_track: WindowsPerTrack
    seconds: float | None = None
    grid: int = 1
    tokens: int | None = None


class AudioPlan(_Part):
    """How a file becomes a waveform."""

    sample_rate: int
    channels: int = 1
    mixdown: str = "mean of channels"
    resampler: str = "soxr HQ"
    harmonise: Harmonise = Harmonise.OFF


class SetTestPlan(_Part):
    """The settings of the test on the two sets, fixed before any number is seen."""

    method: str
    alpha: float
    permutations: int


class Plan(_Part):
    """What fixes the numbers of a run.

    ``guided``: a null pass is run and contrasts are measured. ``audio`` is absent for scores.
    ``references`` are the models that the target is compared with, ``anchors`` the content hashes
    of the works that are no part of the test.
    """

    schema_version: int = SCHEMA_VERSION
    target: TargetPlan
    preset: str
    guided: bool
    signals: tuple[str, ...]
    windows: WindowPlan
    audio: AudioPlan | None = None
    references: tuple[TargetPlan, ...] = ()
    anchors: tuple[str, ...] = ()
    seed: int
    test: SetTestPlan | None = None

    @property
    def hash(self) -> str:
        """SHA-256 of the plan as canonical JSON."""
        return _sha256(self.model_dump(mode="json"))

    @property
    def measurement_hash(self) -> str:
        """The same, without the test settings: what the feature table depends on."""
        return _sha256(self.model_dump(mode="json", exclude={"test"}))

    @classmethod
    def read(cls, run: Path) -> "Plan":
        """Read ``run/plan.json``."""
        path = run / "plan.json"
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise EarwitnessError(
                f"{run} holds no plan.json; it is no run folder. Make one with `earwitness audit`."
            ) from None
        except (ValidationError, UnicodeDecodeError) as error:
            raise EarwitnessError(f"{path} is not a plan of this version: {str(error).splitlines()[0]}") from None

    def claim(self, run: Path) -> None:
        """Write the plan into a new run folder, or check that the folder's own is the same.

        A plan without test settings fits a folder that has some.
        """
        path = run / "plan.json"
        if not path.exists():
            write_text(path, self.model_dump_json(indent=2) + "\n")
            return
        there = Plan.read(run)
        exclude = set() if self.test is not None and there.test is not None else {"test"}
        differences = _differences(
            there.model_dump(mode="json", exclude=exclude), self.model_dump(mode="json", exclude=exclude)
        )
        if differences:
            raise PlanMismatchError(
                f"{run} was made with other settings ({'; '.join(differences[:3])}); "
                "repeat those settings, or choose another --out folder. Nothing was changed."
            )
        if self.test is not None and there.test is None:
            write_text(path, self.model_dump_json(indent=2) + "\n")


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

"""Continuations made elsewhere: a folder of prompts, and of what a service made of them.

Goal: audit a model that can only be asked by hand. `earwitness.measure.prompts` writes ``prompts/NAME.wav``
and ``continuations.json``; what comes back is saved as ``continuations/NAME`` with the suffix of any
audio format. A prompt is recognised by its samples, so the windows of an audit must be those that
the prompts were cut from: same length, number and seed.

Conventions: an answer may begin with the prompt itself, as some services return it (it sounds the
same, similarity above ``SAME``, and goes on behind it); that part is cut off. Absent answers are NaN.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from earwitness import audio
from earwitness.errors import TargetError
from earwitness.files import file_sha256
from earwitness.settings import WindowsPerTrack
from earwitness.similarity import similarity
from earwitness.targets.protocols import TargetIdentity
from earwitness.types import Wave

RECORD_NAME = "continuations.json"
ANSWERS = "continuations"
SAME = 0.8


class PromptRecord(BaseModel):
    """What ``continuations.json`` holds: how the prompts were cut, and their names by SHA-256 of the samples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    sample_rate: int
    window_seconds: float
    prompt_share: float
    windows_per_track: WindowsPerTrack
    seed: int
    prompts: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path) -> "PromptRecord":
        """Read it from a folder; a damaged one raises ``TargetError``."""
        path = folder / RECORD_NAME
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError, UnicodeDecodeError) as error:
            raise TargetError(
                f"{path} is not what `earwitness prompts` writes ({str(error).splitlines()[0]}); write them again."
            ) from None


def prompt_sha256(wave: Wave) -> str:
    """SHA-256 of a prompt's 16-bit samples: what recognises it."""
    return hashlib.sha256(pcm16(wave).astype("<i2").tobytes()).hexdigest()


def pcm16(wave: Wave) -> NDArray[np.int16]:
    """The 16-bit samples that a prompt's file holds."""
    return np.round(np.clip(wave, -1, 1) * 32767).astype(np.int16)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorded:
    """A `GeneratorTarget` whose answers are files: ``answers`` by the name of the prompt."""

    folder: Path
    record: PromptRecord
    answers: Mapping[str, Path]
    identity: TargetIdentity
    channels: int = 1

    @property
    def sample_rate(self) -> int:
        """Of the prompts, in Hz."""
        return self.record.sample_rate

    @property
    def max_seconds(self) -> float | None:
        """The windows that the prompts were cut from."""
        return self.record.window_seconds

    def continue_audio(self, waves: Wave, seconds: float, prompts: Sequence[str]) -> Wave:
        """The saved answers without the prompts, cut to ``seconds``; NaN where and as far as there is none.

        Raises
        ------
        TargetError
            Where a wave is none of the prompts.
        """
        made = np.full((len(waves), round(seconds * self.sample_rate)), np.nan, dtype=np.float32)
        for row, wave in zip(made, waves, strict=True):
            answer = self._answer(wave)[: len(row)]
            row[: len(answer)] = answer
        return made

    def _answer(self, prompt: Wave) -> Wave:
        name = self.record.prompts.get(prompt_sha256(prompt))
        if name is None:
            record = self.record
            raise TargetError(
                f"A window begins with none of the prompts in {self.folder}; audit the tracks that they were written "
                f"for, with --seconds {record.window_seconds:g} --windows-per-track {record.windows_per_track} "
                f"--seed {record.seed}."
            )
        if name not in self.answers:
            return np.empty(0, dtype=np.float32)
        wave = audio.read_mono(self.answers[name], self.sample_rate)
        alike = similarity(wave[: len(prompt)], prompt, sample_rate=self.sample_rate)
        return wave[len(prompt) :] if alike > SAME and len(wave) > len(prompt) else wave


class _Family:
    """Folders that ``earwitness prompts`` wrote and a user filled."""

    name = "continuations"
    description = "continuations made elsewhere: a folder that `earwitness prompts` wrote and you filled"

    def matches(self, folder: Path) -> bool:
        """Whether the folder holds ``continuations.json``."""
        return (folder / RECORD_NAME).is_file()

    def load(self, folder: Path, *, name: str, device: str, dtype: str) -> Recorded:
        """Read the record and name the folder by its answers; device and dtype have no meaning here."""
        record = PromptRecord.read(folder)
        answers = _answers(folder)
        if not answers.keys() & set(record.prompts.values()):
            raise TargetError(
                f"{folder / ANSWERS} holds no answer yet; save the continuation of prompts/NAME.wav there as NAME.wav."
            )
        digest = hashlib.sha256((folder / RECORD_NAME).read_bytes())
        for stem, path in sorted(answers.items()):
            digest.update(f"{stem}\0".encode() + bytes.fromhex(file_sha256(path)))
        identity = TargetIdentity(family=self.name, name=name, weights_sha256=digest.hexdigest(), dtype=dtype)
        return Recorded(folder=folder, record=record, answers=answers, identity=identity)


def _answers(folder: Path) -> dict[str, Path]:
    """The saved answers by name without suffix; links are not followed."""
    return {
        path.stem: path
        for path in sorted((folder / ANSWERS).glob("*"))
        if path.suffix.lower() in audio.SUFFIXES and path.is_file() and not path.is_symlink()
    }


ContinuationsFamily = _Family()

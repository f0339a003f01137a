"""Blind listening: can somebody hear which is which of a master and its marked copy, or of two copies?

Goal: an ABX test, and the probability of so many right answers by guessing alone. Conventions: in every trial A and B
are the two in an order that was drawn, and X is one of them again, drawn too; how many trials there are is fixed before
the first, and nothing is said of any answer before the last, so that nobody stops when it pleases. What is played is
what was sealed.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from earwitness.audio import SUFFIXES, decode, read_channels
from earwitness.errors import EarwitnessError
from earwitness.files import file_sha256
from earwitness.twins.media import AUDIO
from earwitness.twins.seal import Seal, copy_path, inconsistencies

SECONDS = 8.0
FEWEST, MOST = 5, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question: the files behind A and B, whether X is A, and where the excerpt begins as a share of what can."""

    a: Path
    b: Path
    x_is_a: bool
    begin: float

    def sounds(self) -> dict[str, str]:
        """The same stretch of A, B and X as ``data:`` addresses of FLAC files of 24 bits, in all channels."""
        a, b = (_excerpt(path, self.begin) for path in (self.a, self.b))
        return {"A": a, "B": b, "X": a if self.x_is_a else b}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """The trials of one listener, and for each that was answered whether "X is A" was said."""

    trials: tuple[Trial, ...]
    answers: tuple[bool, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether every trial was answered."""
        return len(self.answers) == len(self.trials)

    @property
    def right(self) -> int:
        """How many answers were right."""
        return sum(trial.x_is_a is said for trial, said in zip(self.trials, self.answers, strict=False))

    @property
    def p_value(self) -> float:
        """The probability of as many right answers or more by guessing: binomial, one-sided."""
        return float(binomtest(self.right, len(self.trials), 0.5, alternative="greater").pvalue)

    def answered(self, x_is_a: bool) -> "Sitting":
        """The sitting with one more answer."""
        return self if self.is_over else replace(self, answers=(*self.answers, x_is_a))


def draw_sitting(sealed: Path, masters: Path | None, trials: int, *, seed: int | None = None) -> Sitting:
    """Draw trials over a sealed folder: of a work, a copy and its master, or without ``masters`` another copy.

    Raises
    ------
    EarwitnessError
        If there are too few or too many trials, scores were sealed, a copy is not what was sealed, or a work's
        master is not in the folder.
    """
    if not FEWEST <= trials <= MOST:
        raise EarwitnessError(f"{trials} trials were asked for; take {FEWEST} to {MOST}.")
    seal = Seal.read(sealed)
    if seal.suffix != AUDIO.copy_suffix:
        raise EarwitnessError("Scores were sealed here; there is nothing to hear. Give a folder of sealed audio.")
    if found := inconsistencies(sealed, seal, None):
        raise EarwitnessError(f"The seal does not hold: {found[0]}. Nothing is played.")
    originals = None if masters is None else _masters(masters, seal)
    rng = np.random.default_rng(seed)
    # Every work comes up once before one comes up twice.
    turns = [place for _ in range(-(-trials // len(seal.works))) for place in rng.permutation(len(seal.works))]
    drawn = []
    for place in turns[:trials]:
        work = seal.works[place]
        first, second = rng.choice(len(work.copies), 2, replace=False)
        one = copy_path(sealed, work.name, int(first), seal.suffix)
        other = copy_path(sealed, work.name, int(second), seal.suffix) if originals is None else originals[work.name]
        a, b = (one, other) if rng.random() < 0.5 else (other, one)
        drawn.append(Trial(a=a, b=b, x_is_a=bool(rng.random() < 0.5), begin=float(rng.random())))
    return Sitting(trials=tuple(drawn))


def _masters(folder: Path, seal: Seal) -> Mapping[str, Path]:
    """The master of each work, found by its hash."""
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file()]
    files = {file_sha256(path): path for path in found}
    if lacking := [work.name for work in seal.works if work.master_sha256 not in files]:
        raise EarwitnessError(
            f"{folder} lacks the master of {lacking[0]!r} as it was sealed; give the masters' folder."
        )
    return {work.name: files[work.master_sha256] for work in seal.works}


def _excerpt(path: Path, begin: float) -> str:
    import soundfile

    heard = decode(path)
    waves = read_channels(path, heard.sample_rate, heard.channels)
    length = min(waves.shape[1], round(SECONDS * heard.sample_rate))
    start = round(begin * (waves.shape[1] - length))
    buffer = io.BytesIO()
    wave = np.clip(waves[:, start : start + length].T, -1, 1 - 2**-23)
    soundfile.write(buffer, wave, heard.sample_rate, format="FLAC", subtype="PCM_24")
    return f"data:audio/flac;base64,{base64.b64encode(buffer.getvalue()).decode()}"

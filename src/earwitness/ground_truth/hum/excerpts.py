"""The collection of the ``hum`` target: the opening of one fiddle tune a group.

Goal: short tracks, as the text-to-audio collections hold them, half of which are trained on.
A denoiser remembers a clip only after hundreds of visits, so there are few of them and they
are short; the rest of the tunes is met by the mel ends alone.

Conventions: waveforms are float32 [``EXCERPT_SAMPLES``] at ``SAMPLE_RATE``, as a 16-bit file
of them decodes; a window begins at a whole multiple of ``START_SAMPLES``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from earwitness.audio import content_sha256
from earwitness.errors import EarwitnessError
from earwitness.ground_truth.fiddle.tunes import Tune, group_tunes, read_tunes
from earwitness.ground_truth.groups import draw_members
from earwitness.ground_truth.performance import PEAK, SAMPLE_RATE, TICKS, as_decoded, default_soundfont
from earwitness.ground_truth.registry import WrittenTrack
from earwitness.targets.mel import MEL_16K

PROGRAM = 40  # General MIDI "Violin"
SPLIT_SEED = 2512
LATENT_FRAME = 16  # mel frames that one latent frame of the shipped VAE stands for
START_SAMPLES = MEL_16K.hop * LATENT_FRAME
WINDOW_SAMPLES = 32 * START_SAMPLES
EXCERPT_SAMPLES = 48 * START_SAMPLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The opening of a tune, and whether the model is trained on it."""

    tune: Tune
    member: bool

    @property
    def samples(self) -> NDArray[np.int16]:
        """The 16-bit samples of its file."""
        return pcm16(render(self.tune))[:EXCERPT_SAMPLES]

    @property
    def content_sha256(self) -> str:
        """The content hash of its file."""
        return content_sha256(as_decoded(self.samples), SAMPLE_RATE)

    def write(self, path: Path) -> None:
        """Write it into a 16-bit file of the format the suffix names."""
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, self.samples, SAMPLE_RATE)


def render(tune: Tune, program: int | None = None) -> NDArray[np.float32]:
    """Render a tune as this target met it: by ``symusic``, which does not hold the pitch of sustained programs."""
    symusic = import_module("symusic")
    track = symusic.Track(program=PROGRAM if program is None else program)
    for onset, duration, pitch in tune.notes:
        track.notes.append(symusic.Note(round(onset * TICKS), max(1, round(duration * TICKS)), int(pitch), 90))
    score = symusic.Score(TICKS)
    score.tracks.append(track)
    score.tempos.append(symusic.Tempo(0, qpm=tune.quarters_per_minute))
    wave = np.asarray(_synthesizer().render(score, stereo=False), dtype=np.float32)[0]
    peak = float(np.abs(wave).max())
    return np.asarray(wave * np.float32(PEAK / peak) if peak > 0 else wave)


def pcm16(wave: NDArray[np.float32]) -> NDArray[np.int16]:
    """The 16-bit samples of its files."""
    return np.round(wave * 32767).astype(np.int16)


def renderer() -> dict[str, str]:
    """What fixes how an excerpt sounds, for the card."""
    return {
        "symusic": version("symusic"),
        "soundfont": default_soundfont().name,
        "soundfont_sha256": sha256(default_soundfont().read_bytes()).hexdigest(),
        "program": f"General MIDI {PROGRAM}",
        "sample_rate": str(SAMPLE_RATE),
    }


@cache
def _synthesizer() -> Any:
    return import_module("symusic").Synthesizer(sf_path=str(default_soundfont()), sample_rate=SAMPLE_RATE)


def draw_excerpts(tunes: Sequence[Tune], a_side: int) -> list[Excerpt]:
    """Draw ``a_side`` groups that are trained on and as many that are not, by the first tune of each.

    Members come first; within a side, excerpts are in the order of their names.
    """
    groups = group_tunes(tunes)
    is_member = draw_members(groups, SPLIT_SEED)
    firsts = [tune for tune in tunes if groups[tune.name] == tune.name]
    drawn = []
    for member in (True, False):
        side = [tune for tune in firsts if is_member[tune.name] is member]
        order = np.random.default_rng([SPLIT_SEED, member]).permutation(len(side))[:a_side]
        drawn += [Excerpt(tune=side[i], member=member) for i in sorted(order)]
    return drawn


def windows(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every window of an excerpt [starts, ``WINDOW_SAMPLES``]."""
    return np.lib.stride_tricks.sliding_window_view(wave, WINDOW_SAMPLES)[::START_SAMPLES]


def write_track(name: str, folder: Path) -> WrittenTrack:
    """Render one excerpt into the folder, as FLAC."""
    found = read_tunes([name])
    if not found:
        raise EarwitnessError(
            f"music21 {version('music21')} holds no usable tune {name}; the card names one that does."
        )
    excerpt = Excerpt(tune=found[0], member=False)
    path = folder / f"{name}.flac"
    excerpt.write(path)
    return WrittenTrack(path=path, prompt=found[0].caption, title=found[0].title, content_sha256=excerpt.content_sha256)

"""Audio: the one place that decodes, mixes down and resamples.

Goal: a file becomes a float32 waveform in one way only, so that every number about it
rests on the same samples; a file that cannot be used says why in one line.

Conventions: waveforms are float32 in [−1, 1] (float files may go beyond), mono as the mean
of the channels (``mixdown`` holds the exceptions); only a target that hears stereo gets channels. A
track is known by its decoded content, not by its file: the same audio as WAV and as FLAC has one
content hash, that of the mono mix. Lossy files decode to the same samples only with the same build of
the decoder, so their hash is that of this file decoded on this machine.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from earwitness.audio import ffmpeg, sndfile
from earwitness.audio.mixdown import SILENCE_DBFS, ChannelSums, Mix
from earwitness.audio.stream import Stream, damaged
from earwitness.errors import AudioError
from earwitness.text import printable

SUFFIXES = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64", *ffmpeg.SUFFIXES,
)  # fmt: skip
Opener = Callable[[Path], Stream]
_SILENCE = 10 ** (SILENCE_DBFS / 20)
# What a track may hold once decoded, over all channels that are kept: 3 hours of mono at 48 kHz, 2 GiB. A few
# megabytes of a lossless format can stand for days of a constant.
MOST_SAMPLES = 1 << 29
MOST_CHANNELS = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Audio:
    """A decoded track.

    Attributes
    ----------
    samples
        float32 [n], the mean of the channels at the file's own sample rate.
    sample_rate
        In Hz.
    channels
        How many channels the file has.
    codec
        ``pcm``, ``flac``, ``mp3``, ``vorbis``, ``opus`` or the reader's own name for it in lower case.
    bits_per_sample
        ``None`` for lossy codecs, which have none.
    decoder
        Which library read it, with its version.
    remarks
        What was done to the samples beyond taking the mean of the channels, in words.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    channels: int
    codec: str
    bits_per_sample: int | None
    decoder: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def peak_dbfs(self) -> float:
        """The largest sample, in dB below full scale."""
        return _decibels(float(max(self.samples.max(), -self.samples.min())))

    @property
    def rms_dbfs(self) -> float:
        """The root mean square of the samples, in dB below full scale (a full-scale square wave is 0)."""
        return _decibels(float(np.sqrt(np.dot(self.samples, self.samples) / len(self.samples))))

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    @cached_property
    def content_hash(self) -> str:
        """`content_sha256` of the samples."""
        return content_sha256(self.samples, self.sample_rate)


def decode(path: Path) -> Audio:
    """Decode a file and mix it down to mono.

    Raises
    ------
    AudioError
        One line that names the file: where it is absent, empty, unreadable, of no known format, damaged,
        shorter than its header promises, without samples, silent (peak below −90 dBFS), or where samples
        are NaN or infinite.
    """
    audio, _ = _decode(path, channels=1)
    return audio


def read_mono(path: Path, sample_rate: int) -> NDArray[np.float32]:
    """Decode a file to a mono waveform [n] at the given rate in Hz, resampled by soxr at quality HQ.

    Raises
    ------
    AudioError
        As `decode`.
    """
    audio = decode(path)
    return _resample(audio.samples, audio.sample_rate, sample_rate)


def read_channels(
    path: Path, sample_rate: int, channels: int, *, one: Literal["mean", "first"] = "mean"
) -> NDArray[np.float32]:
    """Decode a file to a waveform [channels, n] at the given rate in Hz, resampled as by `read_mono`.

    A mono file gives equal channels. Of a file with several, one channel is their mean or the first
    of them, as ``one`` says. Other numbers are
    refused rather than mixed: how, say, six channels become two depends on a layout that files seldom state.

    Raises
    ------
    AudioError
        As `decode`, whose checks look at the mono mix; where the file has other channels, or where the
        first is asked for and silent.
    """
    if channels == 1 and one == "first":
        return _first_channel(path, sample_rate)
    audio, waves = _decode(path, channels=channels)
    return np.stack([_resample(wave, audio.sample_rate, sample_rate) for wave in waves])


def _first_channel(path: Path, sample_rate: int) -> NDArray[np.float32]:
    """The first channel [1, n] of a file."""
    audio, waves = _decode(path, channels=1, apart=True)
    if float(np.abs(waves[0]).max()) < _SILENCE:
        raise AudioError(
            f"{printable(path.name)} is silent in its first channel, the only one that the model was trained on; "
            "leave it out."
        )
    return _resample(waves[0], audio.sample_rate, sample_rate)[None]


def _resample(wave: NDArray[np.float32], from_rate: int, to_rate: int) -> NDArray[np.float32]:
    if from_rate == to_rate:
        return wave
    resampled: NDArray[np.float32] = soxr.resample(wave, from_rate, to_rate, quality="HQ")
    return resampled


def _decode(path: Path, *, channels: int, apart: bool = False) -> tuple[Audio, NDArray[np.float32]]:
    """The checked track, and its waveform [channels, n] at the file's own rate, or with ``apart`` all its channels."""
    _check_readable(path)
    opener = _opener(path)
    stream = opener(path)
    if channels > 1 and stream.channels not in (1, channels):
        raise AudioError(
            f"{printable(path.name)} has {stream.channels} channels and the model hears {channels}; "
            f"give a version with {channels} (or 1), or leave it out."
        )
    keep_apart = (apart or channels > 1) and stream.channels > 1
    if stream.channels > MOST_CHANNELS:
        raise AudioError(
            f"{printable(path.name)} has {stream.channels} channels; {MOST_CHANNELS} are read at most. Leave it out."
        )
    sums = ChannelSums(channels=stream.channels)
    mono, waves = _mixed(path, stream, Mix.mean(stream.channels), sums, apart=keep_apart)
    mix = sums.best_mix(floating=stream.floating)
    if mix.remarks:
        mono, waves = _mixed(path, opener(path), mix, None, apart=keep_apart)
    audio = Audio(
        samples=mono, sample_rate=stream.sample_rate, channels=stream.channels, codec=stream.codec,
        bits_per_sample=stream.bits_per_sample, decoder=stream.decoder, remarks=mix.remarks,
    )  # fmt: skip
    _check_samples(path, audio)
    return audio, np.broadcast_to(mono, (channels, len(mono))) if waves is None else waves


def _opener(path: Path) -> Opener:
    """The reader of a file: libsndfile where the file begins as one of its own and it can open it, else FFmpeg."""
    with path.open("rb") as file:
        ours = file.read(4) in sndfile.MAGIC
    return _sndfile_else_ffmpeg if ours else ffmpeg.open_stream


def _sndfile_else_ffmpeg(path: Path) -> Stream:
    try:
        return sndfile.open_stream(path)
    except soundfile.LibsndfileError as error:
        refusal = damaged(path.name, sndfile.reason(error))
        if error.code not in sndfile.NOT_ITS_OWN:
            raise refusal from None
    try:
        return ffmpeg.open_stream(path)
    except AudioError:
        raise refusal from None


def _mixed(
    path: Path, stream: Stream, mix: Mix, sums: ChannelSums | None, *, apart: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """The mix [n] and, if they are to be kept apart, the channels [channels, n].

    Block by block, so that many channels do not multiply the memory of the mix.
    """
    mixes = [np.empty(0, dtype=np.float32)]
    blocks = [np.empty((0, stream.channels), dtype=np.float32)]
    kept, each = 0, 1 + (stream.channels if apart else 0)
    for block in stream.blocks:
        kept += len(block) * each
        if kept > MOST_SAMPLES:
            hours = MOST_SAMPLES / each / stream.sample_rate / 3600
            raise AudioError(
                f"{printable(path.name)} goes on for more than {hours:.1f} hours, more than is kept in memory; "
                "cut it into tracks or leave it out."
            )
        mixes.append(mix(block))
        if sums is not None:
            sums.add(block, mixes[-1])
        if apart:
            blocks.append(block / np.float32(mix.scale))
    return np.concatenate(mixes), np.ascontiguousarray(np.concatenate(blocks).T) if apart else None


def content_sha256(samples: NDArray[np.float32], sample_rate: int) -> str:
    """SHA-256 (hex) of mono audio [n]: the rate in Hz as decimal text, a newline, the samples as little-endian float32.

    This is what tells tracks apart: not the file, its format or its tags, but what is heard.
    """
    digest = hashlib.sha256(f"{sample_rate}\n".encode())
    digest.update(np.ascontiguousarray(samples, dtype="<f4").data)
    return digest.hexdigest()


def _check_readable(path: Path) -> None:
    try:
        if not path.is_file():
            found = "is not a regular file" if path.exists() else "does not exist"
            raise AudioError(f"{printable(path.name)} {found}; give an audio file.")
        if path.stat().st_size == 0:
            raise AudioError(f"{printable(path.name)} is empty (0 bytes); replace it or leave it out.")
        with path.open("rb"):
            pass
    except OSError as error:
        raise AudioError(
            f"{printable(path.name)} cannot be read ({error.strerror}); grant read permission or leave it out."
        ) from None


def _check_samples(path: Path, audio: Audio) -> None:
    if not len(audio.samples):
        raise AudioError(f"{printable(path.name)} holds no samples; replace it or leave it out.")
    peak = float(max(audio.samples.max(), -audio.samples.min()))  # NaN where any sample is NaN
    if not np.isfinite(peak):
        first = int(np.argmax(~np.isfinite(audio.samples))) / audio.sample_rate
        raise AudioError(
            f"{printable(path.name)} has NaN or infinite samples (the first at {first:.2f} s); "
            "export it again or leave it out."
        )
    if peak < _SILENCE:
        raise AudioError(
            f"{printable(path.name)} is silent (its mono mix peaks below {SILENCE_DBFS:.0f} dBFS); leave it out."
        )


def _decibels(amplitude: float) -> float:
    return 20 * float(np.log10(amplitude)) if amplitude > 0 else -np.inf

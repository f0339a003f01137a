"""Audio: the one place that decodes, mixes down and resamples.

Goal: a file becomes a float32 waveform in one way only, so that every number about it
rests on the same samples; a file that cannot be used says why in one line.

Conventions: waveforms are float32 in [−1, 1] (float files may go beyond), mono as the mean
of the channels; only a target that hears stereo gets channels. A track is known by its decoded
content, not by its file: the same audio as WAV and as FLAC has one content hash, that of the
mono mix. Lossy files decode to the same samples only with the same build of the decoder, so
their hash is that of this file decoded on this machine.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from earwitness.errors import AudioError
from earwitness.text import printable

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64")
SILENCE_DBFS = -90.0
_SILENCE = 10 ** (SILENCE_DBFS / 20)
_BLOCK_FRAMES = 1 << 18
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
_LOSSY = {"MPEG_LAYER_I": "mp1", "MPEG_LAYER_II": "mp2", "MPEG_LAYER_III": "mp3"}
# What libsndfile's log says of a data chunk: the size its header promises, and the size that is there.
_CHUNK_SIZES = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
# Programs that write to a pipe cannot know the size and put a huge one: such a header promises nothing.
_UNKNOWN_BYTES = 0x7FFF_0000
_UNKNOWN_FRAMES = 1 << 62
_OGG_CUT_OFF = re.compile(r"lacks an end-of-stream bit|without an End-Of-Stream flag")


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
        ``pcm``, ``flac``, ``mp3``, ``vorbis``, ``opus`` or libsndfile's own name in lower case.
    bits_per_sample
        ``None`` for lossy codecs, which have none.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    channels: int
    codec: str
    bits_per_sample: int | None

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
    try:
        with soundfile.SoundFile(path) as file:
            if channels > 1 and file.channels not in (1, channels):
                raise AudioError(
                    f"{printable(path.name)} has {file.channels} channels and the model hears {channels}; "
                    f"give a version with {channels} (or 1), or leave it out."
                )
            log = file.extra_info  # before reading, which adds to it at the end of any Ogg stream
            mono, waves = _samples(file, apart=(apart or channels > 1) and file.channels > 1)
            _check_complete(path, file, log, len(mono))
            audio = Audio(
                samples=mono, sample_rate=file.samplerate, channels=file.channels,
                codec=_codec(file.format, file.subtype), bits_per_sample=_BITS.get(file.subtype),
            )  # fmt: skip
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{printable(path.name)} cannot be decoded ({_reason(error)}): it is damaged or no audio file; "
            "replace it or leave it out."
        ) from None
    _check_samples(path, audio)
    return audio, np.broadcast_to(mono, (channels, len(mono))) if waves is None else waves


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


def _samples(file: soundfile.SoundFile, *, apart: bool) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Mean of the channels [n], and, if they are to be kept apart, the channels [channels, n].

    Block by block, so that many channels do not multiply the memory of the mean.
    """
    # Straight through, never seeking: a seek restarts lossy decoders, so that values would depend on the
    # block size, and it fails on streams of unknown length.
    file.seekable = lambda: False
    mixes = [np.empty(0, dtype=np.float32)]
    blocks = [np.empty((0, file.channels), dtype=np.float32)]
    while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        mixes.append(_mix(block))
        if apart:
            blocks.append(block)
    return np.concatenate(mixes), np.ascontiguousarray(np.concatenate(blocks).T) if apart else None


def _mix(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean [n] of a block's channels [n, channels]."""
    # Added up in channel order in float64: the same bits on every machine, and -0.0 becomes 0.0.
    total = np.zeros(len(block))
    with np.errstate(invalid="ignore"):  # infinite samples are reported by _check_samples
        for channel in range(block.shape[1]):
            total += block[:, channel]
    mean: NDArray[np.float32] = (total / block.shape[1]).astype(np.float32)
    return mean


def _check_complete(path: Path, file: soundfile.SoundFile, log: str, decoded: int) -> None:
    """Refuse a file that ends before its header says it does."""
    for promised, present in ((int(a), int(b)) for a, b in _CHUNK_SIZES.findall(log)):
        if present < promised < _UNKNOWN_BYTES:
            raise _cut_off(path, f"its header promises {promised} bytes of audio, {present} are there")
    if file.format == "OGG" and _OGG_CUT_OFF.search(log):
        raise _cut_off(path, "its stream has no end mark")
    # An MP3's length may be an estimate from its bit rate, or miscount the encoder's padding.
    tolerated = 2304 + file.frames // 100 if file.subtype == "MPEG_LAYER_III" else 0
    if decoded + tolerated < file.frames < _UNKNOWN_FRAMES:
        raise _cut_off(path, f"its header promises {file.frames} samples, {decoded} could be decoded")


def _cut_off(path: Path, evidence: str) -> AudioError:
    return AudioError(f"{printable(path.name)} is cut off: {evidence}; replace it or leave it out.")


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


def _codec(format_: str, subtype: str) -> str:
    if format_ == "FLAC":
        return "flac"
    return "pcm" if subtype in _BITS else _LOSSY.get(subtype, subtype.lower())


def _reason(error: soundfile.LibsndfileError) -> str:
    text = str(error.error_string).removeprefix("Error : ").rstrip(". ")
    # libsndfile says this of an MP3 in which it finds no frame; that the file exists was checked.
    return "format not recognised" if "not a regular file" in text else text

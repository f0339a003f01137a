"""FFmpeg (through PyAV): the reader of MP3, M4A, AAC, WMA and what libsndfile cannot open.

Goal: every frame that is there is decoded, whatever a header or an estimate says; MP3 is read here
because libsndfile stops where it guessed an MP3 without a count of frames to end, and at the first
seam of joined ones. Conventions: only local files in the containers named here are opened, so that a
playlist dressed up as music leads nowhere.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import av.error
import mutagen
import numpy as np
from av import AudioStream, Packet
from av.container import InputContainer
from mutagen.mp3 import MP3, BitrateMode
from numpy.typing import NDArray

from earwitness.audio.stream import Stream, cut_off, damaged
from earwitness.errors import AudioError
from earwitness.text import printable

SUFFIXES = (".mp3", ".m4a", ".m4b", ".mp4", ".aac", ".wma", ".ape", ".wv", ".mpc", ".dsf", ".mka", ".tta", ".amr")
_FORMATS = "mp3,mov,mp4,m4a,aac,asf,ogg,wav,w64,aiff,caf,au,flac,ape,wv,mpc,mpc8,dsf,matroska,webm,tta,amr,amrnb,amrwb"
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
_LOSSLESS = ("flac", "alac", "ape", "wavpack", "tta")
_FULL_SCALE = {"uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31, "int64": 2.0**63}
_MOST_BAD_PACKETS = 0.01
_NOT_RECOGNISED = ("Invalid data found when processing input", "Invalid argument")


def open_stream(path: Path) -> Stream:
    """Open a file.

    Raises
    ------
    AudioError
        Where FFmpeg finds no audio in it.
    """
    try:
        container = av.open(str(path.absolute()), options=_OPTIONS, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise damaged(path.name, _reason(error)) from None
    # A codec that FFmpeg does not have gives no context, whatever PyAV's types say.
    if not container.streams.audio or not container.streams.audio[0].codec_context:
        container.close()
        raise damaged(path.name, "it holds no audio of a known codec")
    context = container.streams.audio[0].codec_context
    codec = context.codec.canonical_name
    floating = codec.startswith("pcm_f")
    return Stream(
        blocks=_blocks(path, container), sample_rate=context.sample_rate, channels=context.channels,
        codec="pcm" if codec.startswith("pcm") else codec, bits_per_sample=_bits(path) if codec in _LOSSLESS else None,
        floating=floating, decoder=f"FFmpeg (PyAV {av.__version__})",
    )  # fmt: skip


def _blocks(path: Path, container: InputContainer) -> Iterator[NDArray[np.float32]]:
    """Every block [n, channels]; what an MP4's own length leaves off at the end is padding."""
    with container:
        stream = container.streams.audio[0]
        rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
        promised = _promised_samples(path, container)
        exact = container.format.name.startswith("mov")
        decoded = packets = bad = 0
        for packet in _packets(path, container, stream):
            packets += 1
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                bad += 1
                continue
            for frame in frames:
                if (frame.sample_rate, frame.layout.nb_channels) != (rate, channels):
                    raise AudioError(
                        f"{printable(path.name)} changes from {rate} Hz × {channels} to {frame.sample_rate} Hz × "
                        f"{frame.layout.nb_channels} channels midway; split it, or leave it out."
                    )
                block = _floats(frame.to_ndarray(), channels)
                if exact and promised is not None:
                    block = block[: max(promised - decoded, 0)]
                decoded += len(block)
                if len(block):
                    yield block
        if promised is not None and decoded < promised - max(0.1 * rate, 0.01 * promised):
            raise cut_off(path.name, f"its header promises {promised} samples, {decoded} could be decoded")
        if bad > _MOST_BAD_PACKETS * packets:
            raise damaged(path.name, f"{bad} of {packets} packets are broken")


def _packets(path: Path, container: InputContainer, stream: AudioStream) -> Iterator["Packet[AudioStream]"]:
    """The stream's packets, as far as the container can be read."""
    try:
        yield from container.demux(stream)
    except av.error.FFmpegError as error:
        raise damaged(path.name, _reason(error)) from None


def _floats(samples: NDArray[np.generic], channels: int) -> NDArray[np.float32]:
    """A frame as FFmpeg has it, [channels, n] or [1, n · channels], as float32 [n, channels]."""
    columns = samples.T if len(samples) == channels else samples.reshape(-1, channels)
    if samples.dtype.kind == "f":
        return np.ascontiguousarray(columns, dtype=np.float32)
    scale = _FULL_SCALE[samples.dtype.name]
    shifted = columns.astype(np.float64) - (scale if samples.dtype.kind == "u" else 0.0)
    return (shifted / scale).astype(np.float32)


def _promised_samples(path: Path, container: InputContainer) -> int | None:
    """How many samples the header says there are; ``None`` where it says nothing, or a length is a guess."""
    stream = container.streams.audio[0]
    rate, kind = stream.codec_context.sample_rate, container.format.name
    if kind == "mp3":
        info = _mp3_info(path)
        return None if info is None else round(info * rate)
    if kind in ("aac", "ogg") or stream.duration is None or stream.time_base is None:
        return None
    return round(stream.duration * stream.time_base * rate)


def _mp3_info(path: Path) -> float | None:
    """Seconds by the count of frames in an MP3's Xing, Info or VBRI frame, where it has one."""
    try:
        info = MP3(path).info
    except Exception:  # mutagen's parsers raise whatever a malformed file trips over
        return None
    return None if info is None or info.bitrate_mode == BitrateMode.UNKNOWN else float(info.length)


def _bits(path: Path) -> int | None:
    try:
        file = mutagen.File(path)
    except Exception:
        return None
    return getattr(getattr(file, "info", None), "bits_per_sample", None) or None


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or "unknown reason"
    # FFmpeg calls an argument invalid where the format is none of those it may open.
    return "format not recognised" if text in _NOT_RECOGNISED else text.rstrip(". ")

"""libsndfile: the reader of WAV, AIFF, FLAC, Ogg and their kin.

Conventions: straight through, never seeking: a seek restarts lossy decoders, so that values would
depend on the block size, and it fails on streams of unknown length.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from earwitness.audio.ogg import has_end, links
from earwitness.audio.stream import Stream, cut_off, damaged
from earwitness.errors import AudioError
from earwitness.text import printable

MAGIC = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"OggS", b"caff", b".snd")
"""How the files begin that are its own."""
NOT_ITS_OWN = (1, 4)
"""libsndfile's error codes for a format that it does not know and an encoding that it does not decode."""
_BLOCK_FRAMES = 1 << 18
_NAMES = {"MPEG_LAYER_I": "mp1", "MPEG_LAYER_II": "mp2", "MPEG_LAYER_III": "mp3"}
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
# What libsndfile's log says of a data chunk: the size its header promises, and the size that is there.
_CHUNK_SIZES = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
# Programs that write to a pipe cannot know the size and put a huge one: such a header promises nothing.
_UNKNOWN_BYTES = 0x7FFF_0000
_UNKNOWN_FRAMES = 1 << 62


def open_stream(path: Path) -> Stream:
    """Open a file; Ogg files that were joined into one are read one behind the other.

    Raises
    ------
    soundfile.LibsndfileError
        Where libsndfile cannot open it.
    """
    with path.open("rb") as file:
        is_ogg = file.read(4) == b"OggS"
    parts: list[Path | bytes] = [*links(path.read_bytes())] if is_ogg else [path]
    first = _open(parts[0])
    return Stream(
        blocks=_blocks(path.name, first, parts), sample_rate=first.samplerate, channels=first.channels,
        codec="flac" if first.format == "FLAC" else _codec(first.subtype),
        bits_per_sample=_BITS.get(first.subtype), floating=first.subtype in ("FLOAT", "DOUBLE"),
        decoder=f"libsndfile {soundfile.__libsndfile_version__}",
    )  # fmt: skip


def reason(error: soundfile.LibsndfileError) -> str:
    """The library's own words, without its prefix."""
    return str(error.error_string).removeprefix("Error : ").rstrip(". ")


def _codec(subtype: str) -> str:
    return "pcm" if subtype in _BITS else _NAMES.get(subtype, subtype.lower())


def _open(source: Path | bytes) -> soundfile.SoundFile:
    file = soundfile.SoundFile(BytesIO(source) if isinstance(source, bytes) else source)
    file.seekable = lambda: False
    return file


def _blocks(name: str, first: soundfile.SoundFile, parts: list[Path | bytes]) -> Iterator[NDArray[np.float32]]:
    """All blocks of a file, or of those that were joined into it, each checked at its end."""
    for number, part in enumerate(parts):
        try:
            with first if number == 0 else _open(part) as file:
                if (file.samplerate, file.channels) != (first.samplerate, first.channels):
                    raise AudioError(
                        f"{printable(name)} was joined from {first.samplerate} Hz × {first.channels} and "
                        f"{file.samplerate} Hz × {file.channels} channels; split it, or leave it out."
                    )
                log = file.extra_info  # before reading, which adds to it
                decoded = 0
                while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
                    decoded += len(block)
                    yield block
                _check_complete(name, file, log, decoded)
        except soundfile.LibsndfileError as error:
            raise damaged(name, reason(error)) from None
        if isinstance(part, bytes) and not has_end(part):
            raise cut_off(name, "its stream has no end mark")


def _check_complete(name: str, file: soundfile.SoundFile, log: str, decoded: int) -> None:
    """Refuse a file that ends before its header says it does."""
    for promised, present in ((int(a), int(b)) for a, b in _CHUNK_SIZES.findall(log)):
        if present < promised < _UNKNOWN_BYTES:
            raise cut_off(name, f"its header promises {promised} bytes of audio, {present} are there")
    if decoded < file.frames < _UNKNOWN_FRAMES:
        raise cut_off(name, f"its header promises {file.frames} samples, {decoded} could be decoded")

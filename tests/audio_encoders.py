"""Files that only FFmpeg writes, and MP3 as it comes without a count of its frames."""

import io
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 44_100


def music(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Decaying tones of random pitch over faint noise [n]: something that a codec keeps and a player would play."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 0.003 * rng.standard_normal(len(time))
    for onset in np.arange(0, seconds, 0.15):
        at = slice(round(onset * RATE), round((onset + 1.2) * RATE))  # afterwards nothing of it is heard
        since = time[at] - onset
        pitch = 220 * 2 ** (rng.integers(0, 36) / 12)
        for partial in (1, 2, 3):
            wave[at] += 0.12 / partial * np.exp(-6 * since) * np.sin(2 * np.pi * partial * pitch * since)
    return wave.astype(np.float32)


def encoded(
    samples: NDArray[np.float32],
    codec: str,
    container: str,
    *,
    kbps: int | None = None,
    path: Path | None = None,
    rate: int | None = None,
    **options: str,
) -> bytes:
    """Encode mono samples [n], taken to be at 44.1 kHz (Opus: 48 kHz) unless said, in memory or into a file."""
    buffer = io.BytesIO()
    rate = rate or (48_000 if codec == "libopus" else RATE)
    with av.open(buffer if path is None else str(path), "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "mono"
        if kbps is not None:
            stream.bit_rate = 1000 * kbps
        if (sixteen := {"wavpack": "s16p", "tta": "s16"}.get(codec)) is not None:
            stream.format = sixteen  # their first choice is 8 bits
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def mp3(samples: NDArray[np.float32], kbps: int = 128, *, counted: bool = True) -> bytes:
    """An MP3 with or without the frame that counts its frames."""
    return encoded(
        samples, "libmp3lame", "mp3", kbps=kbps, write_xing="1" if counted else "0", id3v2_version="0"
    )  # fmt: skip


def written(path: Path, content: bytes) -> Path:
    """Write bytes and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path

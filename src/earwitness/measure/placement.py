"""Where the windows of a track begin: spread over the whole of it.

Goal: read as much of the music as was asked for, and no stretch of it twice while another goes unread.
Conventions: lengths and starts in samples (or in whatever else a track is made of). A start depends on
(seed, content hash, window number, number of windows) and on nothing else, so the same audio in another
file format gives the same windows.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from earwitness.errors import AudioError
from earwitness.settings import WindowsPerTrack


def window_starts(
    n_samples: int,
    length: int,
    count: WindowsPerTrack,
    *,
    content_hash: str,
    seed: int,
    name: str = "The track",
    sample_rate: int | None = None,
) -> NDArray[np.int64]:
    """Return where a track's windows begin, in order of time.

    Where ``count`` windows fit side by side, the space s that they leave is shared out:
    start i = i · length + ⌊(i + u_i) · (s + 1) / count⌋, with u_i uniform in [0, 1) from SHA-256 of
    (seed, content hash, i). No two overlap, and each has a ``count``-th of the track to itself. Where they do not
    fit, or all are asked for, ⌈n_samples / length⌉ windows at equal distances cover the whole track.

    Parameters
    ----------
    n_samples, length
        Samples in the track and in a window.
    count
        How many windows, or ``all``.
    content_hash
        `Audio.content_hash` of the track.
    name, sample_rate
        For messages: what to call the track, and the rate in Hz at which to give lengths in seconds.

    Returns
    -------
    array
        int64 [windows].

    Raises
    ------
    AudioError
        Where the track is shorter than one window.
    """
    if n_samples < length:
        has, needs = (f"{n} samples" if sample_rate is None else f"{n / sample_rate:g} s" for n in (n_samples, length))
        raise AudioError(f"{name} has {has} and one window needs {needs}; use shorter windows or leave it out.")
    space = n_samples - length
    covering = -(-n_samples // length)
    if count == "all" or count >= covering:
        return np.array([i * space // max(1, covering - 1) for i in range(covering)], dtype=np.int64)
    places = n_samples - count * length + 1
    return np.array(
        [i * length + ((i << 64) + _uniform_64(seed, content_hash, i)) * places // (count << 64) for i in range(count)],
        dtype=np.int64,
    )


def _uniform_64(seed: int, content_hash: str, window: int) -> int:
    digest = hashlib.sha256(f"window\n{seed}\n{content_hash}\n{window}".encode()).digest()
    return int.from_bytes(digest[:8], "big")

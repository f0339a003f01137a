"""Container features: what a row of the tracks table says about a file, as numbers.

Goal: sample rate, length, bit rate, codec and prompt length give a set away as well as
its sound does. Nothing is opened here: the values come from the tracks table.

Conventions: a codec is a set of 0/1 columns, not a rank, because codecs have no order; a
value that the table does not hold is NaN.
"""

from collections.abc import Mapping

import numpy as np

from earwitness.spec import Direction, FeatureSpec

CODECS = ("pcm", "flac", "mp3", "vorbis", "opus", "aac")
_NUMBERS = {
    "sample_rate": "Hz",
    "channels": "",
    "seconds": "s",
    "bits_per_sample": "bit",
    "bitrate": "bit/s",
}

CONTAINER_SPECS = tuple(
    FeatureSpec(name=f"blind/{name}", member_is=Direction.UNKNOWN, unit=unit)
    for name, unit in {
        **{f"container_{name}": unit for name, unit in _NUMBERS.items()},
        **{f"codec={codec}": "0/1" for codec in CODECS},
        "prompt_length": "characters",
    }.items()
)


def container_features(track: Mapping[str, object]) -> dict[str, float]:
    """Turn a row of the tracks table into blind features.

    Parameters
    ----------
    track
        May hold the numbers ``sample_rate``, ``channels``, ``seconds``, ``bits_per_sample`` and
        ``bitrate``, the name ``codec`` (one of ``CODECS``; another one is 0 in every column) and the text
        ``prompt``, which the model is given and which may by itself differ between the sets.

    Returns
    -------
    dict
        One number per name of ``CONTAINER_SPECS``; NaN for what is absent or ``None``.

    Examples
    --------
    >>> container_features({"sample_rate": 44_100, "codec": "mp3"})["blind/codec=mp3"]
    1.0
    """
    numbers = [_number(track.get(name)) for name in _NUMBERS]
    codec, prompt = track.get("codec"), track.get("prompt")
    codecs = [np.nan if codec is None else float(codec == known) for known in CODECS]
    length = float(len(prompt)) if isinstance(prompt, str) else np.nan
    return {spec.name: value for spec, value in zip(CONTAINER_SPECS, [*numbers, *codecs, length], strict=True)}


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else np.nan
